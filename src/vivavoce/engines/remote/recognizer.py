"""A recogniser elsewhere, which may stream."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import msgspec

from vivavoce.engines.base import EngineError, Hint, RecognitionStream, Transcript
from vivavoce.engines.remote.connection import Job
from vivavoce.engines.remote.description import Description
from vivavoce.engines.remote.engine import RemoteEngine
from vivavoce.engines.remote.host import RemoteHost
from vivavoce.engines.remote.messages import (
    Accept,
    End,
    Flush,
    Follow,
    Recognize,
    Selector,
    decoded,
    texts,
    transcripts,
)
from vivavoce.protocol.abilities import HearingAbilities

T = TypeVar("T")


class OpensStream(Protocol):
    """`StreamingRecognizer.open_stream`."""

    def __call__(self, hint: Hint) -> RecognitionStream:
        """A stream of one utterance."""
        ...


class RemoteRecognizer(RemoteEngine):
    """A `SpeechRecognizer`, and a `StreamingRecognizer` if it is known as one."""

    open_stream: OpensStream

    def __init__(self, host: RemoteHost, engine: Selector, known: Description) -> None:
        super().__init__(host, engine, known)
        self.sample_rate = known.sample_rate
        self.abilities = known.abilities or HearingAbilities()
        if self.abilities.streams:
            self.open_stream = self._open_stream

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        """Recognise one utterance. Raises `EngineError`."""
        job = await self._begin(Recognize(audio, hint))
        try:
            while True:
                answer = await job.answer()
                if isinstance(answer, End):
                    return decoded(transcripts, answer.value)
                on_delta(decoded(texts, answer.value))
        finally:
            job.leave()

    def _open_stream(self, hint: Hint) -> RecognitionStream:
        return RemoteStream(lambda: self._begin(Follow(hint)))


class RemoteStream:
    """One utterance; it is begun with its first audio, and ended by what fails in it."""

    def __init__(self, begin: Callable[[], Awaitable[Job]]) -> None:
        self._begin = begin
        self._job: Job | None = None
        self._closed = False

    async def accept(self, audio: bytes) -> str:
        """What is sure by now beyond what it gave before. Raises `EngineError`."""
        return await self._asked(lambda job: Accept(job, audio), texts)

    async def flush(self) -> Transcript:
        """The transcript of all audio so far. Raises `EngineError`."""
        return await self._asked(Flush, transcripts)

    def close(self) -> None:
        """End it over there."""
        self._closed = True
        job, self._job = self._job, None
        if job is not None:
            job.leave()

    async def _asked(
        self, step: Callable[[int], Accept | Flush], decoder: msgspec.msgpack.Decoder[T]
    ) -> T:
        try:
            job = await self._begun()
            await job.writable()
            job.send(step(job.number))
            answer = await job.answer()
            if isinstance(answer, End):
                raise EngineError("the stream of the remote recogniser ended by itself")
            return decoded(decoder, answer.value)
        except BaseException:
            self.close()  # what it was given last may be heard or not: nothing can follow
            raise

    async def _begun(self) -> Job:
        job = self._job
        if job is None and not self._closed:
            job = self._job = await self._begin()
        if job is None or self._closed:  # maybe while it was begun; `_asked` leaves it then
            raise EngineError("this stream of the recogniser is closed")
        return job
