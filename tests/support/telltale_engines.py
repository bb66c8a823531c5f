"""Engines that tell what was done to them: what they were given, when they were stopped."""

import asyncio
import threading
import zlib
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, ClassVar, cast

import numpy as np
import numpy.typing as npt

from vivavoce.engines.base import (
    EngineError,
    Hint,
    ModelOutput,
    SpeechChunk,
    TextDelta,
    Transcript,
    Voice,
)
from vivavoce.engines.llm.scripted import ScriptedModel
from vivavoce.engines.tts.scripted import ScriptedSynthesizer
from vivavoce.engines.vad.scripted import ScriptedDetector
from vivavoce.protocol.prompt import Prompt


class Idle:
    """What all of these have: nothing to load and nothing to free."""

    name: ClassVar[str] = "telltale"

    def load(self) -> None: ...
    async def close(self) -> None: ...


def fingerprint(pcm: bytes) -> str:
    """Words that only the same samples give."""
    return f"{len(pcm) // 2} samples {zlib.crc32(pcm):08x}"


class FingerprintRecognizer(Idle):
    """Hears which samples it was given."""

    sample_rate = 24_000

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        return Transcript(text=fingerprint(audio))


class Stuck(Idle):
    """Begins its work and never ends it; notes in `log` when it was stopped and closed."""

    sample_rate = 24_000

    def __init__(self, log: list[str] | None = None) -> None:
        self.log = [] if log is None else log
        self.begun = asyncio.Event()
        self.stopped = asyncio.Event()

    async def forever(self) -> None:
        """What only a cancellation ends."""
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.log.append("stopped")
            self.stopped.set()

    async def close(self) -> None:
        self.log.append("closed")


class StuckRecognizer(Stuck):
    """Never says what it heard."""

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        await self.forever()
        raise AssertionError("forever is over")


class StuckModel(Stuck):
    """Says a word or two and no more."""

    async def generate(self, prompt: Prompt) -> AsyncGenerator[ModelOutput, None]:
        yield TextDelta("Well, let me think. ")
        await self.forever()


class FloodingModel(Stuck):
    """Says so many megabytes, as fast as the loop takes them; `left` are those it did not."""

    def __init__(self, megabytes: int) -> None:
        super().__init__()
        self.left = megabytes

    async def generate(self, prompt: Prompt) -> AsyncGenerator[ModelOutput, None]:
        try:
            while self.left:
                yield TextDelta("x" * 1_000_000)
                self.left -= 1
                await asyncio.sleep(0)
        finally:
            self.stopped.set()


class StuckVoice(Stuck):
    """Draws breath."""

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk, None]:
        yield SpeechChunk(bytes(4800))
        await self.forever()


class FailingOnce(Idle):
    """Fails its first request with `failure`, and does its work ever after."""

    def __init__(self, failure: Exception) -> None:
        self._failure: Exception | None = failure

    def fail_once(self) -> None:
        """Raises the failure the first time."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure


class FailingRecognizer(FailingOnce, FingerprintRecognizer):
    """A recogniser that fails once."""

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        self.fail_once()
        return await super().recognize(audio, hint, on_delta)


class FailingVoice(FailingOnce):
    """A voice that fails once."""

    sample_rate = 24_000

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk, None]:
        self.fail_once()
        async for chunk in ScriptedSynthesizer().synthesize(text, voice):
            yield chunk


class ReluctantModel(ScriptedModel):
    """A model that cannot be loaded the first `refusals` times."""

    def __init__(self, refusals: int, failure: Exception) -> None:
        super().__init__()
        self._refusals = refusals
        self._failure = failure

    def load(self) -> None:
        self._refusals -= 1
        if self._refusals >= 0:
            raise self._failure
        super().load()


class CountingDetector(ScriptedDetector):
    """Knows how many streams are open, and says when it is none."""

    def __init__(self) -> None:
        super().__init__()
        self.streams = 0
        self.none_open = threading.Event()

    def open_stream(self) -> int:
        self.streams += 1
        self.none_open.clear()
        return super().open_stream()

    def close_stream(self, stream: int) -> None:
        super().close_stream(stream)
        self.streams -= 1
        if not self.streams:
            self.none_open.set()


class FailingDetector(CountingDetector):
    """A detector whose model is gone."""

    def score(self, streams: Sequence[int], windows: npt.NDArray[np.int16]) -> list[float]:
        raise EngineError("the model is gone")


class LyingDetector(ScriptedDetector):
    """Gives words for numbers, which nobody further on expects."""

    def score(self, streams: Sequence[int], windows: npt.NDArray[np.int16]) -> list[float]:
        scores: Any = ["loud"] * len(streams)
        return cast("list[float]", scores)
