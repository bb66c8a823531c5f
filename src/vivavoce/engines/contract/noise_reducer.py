"""What noise reduction keeps: as many samples as went in, soon, and the same for all pieces."""

from typing import TypeVar, get_args

import numpy as np
import numpy.typing as npt
import pytest

from vivavoce.audio.pcm import to_pcm, to_samples
from vivavoce.audio.units import BYTES_PER_MS, BYTES_PER_SAMPLE
from vivavoce.engines.base import NoiseReducer
from vivavoce.engines.contract.lifecycle import EngineContract
from vivavoce.protocol.session_config import NoiseReductionKind
from vivavoce.speech import clip

Reducer = TypeVar("Reducer", bound=NoiseReducer)

LONGEST_DELAY_MS = 30
LEVEL_MS = 5
KINDS: tuple[NoiseReductionKind, ...] = get_args(NoiseReductionKind)


def noise(seconds: float) -> npt.NDArray[np.float64]:
    """Even noise at 24 kHz, well below speech."""
    return np.random.default_rng(0).normal(0, 400, int(seconds * 24_000))


def levels(pcm: bytes) -> npt.NDArray[np.float64]:
    """How loud each 5 ms are."""
    samples = to_samples(pcm).astype(np.float64)
    frames = samples[: len(samples) // (24 * LEVEL_MS) * 24 * LEVEL_MS].reshape(-1, 24 * LEVEL_MS)
    loudness: npt.NDArray[np.float64] = np.sqrt(np.mean(frames**2, axis=1))
    return loudness


class NoiseReducerContract(EngineContract[Reducer]):
    """The tests of a `NoiseReducer`."""

    def reduced(self, engine: Reducer, pcm: bytes, *pieces: int) -> bytes:
        """A stream of its own, pushed in pieces of so many samples, and then the rest."""
        stream, out, start = engine.open_stream("near_field"), b"", 0
        for piece in (*pieces, len(pcm)):
            out += stream.reduce(pcm[start : start + piece * BYTES_PER_SAMPLE])
            start += piece * BYTES_PER_SAMPLE
        return out

    @pytest.mark.parametrize("samples", [0, 1, 7, 240, 479, 480, 24_001])
    async def test_as_many_samples_come_out(self, engine: Reducer, samples: int) -> None:
        """Positions in what is heard are those of what was sent."""
        stream = engine.open_stream("far_field")
        pcm = bytes(samples * BYTES_PER_SAMPLE)
        assert [len(stream.reduce(pcm)) for _ in range(3)] == [len(pcm)] * 3

    async def test_pieces_do_not_matter(self, engine: Reducer) -> None:
        """Clients append audio in any pieces."""
        pcm = clip("story").pcm
        whole = self.reduced(engine, pcm)
        same = whole == self.reduced(engine, pcm, 1, 479, 240, 5000, 3)
        assert same, "in other pieces it sounds otherwise"  # pytest would compare bytes for minutes

    async def test_streams_do_not_hear_each_other(self, engine: Reducer) -> None:
        """Each session has its own noise."""
        alone = self.reduced(engine, clip("hello").pcm)
        one, other = engine.open_stream("near_field"), engine.open_stream("far_field")
        out = b""
        for start in range(0, len(clip("hello").pcm), 960):
            out += one.reduce(clip("hello").pcm[start : start + 960])
            other.reduce(to_pcm(noise(0.02)))
        same = out == alone
        assert same, "it sounds otherwise beside another stream"

    @pytest.mark.parametrize("kind", KINDS)
    async def test_even_noise_falls(self, engine: Reducer, kind: NoiseReductionKind) -> None:
        """By half at least, once it is known."""
        sound = noise(4)
        out = to_samples(engine.open_stream(kind).reduce(to_pcm(sound)))
        assert np.std(out[-24_000:]) < np.std(sound) / 2

    async def test_speech_stays_and_comes_soon(self, engine: Reducer) -> None:
        """What comes out is as loud as what went in, a little later."""
        pcm = clip("story").pcm
        sent, heard = levels(pcm), levels(self.reduced(engine, pcm))
        likeness = [
            np.corrcoef(sent[: len(sent) - steps], heard[steps:])[0, 1]
            for steps in range(3 * LONGEST_DELAY_MS // LEVEL_MS)
        ]
        delay_ms = int(np.argmax(likeness)) * LEVEL_MS
        assert max(likeness) > 0.8, f"at best it is like {max(likeness):.2f} of it"
        assert delay_ms <= LONGEST_DELAY_MS, f"it comes {delay_ms} ms later"

    async def test_silence_stays_silence(self, engine: Reducer) -> None:
        """Nothing is made up."""
        out = to_samples(engine.open_stream("near_field").reduce(bytes(1000 * BYTES_PER_MS)))
        assert np.abs(out).max() < 100
