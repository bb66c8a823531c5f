"""What a detector keeps: each stream has its own memory, whatever else is scored with it."""

from collections.abc import Callable
from typing import ClassVar, TypeVar

import numpy as np
import numpy.typing as npt
import pytest

from vivavoce.audio.pcm import to_samples
from vivavoce.audio.units import VAD_WINDOW
from vivavoce.engines.base import EngineError, VoiceActivityDetector
from vivavoce.engines.contract.lifecycle import EngineContract
from vivavoce.engines.contract.readable import check_readable
from vivavoce.speech import clip

Windows = npt.NDArray[np.int16]
"""Shape `[windows, 768]`, at 24 kHz."""

Detector = TypeVar("Detector", bound=VoiceActivityDetector)


class VoiceActivityDetectorContract(EngineContract[Detector]):
    """The tests of a `VoiceActivityDetector`.

    Two scores are the same if they differ by less than `tolerance`: a batch is computed in
    another order than a single window.
    """

    tolerance: ClassVar[float] = 1e-3

    def speech(self) -> Windows:
        """Windows in which somebody speaks."""
        return windows_of(to_samples(clip("story").pcm))

    def scores(self, engine: Detector, sound: Windows) -> list[float]:
        """The scores of a sound in a stream of its own."""
        stream = engine.open_stream()
        try:
            return [engine.score([stream], window[np.newaxis])[0] for window in sound]
        finally:
            engine.close_stream(stream)

    def same(self, one: list[float], other: list[float]) -> bool:
        """Whether scores are those of the same sound."""
        return bool(np.abs(np.subtract(one, other)).max() < self.tolerance)

    async def test_speech_scores_higher_than_silence(self, engine: Detector) -> None:
        """By any threshold that one may set."""
        silence = self.scores(engine, np.zeros((40, VAD_WINDOW), np.int16))
        speech = self.scores(engine, self.speech())
        assert np.mean(speech) > np.mean(silence[-20:]) + 0.2, (
            f"speech scores {np.mean(speech):.2f}, silence {np.mean(silence[-20:]):.2f}"
        )

    @pytest.mark.parametrize("kind", ["speech", "silence", "noise", "clipped", "offset"])
    async def test_a_score_is_a_probability(self, engine: Detector, kind: str) -> None:
        """A float from 0 to 1, for every sound."""
        generator = np.random.default_rng(0)
        size = (20, VAD_WINDOW)
        sound = {
            "speech": self.speech(),
            "silence": np.zeros(size, np.int16),
            "noise": generator.normal(0, 3_000, size).astype(np.int16),
            "clipped": generator.choice([-32_768, 32_767], size).astype(np.int16),
            "offset": np.full(size, 32_767, np.int16),
        }[kind]
        for score in self.scores(engine, sound):
            assert isinstance(score, float), f"{score!r} is no float"
            assert 0.0 <= score <= 1.0, f"{score} is no probability"

    async def test_a_batch_scores_like_its_streams_one_by_one(self, engine: Detector) -> None:
        """In the order of its streams."""
        sounds = different_sounds(self.speech()[:24])
        alone = [self.scores(engine, sound) for sound in sounds]
        streams = [engine.open_stream() for _ in sounds]
        together = [engine.score(streams, np.stack(column)) for column in zip(*sounds, strict=True)]
        for stream in streams:
            engine.close_stream(stream)
        for number, expected in enumerate(alone):
            found = [column[number] for column in together]
            assert self.same(found, expected), f"stream {number}: {found} instead of {expected}"

    async def test_streams_that_come_and_go_do_not_disturb_the_others(
        self, engine: Detector
    ) -> None:
        """Nor does the order in which they are named."""
        sound = self.speech()[:24]
        expected = self.scores(engine, sound)
        noise = np.random.default_rng(1).normal(0, 3_000, (1, VAD_WINDOW)).astype(np.int16)
        stream, found = engine.open_stream(), []
        for number, window in enumerate(sound):
            guest = engine.open_stream()
            order = [guest, stream] if number % 2 else [stream, guest]
            batch = np.concatenate([noise if one == guest else window[np.newaxis] for one in order])
            found.append(engine.score(order, batch)[order.index(stream)])
            engine.close_stream(guest)
        engine.close_stream(stream)
        assert self.same(found, expected), f"{found} instead of {expected}"

    async def test_a_stream_that_rests_goes_on_where_it_was(self, engine: Detector) -> None:
        """Its windows need not come in every batch."""
        sound = self.speech()[:24]
        expected = self.scores(engine, sound)
        one, other = engine.open_stream(), engine.open_stream()
        first = [engine.score([one], window[np.newaxis])[0] for window in sound[:12]]
        for window in sound[::-1]:
            engine.score([other], window[np.newaxis])
        rest = [engine.score([one], window[np.newaxis])[0] for window in sound[12:]]
        engine.close_stream(one)
        engine.close_stream(other)
        assert self.same(first + rest, expected), f"{first + rest} instead of {expected}"

    async def test_a_number_is_used_again_and_has_forgotten_everything(
        self, engine: Detector
    ) -> None:
        """Numbers stay small: callers index arrays with them."""
        sound = self.speech()[:12]
        expected = self.scores(engine, sound)
        for _ in range(200):
            stream = engine.open_stream()
            engine.score([stream], sound[-1:])
            engine.close_stream(stream)
            assert 0 <= stream < 100, f"stream number {stream}, though all others are closed"
        assert self.same(self.scores(engine, sound), expected)

    async def test_open_streams_have_different_numbers(self, engine: Detector) -> None:
        """However many there are."""
        streams = [engine.open_stream() for _ in range(50)]
        for stream in streams:
            engine.close_stream(stream)
        assert len(set(streams)) == len(streams)

    async def test_no_streams_have_no_scores(self, engine: Detector) -> None:
        """An empty batch is not an error."""
        assert engine.score([], np.zeros((0, VAD_WINDOW), np.int16)) == []

    async def test_a_stream_that_is_not_open_is_refused(self, engine: Detector) -> None:
        """Its score would be another's."""
        stream = engine.open_stream()
        engine.close_stream(stream)
        with pytest.raises((ValueError, EngineError)):
            engine.score([stream], np.zeros((1, VAD_WINDOW), np.int16))
        with pytest.raises((ValueError, EngineError)):
            engine.close_stream(stream)

    async def test_windows_are_only_read(self, engine: Detector) -> None:
        """They belong to the caller."""
        window = self.speech()[10:11].copy()
        before = window.copy()
        stream = engine.open_stream()
        engine.score([stream], window)
        window.flags.writeable = False
        engine.score([stream], window)
        engine.close_stream(stream)
        assert np.array_equal(window, before), "the detector changed the audio"

    async def test_a_closed_detector_works_or_fails_readably(
        self, make_engine: Callable[[], Detector]
    ) -> None:
        """It may be replaced while a session still has it."""
        engine = make_engine()
        engine.load()
        stream = engine.open_stream()
        await engine.close()
        try:
            engine.score([stream], np.zeros((1, VAD_WINDOW), np.int16))
        except EngineError as error:
            check_readable(error)


def windows_of(samples: npt.NDArray[np.int16]) -> Windows:
    """The whole windows in samples at 24 kHz."""
    count = len(samples) // VAD_WINDOW
    return samples[: count * VAD_WINDOW].reshape(count, VAD_WINDOW)


def different_sounds(speech: Windows) -> list[Windows]:
    """Speech and as much of three other sounds."""
    noise = np.random.default_rng(2).normal(0, 3_000, speech.shape).astype(np.int16)
    return [speech, noise, np.zeros_like(speech), speech[::-1] // 2]
