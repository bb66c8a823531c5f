"""The engine: text in, tones out, with the time at which each word begins."""

import asyncio
import re
from collections.abc import AsyncGenerator
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from vivavoce.engines.about import About
from vivavoce.engines.base import EngineError, SpeechChunk, Voice, WordTiming
from vivavoce.protocol.voices import Voices
from vivavoce_morse.code import BETWEEN_LETTERS, BETWEEN_SIGNS, BETWEEN_WORDS, DASH, DOT, signs

PITCHES = {
    "alloy": 600,
    "ash": 450,
    "ballad": 500,
    "cedar": 400,
    "coral": 700,
    "echo": 550,
    "fable": 575,
    "marin": 650,
    "nova": 725,
    "onyx": 425,
    "sage": 750,
    "shimmer": 800,
    "verse": 525,
}
"""OpenAI's names of voices, and what they are here: hertz."""

_DOT_MS = 1_200
"""Milliseconds of a dot at one word per minute, by the word PARIS."""

_EDGE_MS = 5
"""A tone that began at once would click."""

_LOUDNESS = 8_000
_WORD = re.compile(r"\S+")


class MorseSynthesizer:
    """Speaks Morse code at `wpm` words per minute, from 5 to 60.

    `Voice.name` is one of `PITCHES` and `Voice.speed` a part of `wpm`; the language has no effect.
    Letters that Morse has no code for are left out.
    """

    name: ClassVar[str] = "morse"

    about = About(what="Morse code, at a pace of one's own", light=True)

    sample_rate = 24_000

    voices = Voices(names=tuple(PITCHES))

    def __init__(self, wpm: float = 20) -> None:
        if not 5 <= wpm <= 60:
            raise EngineError(
                f"wpm: expected 5 to 60 words per minute, got {wpm:g}", code="invalid_configuration"
            )
        self._wpm = wpm

    @classmethod
    def from_spec(cls, spec: str) -> Self:
        """Make one from `morse:WPM`, as in `--tts morse:25`. Raises `EngineError`."""
        try:
            return cls(float(spec))
        except ValueError:
            raise EngineError(
                f"expected a number of words per minute, as in morse:25, got {spec!r}",
                code="invalid_configuration",
            ) from None

    def load(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to free."""

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk]:
        """Speak `text`, one chunk for each letter. Raises `EngineError` for an unknown voice."""
        if voice.name not in PITCHES:
            raise EngineError(
                f"no voice {voice.name!r}: name one of {', '.join(PITCHES)}", code="unknown_voice"
            )
        key = Key(PITCHES[voice.name], _DOT_MS / (self._wpm * voice.speed), self.sample_rate)
        sent = 0
        for word in _WORD.finditer(text):
            letters = signs(word.group())
            timing = (WordTiming(word.end(), 1000 * sent // self.sample_rate),)
            for number, sign in enumerate(letters):
                last = number == len(letters) - 1
                samples = key.letter(sign, BETWEEN_WORDS if last else BETWEEN_LETTERS)
                yield SpeechChunk(samples.tobytes(), () if number else timing)
                sent += len(samples)
                await asyncio.sleep(0)  # a letter is quick to make, a long text is not


class Key:
    """What makes tones of `hertz`, whose dots last `dot_ms`."""

    def __init__(self, hertz: int, dot_ms: float, rate: int) -> None:
        self._dot = round(dot_ms * rate / 1000)
        self._dash_tone = self._tone(hertz, DASH, rate)
        self._dot_tone = self._tone(hertz, DOT, rate)

    def letter(self, sign: str, pause: int) -> npt.NDArray[np.int16]:
        """A letter, and a pause of so many dots behind it."""
        parts = []
        for mark in sign:
            parts += [self._dot_tone if mark == "." else self._dash_tone, self._rest(BETWEEN_SIGNS)]
        return np.concatenate([*parts[:-1], self._rest(pause)])

    def _rest(self, dots: int) -> npt.NDArray[np.int16]:
        return np.zeros(dots * self._dot, "<i2")

    def _tone(self, hertz: int, dots: int, rate: int) -> npt.NDArray[np.int16]:
        count = dots * self._dot
        time = np.arange(count) / rate
        ramp = np.minimum(time, time[::-1]) * 1000 / _EDGE_MS
        samples = _LOUDNESS * np.minimum(ramp, 1) * np.sin(2 * np.pi * hertz * time)
        return samples.astype("<i2")
