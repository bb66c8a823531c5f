"""Neighbours that can do their work, in a small way: what comes depends on what was sent."""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from wyoming.asr import Transcript
from wyoming.event import Event
from wyoming.info import Info
from wyoming.server import AsyncEventHandler, AsyncTcpServer
from wyoming.tts import Synthesize

from support.wyoming_service import audio, hears, speaks
from vivavoce.audio.pcm import to_pcm
from vivavoce.audio.wav import read_wav, write_wav
from vivavoce.engines.localai.messages import message_class

RATE = 16_000
_LOUD = 0.05


def hum(text: str) -> bytes:
    """50 ms for each character, at 16 kHz."""
    return to_pcm(8_000 * np.sin(np.arange(len(text) * RATE // 20) / 10))


def words_for(pcm: bytes) -> str:
    """A text that no other audio has."""
    return f"I heard {zlib.crc32(pcm)}." if pcm else ""


class WyomingNeighbour(AsyncEventHandler):
    """Recognises and speaks."""

    info: Info

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer)
        self._heard = b""

    async def handle_event(self, event: Event) -> bool:
        match event.type:
            case "describe":
                await self.write_event(self.info.event())
            case "audio-chunk":
                self._heard += event.payload or b""
            case "audio-stop":
                text = words_for(self._heard)
                await self.write_event(Transcript(text=text, language="en").event())
            case "synthesize":
                for each in audio(hum(Synthesize.from_event(event).text), rate=RATE):
                    await self.write_event(each.event())
        return True

    async def run(self) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):  # the client went early
            await super().run()


@asynccontextmanager
async def running_wyoming_neighbour() -> AsyncIterator[str]:
    """A service that recognises and speaks; gives its URI."""

    class Neighbour(WyomingNeighbour):
        info = Info(asr=hears("en").asr, tts=speaks({"lessac": "en_US"}).tts)

    server = AsyncTcpServer("127.0.0.1", 0)
    await server.start(Neighbour)
    assert isinstance(server._server, asyncio.Server)
    [socket] = server._server.sockets
    try:
        yield f"tcp://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        await server.stop()


async def transcribes(request: Any, _: Any) -> AsyncIterator[Any]:
    """Recognise the file of a request."""
    pcm, _rate = await asyncio.to_thread(read_wav, Path(request.dst))
    yield message_class("TranscriptResult")(text=words_for(pcm), language="en")


async def speaks_to_file(request: Any, _: Any) -> AsyncIterator[Any]:
    """Speak into the file of a request."""
    await asyncio.to_thread(write_wav, request.dst, hum(request.text), RATE)
    yield message_class("Result")(success=True)


async def answers(request: Any, _: Any) -> AsyncIterator[Any]:
    """Repeat the last message, word by word, or set the timer that it asks for."""
    reply = message_class("Reply")
    said = request.Messages[-1].content if request.Messages else ""
    tools = json.loads(request.Tools or "[]")
    if tools and "timer" in said and json.loads(request.ToolChoice) != "none":
        call = {"id": "call_1", "name": tools[0]["function"]["name"], "arguments": '{"minutes": 5}'}
        yield reply(chat_deltas=[{"tool_calls": [call]}], tokens=1, prompt_tokens=9)
        return
    words = ["You ", "said: ", *(f"{word} " for word in said.split()[:20])]
    for count, word in enumerate(words[: request.Tokens or None], start=1):
        counted = {"tokens": count, "prompt_tokens": 9}
        yield reply(message=word.encode(), chat_deltas=[{"content": word}], **counted)


@contextmanager
def running_detector() -> Iterator[str]:
    """A backend that finds speech from the first loud sample to the last one; gives its address.

    In threads of its own, for those who block the loop while they ask.
    """

    def find(request: Any, _: Any) -> Any:
        loud = np.flatnonzero(np.abs(request.audio) > _LOUD)
        segments = [{"start": loud[0] / RATE, "end": loud[-1] / RATE}] if len(loud) else []
        return message_class("VADResponse")(segments=segments)

    def is_well(_: Any, __: Any) -> Any:
        return message_class("Reply")(message=b"OK")

    forms = {
        "VAD": (find, "VADRequest", "VADResponse"),
        "Health": (is_well, "HealthMessage", "Reply"),
    }
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            behave,
            request_deserializer=message_class(asks).FromString,
            response_serializer=message_class(gives).SerializeToString,
        )
        for name, (behave, asks, gives) in forms.items()
    }
    with ThreadPoolExecutor(4) as threads:
        server = grpc.server(threads)
        service = grpc.method_handlers_generic_handler("backend.Backend", handlers)
        server.add_generic_rpc_handlers((service,))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(None).wait()
