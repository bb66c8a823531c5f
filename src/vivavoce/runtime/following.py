"""Feeding a recogniser that streams from the tape, while a turn is spoken.

Two jobs use the stream of a turn: the one that follows the tape, and each that asks what was
said so far. What they take from the tape is taken at once, in order, and waits for the stream
here. The stream is closed when the last of them has ended.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from vivavoce.audio.polyphase import LiveResampler
from vivavoce.audio.units import INNER_RATE, SAMPLES_PER_MS
from vivavoce.engines.base import (
    EngineError,
    Hint,
    RecognitionStream,
    Transcript,
)
from vivavoce.runtime.input_audio import Tape

STEP = 100 * SAMPLES_PER_MS
"""Samples: the recogniser gets new audio in pieces of at least this."""


class OpensStreams(Protocol):
    """What a turn is followed with: a `StreamingRecognizer` has it."""

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        ...

    def open_stream(self, hint: Hint) -> RecognitionStream:
        """A stream of one utterance."""
        ...


class Following:
    """One turn that is followed, from position `start` of the tape.

    The stream is opened by the first job that uses it, which then fails if that fails.
    """

    def __init__(self, recognizer: OpensStreams, hint: Hint, tape: Tape, start: int) -> None:
        self._tape = tape
        self._position = start
        """Samples: what lies before was taken."""
        self._waiting = bytearray()
        """Taken, and not yet in the stream."""
        self._resampler: LiveResampler | None = None
        if recognizer.sample_rate != INNER_RATE:
            self._resampler = LiveResampler(INNER_RATE, recognizer.sample_rate)
        self._recognizer = recognizer
        self._hint = hint
        self._stream: RecognitionStream | None = None
        self._busy = asyncio.Lock()
        self._more = asyncio.Event()
        self._more.set()
        self._ended = False
        self._users = 0
        self._told = ""
        self._failure: Exception | None = None
        """Of the stream: what it should have heard then is missing from now on."""

    def use(self) -> None:
        """A job begins to use this; it must call `release` once."""
        self._users += 1

    def release(self) -> None:
        """A job has ended."""
        self._users -= 1
        if self._users == 0 and self._stream is not None:
            self._stream.close()

    def audio_came(self) -> None:
        """The tape has grown."""
        if self._tape.end - self._position >= STEP:
            self._more.set()

    def end(self) -> None:
        """The turn is over: nothing more is taken, and what is being heard comes to its end."""
        self._ended = True
        self._more.set()

    def take(self, end: int) -> None:
        """What lies on the tape before `end` belongs to the turn; the tape may let go of it."""
        if end > self._position:
            self._waiting += self._tape.read(self._position, end)
            self._position = end

    async def run(self, on_text: Callable[[str], None]) -> None:
        """Follow the tape until `end`; hands on what is sure, and raises `EngineError`."""
        while True:
            await self._more.wait()
            if self._ended:
                return
            self._more.clear()
            self.take(self._tape.end)
            async with self._busy:
                await self._accept_waiting(on_text)

    async def transcript(self, on_text: Callable[[str], None]) -> Transcript:
        """All that was said in what was taken; raises `EngineError`."""
        async with self._busy:
            stream = await self._accept_waiting(on_text)
            try:
                transcript = await stream.flush()
            except Exception as failure:
                self._failure = failure
                raise
        if not transcript.text.startswith(self._told):
            raise EngineError(
                f"the recogniser took back {self._told!r}, which it had given: now it heard "
                f"{transcript.text!r}",
                code="invalid_response",
            )
        return transcript

    async def _accept_waiting(self, on_text: Callable[[str], None]) -> RecognitionStream:
        """The stream, opened if it was not, which has heard all that was taken."""
        if self._failure is not None:
            raise self._failure
        pcm = bytes(self._waiting)
        self._waiting.clear()
        if self._resampler is not None:
            pcm = self._resampler.push(pcm)
        try:
            if self._stream is None:
                self._stream = self._recognizer.open_stream(self._hint)
            text = await self._stream.accept(pcm) if pcm else ""
        except Exception as failure:
            self._failure = failure
            raise
        if text:
            self._told += text
            on_text(text)
        return self._stream
