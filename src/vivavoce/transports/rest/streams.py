"""Answers that are sent while they are made.

An answer begins with its first bytes, so that what fails before them still has a status. A client
that goes away cancels the handler's task (the server runs with `handler_cancellation`), and so the
engine's work; one that does not read is cut off.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any

import msgspec
from aiohttp import hdrs, web

from vivavoce.transports.http_errors import error_object
from vivavoce.transports.rest.failures import failure_of

logger = logging.getLogger(__name__)

STALL_TIMEOUT_S = 60.0
"""How long a client may leave what it is sent unread."""

EVENT_STREAM = "text/event-stream"


class ClientGoneError(Exception):
    """Nobody reads the answer any more."""


class StreamedAnswer:
    """The bytes of one answer. Made by `streamed`."""

    def __init__(self, request: web.Request, media_type: str, *, status: int = 200) -> None:
        headers = {hdrs.CONTENT_TYPE: media_type, hdrs.CACHE_CONTROL: "no-cache"}
        self.response = web.StreamResponse(status=status, headers=headers)
        self._request = request

    @property
    def begun(self) -> bool:
        """Whether the client has seen a status."""
        return self.response.prepared

    async def write(self, data: bytes) -> None:
        """Send bytes, and wait while too many are unread. Raises `ClientGoneError`."""
        if data:
            await self._sent(self.response.write(data))

    async def event(self, data: Mapping[str, object] | str) -> None:
        """Send an event: a JSON object, or text. Raises `ClientGoneError`."""
        text = data.encode() if isinstance(data, str) else msgspec.json.encode(data)
        await self.write(b"data: " + text + b"\n\n")

    async def end(self) -> None:
        """Nothing more. Raises `ClientGoneError`."""
        await self._sent(self.response.write_eof())

    async def _sent(self, sending: Coroutine[Any, Any, None]) -> None:
        try:
            async with asyncio.timeout(STALL_TIMEOUT_S):
                if not self.begun:
                    await self.response.prepare(self._request)
                await sending
        except (ConnectionError, TimeoutError) as error:
            self.cut_off()
            raise ClientGoneError from error
        finally:
            sending.close()

    def cut_off(self) -> None:
        """End the connection: how a client learns that a file is not whole."""
        if self._request.transport is not None:
            self._request.transport.abort()


@contextlib.asynccontextmanager
async def streamed(
    request: web.Request, media_type: str, *, status: int = 200
) -> AsyncIterator[StreamedAnswer]:
    """An answer, which ends with the block.

    What the block raises before the first byte goes on to the caller. Behind it a stream of events
    ends with an event that holds the error, and anything else is cut off.
    """
    answer = StreamedAnswer(request, media_type, status=status)
    with contextlib.suppress(ClientGoneError):
        try:
            yield answer
        except ClientGoneError:
            return
        except Exception as error:
            if not answer.begun:
                raise
            failure = failure_of(error)
            logger.warning("an answer broke off: %s", failure.detail.message)
            if media_type != EVENT_STREAM:
                answer.cut_off()
                return
            await answer.event({"error": error_object(failure.detail)})
        await answer.end()
