"""A synthesizer that hums: a tone of known length, with exact times of the words."""

import asyncio
import re
import zlib
from collections.abc import AsyncGenerator
from typing import ClassVar

import numpy as np

from vivavoce.audio.units import INNER_RATE
from vivavoce.engines.base import Sleep, SpeechChunk, Voice, WordTiming

_CHUNK_MS = 100

_WORD = re.compile(r"\S+")


class ScriptedSynthesizer:
    """Speaks every character for `ms_per_char` at speed 1.0, as a tone that the voice decides.

    The same text and voice give the same samples. A word begins when the characters before it
    are spoken. `delay_ms` passes before the first chunk of a text; chunks are 100 ms, and with
    `realtime` each takes as long to come as it plays.
    """

    name: ClassVar[str] = "scripted"

    sample_rate = INNER_RATE

    def __init__(
        self,
        ms_per_char: float = 60,
        delay_ms: float = 0,
        realtime: bool = False,
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._ms_per_char = ms_per_char
        self._delay_s = delay_ms / 1000
        self._chunk_s = _CHUNK_MS / 1000 if realtime else 0
        self._sleep = sleep

    def load(self) -> None:
        """Do nothing: there is nothing to load."""

    async def close(self) -> None:
        """Do nothing: there is nothing to free."""

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk]:
        """Hum `text`."""
        ms_per_char = self._ms_per_char / voice.speed
        words = [
            WordTiming(word.end(), int(word.start() * ms_per_char)) for word in _WORD.finditer(text)
        ]
        samples = round(len(text) * ms_per_char * self.sample_rate / 1000)
        await self._sleep(self._delay_s)
        chunk = _CHUNK_MS * self.sample_rate // 1000
        for number, start in enumerate(range(0, samples, chunk)):
            if self._chunk_s:
                await self._sleep(self._chunk_s)
            yield SpeechChunk(
                self._tone(voice.name, start, min(start + chunk, samples)),
                tuple(word for word in words if word.start_ms // _CHUNK_MS == number),
            )

    def _tone(self, voice: str, start: int, end: int) -> bytes:
        hertz = 200 + zlib.crc32(voice.encode(errors="replace")) % 400
        wave = 8_000 * np.sin(2 * np.pi * hertz / self.sample_rate * np.arange(start, end))
        pcm: bytes = wave.astype("<i2").tobytes()
        return pcm
