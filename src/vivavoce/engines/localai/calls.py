"""Calls to a backend over gRPC: from the event loop, and blocking ones from a thread."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from typing import Any

import grpc
import grpc.aio

from vivavoce.engines.base import EngineError
from vivavoce.engines.localai.failures import closed, failure, late
from vivavoce.engines.localai.messages import message_class
from vivavoce.engines.localai.schema import METHODS, PACKAGE
from vivavoce.engines.localai.settings import BackendSettings
from vivavoce.engines.openai_http.failures import UnavailableError

_MAX_MESSAGE_BYTES = 50 * 1024 * 1024
"""As in LocalAI."""

_OPTIONS = [
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    # A proxy is for the internet; backends run beside us.
    ("grpc.enable_http_proxy", 0),
    # By default a backend that was restarted could stay unreachable for two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
]

Fields = Mapping[str, Any]
"""The fields of a request, by name."""


class Backend:
    """A backend that is called from the event loop, over one connection.

    Cancelling the task that awaits a call, or closing its iterator, cancels it over there.
    """

    def __init__(self, settings: BackendSettings) -> None:
        self.settings = settings
        self._channel: grpc.aio.Channel | None = None

    async def close(self) -> None:
        """Close the connection."""
        if self._channel is not None:
            await self._channel.close()
            self._channel = None

    async def ask(self, method: str, fields: Fields) -> Any:
        """Call a method that gives one reply. Raises `EngineError`."""
        async with aclosing(self._attempts(method, fields)) as replies:
            return await anext(replies)

    async def replies(self, method: str, fields: Fields) -> AsyncGenerator[Any, None]:
        """Call a method that streams. Raises `EngineError`.

        Before the first reply, a backend that cannot be reached gets two more attempts.
        """
        async with aclosing(self._attempts(method, fields)) as replies:
            async for reply in replies:
                yield reply

    async def _attempts(self, method: str, fields: Fields) -> AsyncGenerator[Any, None]:
        attempt = self._streamed if METHODS[method].streams else self._single
        for pause in (*self.settings.timeouts.retry_pauses, None):
            begun = False
            try:
                async with aclosing(attempt(method, fields)) as replies:
                    async for reply in replies:
                        begun = True
                        yield reply
                return
            except UnavailableError:
                if begun or pause is None:
                    raise
            await asyncio.sleep(pause)

    async def _single(self, method: str, fields: Fields) -> AsyncGenerator[Any, None]:
        call = self._begun(method, fields)
        try:
            with self._worded(method):
                reply = await self._in_time(call, method, begun=False)
        finally:
            call.cancel()
        yield reply

    async def _streamed(self, method: str, fields: Fields) -> AsyncGenerator[Any, None]:
        call, begun = self._begun(method, fields), False
        try:
            while True:
                with self._worded(method):
                    reply = await self._in_time(call.read(), method, begun=begun)
                if reply is grpc.aio.EOF:
                    return
                yield reply
                begun = True
        finally:
            call.cancel()

    def _begun(self, method: str, fields: Fields) -> Any:
        """A call that is under way."""
        request = _request(method, fields)
        return _callable(self._connected(), method)(request, metadata=_metadata(self.settings))

    async def _in_time(self, reply: Awaitable[Any], method: str, *, begun: bool) -> Any:
        limits = self.settings.timeouts
        limit = limits.between if begun else limits.first
        try:
            async with asyncio.timeout(limit):
                return await reply
        except TimeoutError:
            raise late(self.settings, method, limit, begun=begun) from None

    @contextmanager
    def _worded(self, method: str) -> Iterator[None]:
        """Turn whatever ends a call into an `EngineError` for the reader."""
        try:
            yield
        except grpc.RpcError as error:
            raise failure(self.settings, method, error) from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # The channel was closed, at which gRPC cancels what awaits one of its calls.
            raise closed(self.settings) from None

    def _connected(self) -> grpc.aio.Channel:
        # Made here and not at construction: it belongs to the running event loop.
        if self._channel is None:
            self._channel = grpc.aio.insecure_channel(self.settings.address, options=_OPTIONS)
        return self._channel


class BlockingBackend:
    """A backend that is called from a thread."""

    def __init__(self, settings: BackendSettings) -> None:
        self.settings = settings
        self._channel = grpc.insecure_channel(settings.address, options=_OPTIONS)

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def prepare(self) -> None:
        """Ask whether the backend is there, and have it load what the settings say.

        Raises `EngineError`.
        """
        self.ask_all("Health", [{}], self.settings.timeouts.health)
        if not self.settings.load:
            return
        limit = self.settings.timeouts.load
        [result] = self.ask_all("LoadModel", [self.settings.load], limit)
        if not result.success:
            raise EngineError(
                f"the backend at {self.settings.address} cannot load the model: {result.message}",
                code="model_load_error",
            )

    def ask_all(self, method: str, requests: Sequence[Fields], limit: float) -> list[Any]:
        """Call a method for all of these at once, in `limit` seconds. Raises `EngineError`."""
        call = _callable(self._channel, method)
        begun = [
            call.future(_request(method, fields), timeout=limit, metadata=_metadata(self.settings))
            for fields in requests
        ]
        try:
            return [future.result() for future in begun]
        except grpc.RpcError as error:
            raise failure(self.settings, method, error) from None
        except grpc.FutureCancelledError:
            raise closed(self.settings) from None
        finally:
            for future in begun:
                future.cancel()


def _callable(channel: Any, method: str) -> Any:
    called = METHODS[method]
    kind = channel.unary_stream if called.streams else channel.unary_unary
    return kind(
        f"/{PACKAGE}.Backend/{method}",
        request_serializer=message_class(called.request).SerializeToString,
        response_deserializer=message_class(called.reply).FromString,
    )


def _request(method: str, fields: Fields) -> Any:
    return message_class(METHODS[method].request)(**fields)


def _metadata(settings: BackendSettings) -> tuple[tuple[str, str], ...]:
    if settings.api_key is None:
        return ()
    return (("authorization", f"Bearer {settings.api_key}"),)
