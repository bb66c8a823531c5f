"""The process that speaks with Kokoro; `kokoro.py` is its outside.

`kokoro-onnx` has the MIT licence, but turns text into phonemes through `phonemizer` and
espeak-ng, both under the GPL 3.0. This is the only file that loads them, and only when it runs as
a process of its own.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
import numpy as np

from vivavoce.engines.tts.neural_child import BatchSpeaker, InterruptibleSession, Sound
from vivavoce.engines.worker import Caller, Work, WorkError, serve, setup_of

SAMPLE_RATE = 24_000
"""Hertz: the rate of every Kokoro voice."""

SLOWEST, FASTEST = 0.5, 2.0
"""The paces that the library takes."""

_SENTENCE_PAUSE_S, _CLAUSE_PAUSE_S = 0.25, 0.1
"""Seconds, the library's own: it cuts off the silence around a batch."""

_FULL_STOP = re.compile(r"\.+(?:\s+|\Z)")


class KokoroSetup(msgspec.Struct, frozen=True):
    """What a process is told at its start: files, onnxruntime's provider, cores for one run."""

    model: str
    voices: str
    provider: str
    threads: int


class Say(msgspec.Struct, frozen=True, array_like=True):
    """A request: say this in that voice. `language` is espeak-ng's name of one."""

    text: str
    voice: str
    language: str
    speed: float


def prepare() -> Work[Say]:
    """Load the model and return the synthesizer."""
    setup = setup_of(KokoroSetup)
    session = InterruptibleSession(setup.model, setup.provider, setup.threads)
    return _Kokoro(session, setup.voices).speak


class _Kokoro:
    def __init__(self, session: InterruptibleSession, voices: str) -> None:
        from kokoro_onnx import Kokoro

        self._session = session
        try:
            self._kokoro = Kokoro.from_session(session, voices)
        except (OSError, ValueError, KeyError) as error:
            raise WorkError(f"Kokoro cannot start with the voices in {voices}: {error}") from None

    def speak(self, request: Say, caller: Caller) -> None:
        """Say one text, in batches of as many phonemes as the model takes."""
        from kokoro_onnx.chunker import split_phonemes

        self._session.caller = caller
        batches = split_phonemes(self._phonemes(request))
        speaker = BatchSpeaker(
            request.text, batches, caller, model_rate=SAMPLE_RATE, rate=SAMPLE_RATE
        )
        speaker.speak(self._sounds(batches, request))

    def _phonemes(self, request: Say) -> str:
        # The library takes the point of 3.50 for a full stop, so here full stops are left to us
        # and the points to espeak-ng.
        *sentences, rest = (" ".join(part.split()) for part in _FULL_STOP.split(request.text))
        said = [
            *self._said(sentences, request.language, end="."),
            *self._said([rest], request.language),
        ]
        return " ".join(said) if any(map(str.isalpha, "".join(said))) else ""

    def _said(self, sentences: list[str], language: str, end: str = "") -> list[str]:
        """The phonemes of sentences that have any, each with this end."""
        spoken = _backend(language).phonemize([s for s in sentences if s], strip=True)
        known = (" ".join(self._kokoro.tokenizer.known(phonemes).split()) for phonemes in spoken)
        return [phonemes + end for phonemes in known if phonemes]

    def _sounds(self, batches: list[str], request: Say) -> Iterator[Sound]:
        from kokoro_onnx.chunker import pause_after

        for batch in batches:
            samples, rate, timings = self._kokoro.create_timed(
                batch, request.voice, request.speed, is_phonemes=True
            )
            pause = pause_after(batch, _SENTENCE_PAUSE_S, _CLAUSE_PAUSE_S)
            silence = np.zeros(int(pause * rate), samples.dtype)
            starts = [(timing.phoneme, timing.start * 1000) for timing in timings]
            yield Sound(np.concatenate([samples, silence]), starts)


@cache
def _backend(language: str) -> Any:
    from phonemizer.backend import EspeakBackend
    from phonemizer.punctuation import Punctuation

    marks = Punctuation.default_marks().replace(".", "")
    return EspeakBackend(
        language,
        punctuation_marks=marks,
        preserve_punctuation=True,
        with_stress=True,
        # Around a word that it reads as one of another language, espeak-ng writes (en)…(fr), whose
        # letters the model would say.
        language_switch="remove-flags",
    )


if __name__ == "__main__":
    serve(Say, prepare)
