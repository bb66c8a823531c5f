"""A transcription server that does what a test tells it; its behaviours are `chat_server`'s."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec
from aiohttp import web

from support.chat_server import Behaviour, event


@dataclass
class TranscriptionServer:
    """What came in; `arrived` is set by a request, `left` by a client that goes early."""

    base_url: str = ""
    forms: list[list[tuple[str, str]]] = field(default_factory=list)
    files: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: set[object] = field(default_factory=set)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def running_transcription_server(
    *behaviours: Behaviour,
) -> AsyncIterator[TranscriptionServer]:
    """Serve on loopback: each request gets the next of `behaviours`."""
    server = TranscriptionServer()
    waiting = list(behaviours)

    async def answer(request: web.Request) -> web.StreamResponse:
        await take(server, request)
        server.arrived.set()
        try:
            return await waiting.pop(0)(request)
        except asyncio.CancelledError:
            server.left.set()
            raise

    app = web.Application()
    app.router.add_post("/v1/audio/transcriptions", answer)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.base_url = f"http://{host}:{port}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()


async def take(server: TranscriptionServer, request: web.Request) -> None:
    """Note the form and the file of a request."""
    form: list[tuple[str, str]] = []
    posted = await request.post()
    for name, value in posted.items():
        if isinstance(value, web.FileField):
            server.files.append(value.file.read())
            value.file.close()
        else:
            assert isinstance(value, str)
            form.append((name, value))
    server.forms.append(form)
    server.headers.append(dict(request.headers))
    server.connections.add(request.transport)


def document(**fields: object) -> Behaviour:
    """A JSON document."""

    async def behave(request: web.Request) -> web.StreamResponse:
        return web.Response(body=msgspec.json.encode(fields), content_type="application/json")

    return behave


def delta(text: str) -> bytes:
    """A piece of a stream, as OpenAI writes it."""
    return event({"type": "transcript.text.delta", "delta": text})


def done(text: str, **fields: object) -> bytes:
    """The end of a stream, as OpenAI writes it."""
    return event({"type": "transcript.text.done", "text": text, **fields})


def vllm_delta(text: str) -> bytes:
    """A piece of a stream, as vLLM writes it."""
    choice = {"delta": {"content": text}, "finish_reason": None}
    return event({"object": "transcription.chunk", "choices": [choice]})
