"""Recognition while somebody speaks, on an engine that may have to be loaded, or may hang.

A stream stays with the engine that opened it: if that is replaced meanwhile, the stream goes on
with the old one, which is not closed before.
"""

from typing import TypeVar

from vivavoce.engines.base import (
    Hint,
    RecognitionStream,
    SpeechRecognizer,
    StreamingRecognizer,
    Transcript,
)
from vivavoce.runtime.pipeline import EngineLease, Use, Work
from vivavoce.runtime.shared_engines import Instance

T = TypeVar("T")


class LeasedStreams:
    """Opens the streams of a recogniser that is held."""

    def __init__(self, lease: EngineLease[SpeechRecognizer]) -> None:
        self._lease = lease

    @property
    def sample_rate(self) -> int:
        """Of the audio that the streams take, in Hz."""
        return self._lease.engine.sample_rate

    def open_stream(self, hint: Hint) -> RecognitionStream:
        """A stream, which is really opened with its first audio."""
        return LeasedStream(self._lease, hint)


class LeasedStream:
    """A `RecognitionStream` that loads its engine first and holds it to its time limit."""

    def __init__(self, lease: EngineLease[SpeechRecognizer], hint: Hint) -> None:
        self._lease = lease
        self._hint = hint
        self._open: tuple[Instance[SpeechRecognizer], RecognitionStream] | None = None
        self._closed = False
        self._at_work = False

    async def accept(self, audio: bytes) -> str:
        """More audio; gives what is sure by now. Raises `EngineError`."""
        instance, stream = await self._opened()
        return await self._held(instance, lambda _: stream.accept(audio))

    async def flush(self) -> Transcript:
        """The transcript of all audio so far. Raises `EngineError`."""
        instance, stream = await self._opened()
        with self._lease.counted(instance):
            return await self._held(instance, lambda _: stream.flush())

    def close(self) -> None:
        """Free the engine's stream, and the engine. A stream at work, which hangs, is left as it
        is: nobody but its engine knows what it may be in the middle of."""
        self._closed = True
        if self._open is not None:
            instance, stream = self._open
            self._open = None
            if not self._at_work:
                stream.close()
            instance.job_ended()

    async def _held(
        self, instance: Instance[SpeechRecognizer], work: Work[SpeechRecognizer, T]
    ) -> T:
        """Do work of the stream, within the time limit of its engine."""

        async def noted(use: Use[SpeechRecognizer]) -> T:
            self._at_work = True
            try:
                return await work(use)
            finally:
                self._at_work = False

        return await self._lease.run_on(instance, noted)

    async def _opened(self) -> tuple[Instance[SpeechRecognizer], RecognitionStream]:
        if self._open is None:
            instance = await self._lease.ready()
            assert not self._closed, "whoever awaits this stream uses it"
            self._open = instance, stream_of(instance.engine, self._hint)
            instance.job_begins()
        return self._open


def stream_of(recognizer: SpeechRecognizer, hint: Hint) -> RecognitionStream:
    """A stream of any recogniser."""
    if isinstance(recognizer, StreamingRecognizer):
        return recognizer.open_stream(hint)
    return WholeStream(recognizer, hint)


class WholeStream:
    """Keeps the audio for a recogniser that takes an utterance as a whole.

    It is needed where a client names a recogniser that does not stream, in a session whose own
    recogniser does.
    """

    def __init__(self, recognizer: SpeechRecognizer, hint: Hint) -> None:
        self._recognizer = recognizer
        self._hint = hint
        self._audio = bytearray()

    async def accept(self, audio: bytes) -> str:
        """Nothing is sure before the end."""
        self._audio += audio
        return ""

    async def flush(self) -> Transcript:
        """Recognise all that came. Raises `EngineError`."""
        return await self._recognizer.recognize(bytes(self._audio), self._hint, unheeded)

    def close(self) -> None:
        """Forget the audio."""
        self._audio.clear()


def unheeded(_: str) -> None:
    """A piece of a transcript that is given as a whole."""
