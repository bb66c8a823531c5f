"""Engines that tell a test what they are at, and wait for it. Their names are no one's, so they
count as heavy."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import ClassVar

from vivavoce.engines.base import (
    Generated,
    Hint,
    ModelOutput,
    SpeechChunk,
    TextDelta,
    Transcript,
    Voice,
)
from vivavoce.engines.batches import BatchWorker
from vivavoce.protocol.prompt import Prompt


class Watched:
    """What they have in common: loads and closes are counted."""

    name: ClassVar[str] = "watched"
    sample_rate = 16_000
    hears_s = 8.0

    def __init__(self) -> None:
        self.loads = 0
        self.closed = asyncio.Event()

    def load(self) -> None:
        self.loads += 1

    async def close(self) -> None:
        self.closed.set()


class Endless(Watched):
    """Each use says something and goes on for ever; `begun` and `ended` say when."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()

    async def _go_on(self) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        on_delta("well")
        await self._go_on()
        return Transcript(text="well")

    async def judge(self, audio: bytes) -> float:
        await self._go_on()
        return 1.0

    async def generate(self, prompt: Prompt) -> AsyncGenerator[ModelOutput, None]:
        yield TextDelta("well")
        await self._go_on()
        yield Generated()

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk, None]:
        yield SpeechChunk(b"\0\0")
        await self._go_on()


class Plentiful(Watched):
    """Speaks a chunk for each character, as fast as it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.spoken = 0

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk, None]:
        for character in text:
            self.spoken += 1
            yield SpeechChunk(character.encode("utf-16-le"))

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        return Transcript(text="")


class Batching(Watched):
    """Hears the bytes it is given as a text, in batches, which wait for `allowed`."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: asyncio.Queue[bytes] = asyncio.Queue()
        self.batches: list[list[bytes]] = []
        self.allowed = threading.Semaphore(0)
        self._worker: BatchWorker[bytes, str] = BatchWorker(
            "batching", self._hear, largest=8, waiting=8
        )

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        heard = self._worker.submit(audio)
        self.asked.put_nowait(audio)
        return Transcript(text=await heard)

    async def close(self) -> None:
        self.allowed.release(100)
        await self._worker.close()
        await super().close()

    def _hear(self, jobs: Sequence[bytes]) -> list[str]:
        self.batches.append(list(jobs))
        self.allowed.acquire()
        return [job.decode() for job in jobs]
