"""How many requests are worked on at a time, and what becomes of them when the server stops."""

import asyncio

from aiohttp import web

from vivavoce.protocol.errors import ErrorDetail
from vivavoce.transports.http_errors import Handler
from vivavoce.transports.rest.failures import Failure, told

MAX_REQUESTS = 100
"""Each may hold a file and what becomes of it in memory."""

GRACE_S = 3.0
"""What requests get to come to their end when the server stops."""


class Turnstile:
    """Lets so many requests in, and tells others to come back."""

    def __init__(self, most: int = MAX_REQUESTS) -> None:
        self._most = most
        self._inside: dict[asyncio.Task[object], None] = {}
        self._all_gone = asyncio.Event()

    def guard(self, handler: Handler) -> Handler:
        """The handler, for those that are let in; what goes wrong in it is told to them."""
        told_handler = told(handler)

        async def handle(request: web.Request) -> web.StreamResponse:
            if len(self._inside) >= self._most:
                return full(self._most).response()
            task = asyncio.current_task()
            assert task is not None, "requests are handled in tasks"
            self._inside[task] = None
            try:
                return await told_handler(request)
            finally:
                del self._inside[task]
                if not self._inside:
                    self._all_gone.set()

        return handle

    async def close(self) -> None:
        """The server stops: wait for those inside, but not for long."""
        if not self._inside:
            return
        self._all_gone.clear()
        try:
            async with asyncio.timeout(GRACE_S):
                await self._all_gone.wait()
        except TimeoutError:
            for task in self._inside:
                task.cancel()


def full(most: int) -> Failure:
    """What those are told who are not let in."""
    text = f"This server works on at most {most} requests at a time. Try again later."
    busy = ErrorDetail(type="server_error", code="too_many_requests", message=text)
    return Failure(503, busy, retry_after_s=1)
