"""Recognisers that stream that each break one rule of the contract; see `support.unfaithful`."""

import asyncio
from collections.abc import Callable
from typing import ClassVar

from support.unfaithful import Invented
from vivavoce.engines.base import (
    EngineError,
    Hint,
    Transcript,
)


class Stream:
    """A word for each 100 ms."""

    def __init__(self) -> None:
        self.heard = b""
        self.given = ""

    @property
    def text(self) -> str:
        return " ".join(f"w{n}" for n in range(1, len(self.heard) // 3_200 + 1))

    async def accept(self, audio: bytes) -> str:
        await asyncio.sleep(0)
        self.heard += audio
        more, self.given = self.text[len(self.given) :], self.text
        return more

    async def flush(self) -> Transcript:
        await asyncio.sleep(0)
        return Transcript(text=self.text)

    def close(self) -> None: ...


class StreamingRecognizer(Invented):
    """Opens such streams."""

    sample_rate = 16_000
    stream: ClassVar[type[Stream]] = Stream

    def open_stream(self, hint: Hint) -> Stream:
        return self.stream()

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        stream = Stream()
        for start in range(0, len(audio), 3_200):
            await stream.accept(audio[start : start + 3_200])
            await asyncio.sleep(0.001)
        return await stream.flush()


class TakesWordsBack(StreamingRecognizer):
    caught_by = "test_a_text_is_never_taken_back"

    class stream(Stream):  # noqa: N801
        async def flush(self) -> Transcript:
            return Transcript(text=self.text.replace("w2", "v2"))


class FlushesOnce(StreamingRecognizer):
    caught_by = "test_a_flush_does_not_end"

    class stream(Stream):  # noqa: N801
        flushed = False

        async def accept(self, audio: bytes) -> str:
            return "" if self.flushed else await super().accept(audio)

        async def flush(self) -> Transcript:
            self.flushed = True
            return await super().flush()


class SaysTwoThings(StreamingRecognizer):
    caught_by = "test_a_flush_does_not_end"

    class stream(Stream):  # noqa: N801
        flushed = 0

        async def flush(self) -> Transcript:
            self.flushed += 1
            return Transcript(text=f"{self.text} {self.flushed}")


class HearsInSilence(StreamingRecognizer):
    caught_by = "test_no_audio_is_an_empty_text"

    class stream(Stream):  # noqa: N801
        async def flush(self) -> Transcript:
            return Transcript(text=f"{self.text} thank you".strip())


class WantsFrames(StreamingRecognizer):
    caught_by = "test_the_pieces_may_have_any_length"

    class stream(Stream):  # noqa: N801
        async def accept(self, audio: bytes) -> str:
            if len(audio) in (2 * 333, 2 * 1_601):
                raise ValueError("frames of 20 ms")
            return await super().accept(audio)


class SharesItsStreams(StreamingRecognizer):
    caught_by = "test_streams_side_by_side"

    class stream(Stream):  # noqa: N801
        last = b""

        async def accept(self, audio: bytes) -> str:
            type(self).last = audio
            await asyncio.sleep(0)
            return await super().accept(self.last)


class ClosesStreamsOnce(StreamingRecognizer):
    caught_by = "test_a_stream_that_is_left"

    class stream(Stream):  # noqa: N801
        def close(self) -> None:
            del self.heard


class RunsOutOfStreams(StreamingRecognizer):
    caught_by = "test_a_stream_that_is_left"
    opened = 0

    def open_stream(self, hint: Hint) -> Stream:
        self.opened += 1
        if self.opened > 20:
            raise EngineError("All streams are taken.")
        return super().open_stream(hint)
