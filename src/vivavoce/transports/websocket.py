"""`GET /v1/realtime` over a WebSocket: frames to the driver, events to frames (protocol 1.1).

A task reads, a task writes. The writer's queue is bounded in bytes: a client that does not read
what it asked for is disconnected, and nobody waits for it.
"""

import asyncio
import logging
from collections import deque

from aiohttp import WSCloseCode, WSMsgType, web

from vivavoce.dialects import ga
from vivavoce.protocol.errors import ErrorDetail, Refusal
from vivavoce.protocol.server_events import Error, ServerEvent
from vivavoce.runtime.driver import SessionDriver
from vivavoce.runtime.pipeline import ModelLoadError
from vivavoce.runtime.sessions import Sessions, TooManySessionsError

logger = logging.getLogger(__name__)

MAX_FRAME = 21 * 1024 * 1024
"""Bytes: an append of 15 MiB is 20 MiB of base64, and some JSON."""

MAX_QUEUED = 32 * 1024 * 1024
"""Bytes that may wait for a client to read them."""

PING_INTERVAL_S = 20.0
"""As the live service pings (protocol 1.1)."""

PEER = 1
"""A WebSocket session has one connection."""

REFUSED = 4000
"""The close code of a session that cannot begin (protocol 6.2)."""


class WebSocketConnection:
    """One client's socket: a queue of frames, and the task that writes them."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket
        self._frames: deque[bytes] = deque()
        self._queued = 0
        self._wake = asyncio.Event()
        self._closing: tuple[int, str] | None = None

    def send(self, event: ServerEvent) -> None:
        """Queue an event; a client that reads too slowly is disconnected."""
        if self._closing is not None:
            return
        frame = ga.encode(event)
        if self._queued + len(frame) > MAX_QUEUED:
            self._frames.clear()
            self.close(WSCloseCode.POLICY_VIOLATION, "The client does not read what it is sent.")
            return
        self._queued += len(frame)
        self._frames.append(frame)
        self._wake.set()

    def close(self, code: int, reason: str) -> None:
        """Close behind what is queued."""
        if self._closing is None:
            self._closing = (code, reason)
        self._wake.set()

    async def write(self) -> None:
        """Write what is queued until the connection is closed."""
        while True:
            while self._frames:
                frame = self._frames.popleft()
                self._queued -= len(frame)
                await self._socket.send_frame(frame, WSMsgType.TEXT)
            if self._closing is not None:
                code, reason = self._closing
                await self._socket.close(code=code, message=reason.encode())
                return
            self._wake.clear()
            await self._wake.wait()


class RealtimeEndpoint:
    """Handles the path; one instance for the server."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One connection, from the upgrade to the close."""
        socket = web.WebSocketResponse(
            protocols=("realtime",),
            max_msg_size=MAX_FRAME,
            heartbeat=PING_INTERVAL_S,
            compress=False,
        )
        await socket.prepare(request)
        connection = WebSocketConnection(socket)
        try:
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(connection.write(), name="writer")
                await self._converse(request, socket, connection, tasks)
                connection.close(WSCloseCode.OK, "")
                if socket.closed:
                    writer.cancel()
        except* ConnectionError:
            logger.info("a connection was lost")
        return socket

    async def _converse(
        self,
        request: web.Request,
        socket: web.WebSocketResponse,
        connection: WebSocketConnection,
        tasks: asyncio.TaskGroup,
    ) -> None:
        """A session from its first frame to its last."""
        model, intent = request.query.get("model"), request.query.get("intent")
        if not model and intent != "transcription":
            connection.send(Error(error=MISSING_MODEL))
            connection.close(REFUSED, "invalid_request_error.missing_model")
            return
        try:
            driver = await self._sessions.open(
                model or "", tasks, transcription=intent == "transcription"
            )
        except ModelLoadError as error:
            connection.send(Error(error=load_error(error)))
            connection.close(REFUSED, "server_error.model_load_error")
            return
        except TooManySessionsError as error:
            connection.send(Error(error=overloaded(error)))
            connection.close(WSCloseCode.TRY_AGAIN_LATER, "server_error.too_many_sessions")
            return
        try:
            driver.join(PEER, connection)
            await read(socket, driver)
        finally:
            driver.leave(PEER)
            self._sessions.closed(driver)


async def read(socket: web.WebSocketResponse, driver: SessionDriver) -> None:
    """Hand every frame to the driver, one after the other, until the socket is closed."""
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            try:
                event = ga.decode(message.data)
            except Refusal as refusal:
                driver.refuse(PEER, refusal.detail)
            else:
                await driver.receive(PEER, event)
        elif message.type is WSMsgType.BINARY:
            driver.refuse(PEER, ga.binary_frame())
        elif message.type is WSMsgType.ERROR:
            logger.info("a socket failed: %s", socket.exception())


MISSING_MODEL = ErrorDetail(
    code="missing_model",
    message="Name a model: connect to /v1/realtime?model=..., or use ?intent=transcription.",
    param="model",
)


def load_error(error: ModelLoadError) -> ErrorDetail:
    """A model that cannot serve."""
    return ErrorDetail(type="server_error", code="model_load_error", message=str(error))


def overloaded(error: TooManySessionsError) -> ErrorDetail:
    """A server that is full."""
    return ErrorDetail(type="server_error", code="too_many_sessions", message=str(error))
