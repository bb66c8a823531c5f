"""A recogniser that streams and tells what audio it was given."""

import asyncio
from collections.abc import Callable
from typing import ClassVar

from vivavoce.engines.base import EngineError, Hint, TokenLogprob, Transcript
from vivavoce.protocol.abilities import HearingAbilities

WORD_BYTES = 2 * 24_000 // 5
"""200 ms of audio are a word."""


class TellingStream:
    """Hears `one two three …`, a word for each 200 ms."""

    def __init__(self, hint: Hint) -> None:
        self.hint = hint
        self.heard = b""
        """All that it was given, in order."""
        self.flushed = 0
        self.closed = 0
        self.fails = False
        self.flush_fails = False
        self.lies = False
        self.slowed: asyncio.Event | None = None
        """Set by a test to hold up `accept` until it is set."""
        self.begun = asyncio.Event()
        self._given = ""

    async def accept(self, audio: bytes) -> str:
        self.begun.set()
        if self.slowed is not None:
            await self.slowed.wait()
        if self.fails:
            raise EngineError("the stream broke")
        self.heard += audio
        sure = self.words
        more, self._given = sure[len(self._given) :], sure
        return more

    async def flush(self) -> Transcript:
        self.flushed += 1
        if self.flush_fails:
            raise EngineError("the flush broke")
        if self.lies:
            return Transcript(text="something else")
        return Transcript(text=f"{self.words} end".strip())

    def close(self) -> None:
        self.closed += 1

    @property
    def words(self) -> str:
        return " ".join(f"w{n}" for n in range(1, len(self.heard) // WORD_BYTES + 1))


class TellingRecognizer:
    """Opens such streams, and remembers them."""

    name: ClassVar[str] = "telling"
    sample_rate = 24_000
    abilities = HearingAbilities(logprobs=True)

    def __init__(self) -> None:
        self.streams: list[TellingStream] = []
        self.whole: list[bytes] = []

    def load(self) -> None: ...
    async def close(self) -> None: ...

    def open_stream(self, hint: Hint) -> TellingStream:
        if hint.language == "tlh":
            raise EngineError("nobody speaks that here")
        stream = TellingStream(hint)
        self.streams.append(stream)
        return stream

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        self.whole.append(audio)
        if hint.logprobs:
            return Transcript(text="whole", logprobs=(TokenLogprob("whole", -0.25),))
        return Transcript(text="whole")
