"""A Wyoming service that does what a test tells it, on the protocol's own server."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from wyoming.asr import Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event, Eventable
from wyoming.info import (
    AsrModel,
    AsrProgram,
    Attribution,
    Info,
    TtsProgram,
    TtsVoice,
    TtsVoiceSpeaker,
)
from wyoming.server import AsyncEventHandler, AsyncTcpServer
from wyoming.tts import SynthesizeStopped

NOBODY = Attribution(name="nobody", url="")


@dataclass(frozen=True)
class Answer:
    """What one connection gets once `at` has come: events, bare bytes, and maybe the end."""

    at: str
    events: Sequence[Eventable] = ()
    raw: bytes = b""
    closes: bool = False


@dataclass
class WyomingService:
    """What came in, connection by connection; `left` counts the clients that have gone."""

    info: Info
    answers: list[Answer]
    uri: str = ""
    requests: list[list[Event]] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))


class _Client(AsyncEventHandler):
    def __init__(
        self, service: WyomingService, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        super().__init__(reader, writer)
        self._service = service
        self._events: list[Event] = []
        self._answer: Answer | None = None

    async def handle_event(self, event: Event) -> bool:
        if event.type == "describe":
            await self.write_event(self._service.info.event())
            return True
        if not self._events:
            self._service.requests.append(self._events)
            self._answer = self._service.answers.pop(0)
        self._events.append(event)
        answer = self._answer
        if answer is None or event.type != answer.at:
            return True
        for each in answer.events:
            await self.write_event(each.event())
        self.writer.write(answer.raw)
        self._service.asked.set()
        return not answer.closes

    async def disconnect(self) -> None:
        self._service.left.release()

    async def run(self) -> None:
        try:
            await super().run()
        except (ConnectionError, asyncio.IncompleteReadError):  # the client went early
            await self.disconnect()


@asynccontextmanager
async def running_wyoming_service(info: Info, *answers: Answer) -> AsyncIterator[WyomingService]:
    """Serve on loopback: each request gets the next of `answers`."""
    service = WyomingService(info, list(answers))
    server = AsyncTcpServer("127.0.0.1", 0)
    await server.start(lambda reader, writer: _Client(service, reader, writer))
    assert isinstance(server._server, asyncio.Server)
    port = server._server.sockets[0].getsockname()[1]
    service.uri = f"tcp://127.0.0.1:{port}"
    try:
        yield service
    finally:
        await server.stop()


def hears(*languages: str, models: Sequence[str] = ("tiny",)) -> Info:
    """What a service that recognises speech says of itself."""
    known = [
        AsrModel(
            name=name,
            languages=list(languages),
            attribution=NOBODY,
            installed=True,
            description=None,
            version=None,
        )
        for name in models
    ]
    program = AsrProgram(
        name="ears",
        attribution=NOBODY,
        installed=True,
        description=None,
        version=None,
        models=known,
    )
    return Info(asr=[program])


def speaks(voices: dict[str, str], *, speakers: Sequence[str] = (), streams: bool = False) -> Info:
    """What a service says of itself that has these voices, each of a language."""
    known = [
        TtsVoice(
            name=name,
            languages=[language],
            speakers=[TtsVoiceSpeaker(name=each) for each in speakers] or None,
            attribution=NOBODY,
            installed=True,
            description=None,
            version=None,
        )
        for name, language in voices.items()
    ]
    program = TtsProgram(
        name="mouth",
        attribution=NOBODY,
        installed=True,
        description=None,
        version=None,
        voices=known,
        supports_synthesize_streaming=streams,
    )
    return Info(tts=[program])


def transcript(text: str, language: str | None = None) -> Answer:
    """A transcript in one piece."""
    return Answer("audio-stop", [Transcript(text=text, language=language)], closes=True)


def streamed(*pieces: str, whole: str | None = None) -> Answer:
    """A transcript in pieces, and then as a whole."""
    text = "".join(pieces) if whole is None else whole
    chunks = [TranscriptChunk(text=piece) for piece in pieces]
    return Answer(
        "audio-stop", [TranscriptStart(), *chunks, Transcript(text=text), TranscriptStop()]
    )


def audio(*pieces: bytes, rate: int = 24_000, width: int = 2, channels: int = 1) -> list[Eventable]:
    """A clip, from its start to its stop."""
    form = {"rate": rate, "width": width, "channels": channels}
    chunks = [AudioChunk(audio=piece, **form) for piece in pieces]
    return [AudioStart(**form), *chunks, AudioStop()]


def says(*pieces: bytes, rate: int = 24_000, width: int = 2, channels: int = 1) -> Answer:
    """Audio, as of a service that does not stream."""
    return Answer("synthesize", audio(*pieces, rate=rate, width=width, channels=channels))


def says_sentences(*sentences: bytes) -> Answer:
    """Audio of several sentences, as of a service that streams."""
    clips = [event for sentence in sentences for event in audio(sentence)]
    return Answer("synthesize-stop", [*clips, SynthesizeStopped()])
