"""`GET /v1/realtime` over a WebSocket: frames to the driver, events to frames (protocol 1.1).

A task reads, another writes, a third asks for signs of life. While much is waiting to be written no
more is read. Whoever closes, the session and its jobs end first, and then the closing handshake is
made.

Reading is the busiest path of the server: fifty frames a second from each caller. So there is no
timer for a frame (making one costs as much as all the rest), and no text is made of its bytes.
"""

import asyncio
import logging
from http import HTTPStatus

from aiohttp import WSCloseCode, WSMsgType, web

from vivavoce.dialects import ga
from vivavoce.dialects.negotiate import negotiate
from vivavoce.protocol.client_events import InputAudioBufferAppend
from vivavoce.protocol.errors import ErrorDetail, Refusal
from vivavoce.protocol.server_events import Error
from vivavoce.runtime.driver import SessionDriver
from vivavoce.runtime.pipeline import ModelLoadError
from vivavoce.runtime.sessions import Sessions, TooManySessionsError
from vivavoce.transports.access import Access
from vivavoce.transports.authentication import Unauthenticated
from vivavoce.transports.opening import asks_for_measures, starting_settings
from vivavoce.transports.origins import ForeignOrigin
from vivavoce.transports.websocket_connection import (
    CLOSE_TIMEOUT_S,
    Connect,
    WebSocketConnection,
    connect_socket,
)

logger = logging.getLogger(__name__)

MAX_FRAME = 21 * 1024 * 1024
"""Bytes: an append of 15 MiB is 20 MiB of base64, and some JSON."""

CALL_PARAMETER = "call_id"
"""Names the call that a connection is to be a sideband of. There are none yet."""

PEER = 1
"""A WebSocket session has one connection."""

CLOSED = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)
"""What is received behind the last frame."""

REFUSED = 4000
"""The close code of a session that cannot begin (protocol 6.2)."""

UNAUTHORIZED = 3000
"""The close code of a caller that may not come in (protocol 6.2)."""


class RealtimeEndpoint:
    """Handles the path; one instance for the server."""

    def __init__(
        self, sessions: Sessions, access: Access, connect: Connect = connect_socket
    ) -> None:
        self._sessions = sessions
        self._access = access
        self._connect = connect
        self._connections: set[WebSocketConnection] = set()
        self._all_gone = asyncio.Event()

    async def close_all(self, _: web.Application) -> None:
        """The server stops: tell every client, and wait until each has answered or was cut off."""
        for connection in tuple(self._connections):
            connection.close(WSCloseCode.GOING_AWAY, "The server is shutting down.")
        if self._connections:
            self._all_gone.clear()
            await self._all_gone.wait()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One connection, from the upgrade to the close; none for a call that there is not."""
        if CALL_PARAMETER in request.query:
            # A sideband of a call, whatever else it asks for (protocol 1.4).
            logger.info("a sideband is refused: no call here has the id that it names")
            return web.Response(status=HTTPStatus.NOT_FOUND)
        agreed = negotiate(
            request.headers.getall("OpenAI-Beta", ()),
            request.headers.getall("Sec-WebSocket-Protocol", ()),
        )
        socket = web.WebSocketResponse(
            protocols=() if agreed.subprotocol is None else (agreed.subprotocol,),
            max_msg_size=MAX_FRAME,
            timeout=CLOSE_TIMEOUT_S,
            autoping=False,
            decode_text=False,
            compress=False,
        )
        await socket.prepare(request)
        connection = self._connect(request, socket)
        connection.dialect = agreed.dialect
        self._connections.add(connection)
        try:
            async with asyncio.TaskGroup() as tasks:
                conversation = self._converse(request, connection, tasks)
                reader = tasks.create_task(conversation, name="reader")
                pings = tasks.create_task(connection.attend(), name="pings")
                await connection.write()
                reader.cancel()
                pings.cancel()
            await connection.finish()
        except* ConnectionError:
            logger.info("a connection was lost")
        finally:
            self._connections.discard(connection)
            if not self._connections:
                self._all_gone.set()
            connection.free()
        return socket

    async def _converse(
        self,
        request: web.Request,
        connection: WebSocketConnection,
        tasks: asyncio.TaskGroup,
    ) -> None:
        """A session from its first frame to its last."""
        try:
            admission = self._access.admit(request)
            measured = asks_for_measures(request)
            start = starting_settings(request, admission, self._sessions)
            driver = await self._sessions.open(start, tasks)
        except (Unauthenticated, ForeignOrigin) as refusal:
            self._refuse(connection, refusal.detail, UNAUTHORIZED, "not_admitted")
            return
        except Refusal as refusal:
            self._refuse(connection, refusal.detail, REFUSED, "invalid_request")
            return
        except ModelLoadError as error:
            logger.warning("a session cannot begin: %s", error)
            self._refuse(connection, load_error(error), REFUSED, "model_load_error")
            return
        except TooManySessionsError as error:
            full = overloaded(error)
            self._refuse(connection, full, WSCloseCode.TRY_AGAIN_LATER, "too_many_sessions")
            return
        try:
            driver.join(PEER, connection, measured=measured)
            await read(connection, driver)
        finally:
            driver.leave(PEER)
            self._sessions.closed(driver)
            connection.close(WSCloseCode.OK, "")

    def _refuse(
        self, connection: WebSocketConnection, detail: ErrorDetail, code: int, counted_as: str
    ) -> None:
        """A session cannot begin: one error, then a close that names it (protocol 6.2)."""
        metrics = self._sessions.models.metrics
        metrics.session_refused(counted_as)
        metrics.error_sent(detail)
        connection.send(Error(event_id=connection.ids.new("event"), error=detail))
        name = detail.type if detail.code is None else f"{detail.type}.{detail.code}"
        connection.close(code, name)


async def read(connection: WebSocketConnection, driver: SessionDriver) -> None:
    """Hand every frame to the driver, one after the other, until the socket is closed."""
    decode = connection.dialect.decode
    while (message := await connection.receive()).type not in CLOSED:
        if connection.is_full:
            await connection.room()
        if message.type is WSMsgType.TEXT:
            try:
                event = decode(message.data)
            except Refusal as refusal:
                driver.refuse(PEER, refusal.detail)
                continue
            if not isinstance(event, InputAudioBufferAppend):
                await driver.receive(PEER, event)
            elif (congested := driver.append(PEER, event)) is not None:
                await congested
        elif message.type is WSMsgType.BINARY:
            driver.refuse(PEER, ga.binary_frame())
        elif message.type is WSMsgType.ERROR:
            logger.info("a socket failed: %s", message.data)


def load_error(error: ModelLoadError) -> ErrorDetail:
    """A model that cannot serve."""
    return ErrorDetail(type="server_error", code="model_load_error", message=error.FOR_CLIENTS)


def overloaded(error: TooManySessionsError) -> ErrorDetail:
    """A server that is full."""
    return ErrorDetail(type="server_error", code="too_many_sessions", message=str(error))
