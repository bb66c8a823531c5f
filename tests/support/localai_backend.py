"""A backend of LocalAI's kind that does what a test tells it, on a real gRPC server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from vivavoce.audio.wav import read_wav, write_wav
from vivavoce.engines.localai.messages import message_class
from vivavoce.engines.localai.schema import METHODS

Behaviour = Callable[[Any, grpc.aio.ServicerContext], AsyncIterator[Any]]
"""What one call gets."""


@dataclass
class LocalAIBackend:
    """What came in; `arrived` is set by a call, `left` by a client that goes early."""

    address: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    def requests(self, method: str) -> list[Any]:
        """The requests of one method."""
        return [request for called, request in self.calls if called == method]


@asynccontextmanager
async def running_backend(
    **behaviours: Behaviour | Sequence[Behaviour],
) -> AsyncIterator[LocalAIBackend]:
    """Serve on loopback: each call of a method gets the next of its behaviours, or the only one.

    `Health` and `LoadModel` go well by themselves; other methods that are not named do not exist.
    """
    backend = LocalAIBackend()
    waiting: dict[str, Behaviour | list[Behaviour]] = {
        "Health": gives("Reply", message=b"OK"),
        "LoadModel": gives("Result", success=True),
        **{name: one if callable(one) else list(one) for name, one in behaviours.items()},
    }

    async def behave(method: str, request: Any, context: Any) -> AsyncIterator[Any]:
        backend.calls.append((method, request))
        backend.keys.append(dict(context.invocation_metadata()).get("authorization"))
        if method not in ("Health", "LoadModel"):
            backend.arrived.set()
        behaviour = waiting[method]
        try:
            async for reply in (behaviour if callable(behaviour) else behaviour.pop(0))(
                request, context
            ):
                yield reply
        except asyncio.CancelledError:
            backend.left.set()
            raise

    server = grpc.aio.server()
    handlers = {method: _handler(method, behave) for method in waiting}
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("backend.Backend", handlers),)
    )
    backend.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield backend
    finally:
        await server.stop(None)


def _handler(method: str, behave: Callable[..., AsyncIterator[Any]]) -> Any:
    called = METHODS[method]
    forms = {
        "request_deserializer": message_class(called.request).FromString,
        "response_serializer": message_class(called.reply).SerializeToString,
    }

    async def streamed(request: Any, context: Any) -> AsyncIterator[Any]:
        async for reply in behave(method, request, context):
            yield reply

    async def single(request: Any, context: Any) -> Any:
        return await anext(behave(method, request, context))

    if called.streams:
        return grpc.unary_stream_rpc_method_handler(streamed, **forms)
    return grpc.unary_unary_rpc_method_handler(single, **forms)


def gives(message: str, /, **fields: Any) -> Behaviour:
    """One reply."""
    return streams(message, fields)


def streams(message: str, *replies: dict[str, Any]) -> Behaviour:
    """These replies, that end as they should."""

    async def behave(_: Any, __: Any) -> AsyncIterator[Any]:
        for fields in replies:
            yield message_class(message)(**fields)

    return behave


def falls_silent(message: str = "", *replies: dict[str, Any]) -> Behaviour:
    """These replies, after which nothing comes any more."""

    async def behave(request: Any, context: Any) -> AsyncIterator[Any]:
        async for reply in streams(message, *replies)(request, context):
            yield reply
        await asyncio.Event().wait()

    return behave


def fails(
    code: grpc.StatusCode, details: str = "", message: str = "", *replies: dict[str, Any]
) -> Behaviour:
    """These replies, and then an error."""

    async def behave(request: Any, context: Any) -> AsyncIterator[Any]:
        async for reply in streams(message, *replies)(request, context):
            yield reply
        await context.abort(code, details)

    return behave


def writes_speech(pcm: bytes, rate: int) -> Behaviour:
    """Speech in the file that the request names."""

    async def behave(request: Any, _: Any) -> AsyncIterator[Any]:
        await asyncio.to_thread(write_wav, request.dst, pcm, rate)
        yield message_class("Result")(success=True)

    return behave


def reads_speech(read: list[tuple[bytes, int]], /, **result: Any) -> Behaviour:
    """A transcript, once the file that the request names was read."""

    async def behave(request: Any, _: Any) -> AsyncIterator[Any]:
        read.append(await asyncio.to_thread(read_wav, Path(request.dst)))
        yield message_class("TranscriptResult")(**result)

    return behave
