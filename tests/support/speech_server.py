"""A speech server that does what a test tells it; its faults are `chat_server`'s."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web

from support.chat_server import Behaviour, ChatServer


@asynccontextmanager
async def running_speech_server(*behaviours: Behaviour) -> AsyncIterator[ChatServer]:
    """Serve on loopback: each request gets the next of `behaviours`."""
    server = ChatServer()
    waiting = list(behaviours)

    async def answer(request: web.Request) -> web.StreamResponse:
        body: dict[str, Any] = msgspec.json.decode(await request.read())
        server.requests.append(body)
        server.headers.append(dict(request.headers))
        server.connections.add(request.transport)
        server.arrived.set()
        try:
            return await waiting.pop(0)(request)
        except asyncio.CancelledError:
            server.left.set()
            raise

    app = web.Application()
    app.router.add_post("/v1/audio/speech", answer)
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


def speaks(*pieces: bytes, content_type: str = "audio/pcm") -> Behaviour:
    """Audio in these pieces, that ends as it should."""

    async def behave(request: web.Request) -> web.StreamResponse:
        response = await _stream(request, pieces, content_type)
        await response.write_eof()
        return response

    return behave


def falls_silent(*pieces: bytes) -> Behaviour:
    """Audio in these pieces, after which nothing comes any more."""

    async def behave(request: web.Request) -> web.StreamResponse:
        await _stream(request, pieces, "audio/pcm")
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    return behave


def is_cut_off(*pieces: bytes) -> Behaviour:
    """Audio in these pieces, after which the connection is reset."""

    async def behave(request: web.Request) -> web.StreamResponse:
        response = await _stream(request, pieces, "audio/pcm")
        assert request.transport is not None
        request.transport.abort()
        return response

    return behave


async def _stream(
    request: web.Request, pieces: tuple[bytes, ...], content_type: str
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": content_type})
    await response.prepare(request)
    for piece in pieces:
        await response.write(piece)
    return response
