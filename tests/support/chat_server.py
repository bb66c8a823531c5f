"""A chat completions server that does what a test tells it, faults above all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]
"""What one request gets."""


@dataclass
class ChatServer:
    """What came in; `arrived` is set by a request, `left` by a client that goes early."""

    base_url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: set[object] = field(default_factory=set)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def running_chat_server(*behaviours: Behaviour) -> AsyncIterator[ChatServer]:
    """Serve on loopback: each request gets the next of `behaviours`."""
    server = ChatServer()
    waiting = list(behaviours)

    async def answer(request: web.Request) -> web.StreamResponse:
        server.requests.append(msgspec.json.decode(await request.read()))
        server.headers.append(dict(request.headers))
        server.connections.add(request.transport)
        server.arrived.set()
        try:
            return await waiting.pop(0)(request)
        except asyncio.CancelledError:
            server.left.set()
            raise

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    app.router.add_post("/v1/completions", answer)
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


def chunk(*, content: str | None = None, finish: str | None = None, **delta: Any) -> bytes:
    """One event of a stream, as these servers write it."""
    fields = {"content": content, **delta} if content is not None else delta
    choice = {"index": 0, "delta": fields, "finish_reason": finish}
    return event({"object": "chat.completion.chunk", "choices": [choice]})


def event(fields: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(fields) + b"\n\n"


DONE = b"data: [DONE]\n\n"


def answers(*pieces: bytes) -> Behaviour:
    """A stream of these bytes, that ends as it should."""

    async def behave(request: web.Request) -> web.StreamResponse:
        response = await _stream(request, pieces)
        await response.write_eof()
        return response

    return behave


def hangs(*pieces: bytes) -> Behaviour:
    """A stream of these bytes, after which nothing comes any more."""

    async def behave(request: web.Request) -> web.StreamResponse:
        await _stream(request, pieces)
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    return behave


def breaks_off(*pieces: bytes) -> Behaviour:
    """A stream of these bytes, after which the connection is reset."""

    async def behave(request: web.Request) -> web.StreamResponse:
        response = await _stream(request, pieces)
        assert request.transport is not None
        request.transport.abort()
        return response

    return behave


def refuses(
    status: int, text: str = "", *, content_type: str = "application/json", **headers: str
) -> Behaviour:
    """A plain answer with this status and body."""

    async def behave(request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, text=text, content_type=content_type, headers=named)

    return behave


def speaks_no_http(request_bytes: bytes = b"220 smtp.example ESMTP\r\n") -> Behaviour:
    """Bytes that are no HTTP at all."""

    async def behave(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(request_bytes)
        request.transport.close()
        return web.Response()

    return behave


async def _stream(request: web.Request, pieces: tuple[bytes, ...]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for piece in pieces:
        await response.write(piece)
    return response
