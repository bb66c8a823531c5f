"""`GET /v1/realtime` over a WebSocket: frames to the driver, events to frames (protocol 1.1).

A task reads, another writes. The writer's queue is bounded in bytes: while much is waiting in it,
no more is read from the client, and a client that does not take what the session has to say is
disconnected. A third task pings, and gives up a client that is silent while it is read; it is not
gone while the session is busy with what it sent. Whoever closes, the session and its jobs end
first, and then the closing handshake is made.

Reading is the busiest path of the server: fifty frames a second from each caller. So there is no
timer for a frame (making one costs as much as all the rest), and no text is made of its bytes.
"""

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from vivavoce.dialects import ga
from vivavoce.dialects.base import Dialect
from vivavoce.dialects.negotiate import negotiate
from vivavoce.protocol.client_events import InputAudioBufferAppend
from vivavoce.protocol.errors import ErrorDetail, Refusal
from vivavoce.protocol.ids import Ids
from vivavoce.protocol.server_events import Error, ServerEvent
from vivavoce.runtime.driver import SessionDriver
from vivavoce.runtime.pipeline import ModelLoadError
from vivavoce.runtime.sessions import Sessions, TooManySessionsError
from vivavoce.transports.access import Access
from vivavoce.transports.authentication import Unauthenticated
from vivavoce.transports.opening import asks_for_measures, starting_settings
from vivavoce.transports.origins import ForeignOrigin

logger = logging.getLogger(__name__)

MAX_FRAME = 21 * 1024 * 1024
"""Bytes: an append of 15 MiB is 20 MiB of base64, and some JSON."""

MAX_QUEUED = 32 * 1024 * 1024
"""Bytes that may wait for a client to read them."""

HIGH_WATER = 4 * 1024 * 1024
"""Bytes: with more than this waiting, the client's next frames are not read."""

STALL_TIMEOUT_S = 60.0
"""How long a client may leave it at that."""

PING_INTERVAL_S = 20.0
"""As the live service pings (protocol 1.1)."""

SILENCE_TIMEOUT_S = 60.0
"""How long a client that is read may send nothing, not even a pong, give or take a ping. A frame
has as long to come in whole: the largest takes a line of 3 Mbit/s."""

CLOSE_TIMEOUT_S = 10.0
"""What a client gets to read the rest and to answer a close, before it is cut off."""

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


@dataclass(frozen=True, slots=True)
class Closing:
    """Why a connection takes no more events, and what cuts it off if the close takes too long."""

    code: int
    reason: str
    patience: asyncio.TimerHandle


class WebSocketConnection:
    """One client's socket: a queue of frames, and the loop that writes them."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        self._socket = socket
        self._transport = transport
        self.dialect: Dialect = ga
        """What both sides speak."""
        self.ids = Ids(secrets.randbits)
        """For the errors of a session that cannot begin."""
        self._frames: deque[bytes] = deque()
        self._queued = 0
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._closing: Closing | None = None
        self._reading = False
        """Whether the next frame is awaited."""
        self._heard = False
        """Whether a frame has come since the last ping."""

    def send(self, event: ServerEvent) -> None:
        """Queue an event; a client that reads too slowly is disconnected."""
        if self._closing is None:
            for frame in self.dialect.encode(event):
                self.send_frame(frame)

    def send_frame(self, frame: bytes) -> None:
        """Queue an event as it goes over the wire."""
        if self._queued + len(frame) > MAX_QUEUED:
            self.give_up(DOES_NOT_READ)
            return
        self._queued += len(frame)
        self._frames.append(frame)
        self._wake.set()
        if self.is_full:
            self._room.clear()

    @property
    def is_full(self) -> bool:
        """Whether so much is waiting that no more should be asked for."""
        return self._queued > HIGH_WATER

    async def room(self) -> None:
        """Returns when less is waiting; a client that takes too long is disconnected."""
        try:
            async with asyncio.timeout(STALL_TIMEOUT_S):
                await self._room.wait()
        except TimeoutError:
            self.give_up(DOES_NOT_READ)

    def close(self, code: int, reason: str) -> None:
        """Close behind what is queued. The first to close says why."""
        if self._closing is None:
            loop = asyncio.get_running_loop()
            patience = loop.call_later(CLOSE_TIMEOUT_S, self.cut_off)
            self._closing = Closing(code, reason, patience)
        self._wake.set()

    def give_up(self, reason: str) -> None:
        """What is queued would never be read, and a close frame behind it neither."""
        logger.warning("%s It is disconnected.", reason)
        self.discard()
        self.close(WSCloseCode.POLICY_VIOLATION, reason)
        self.cut_off()

    def discard(self) -> None:
        """Forget what is queued."""
        self._frames.clear()
        self._queued = 0

    def cut_off(self) -> None:
        """End the TCP connection: only this wakes a writer that waits for a client to read."""
        if self._transport is not None:
            self._transport.abort()

    async def write(self) -> None:
        """Write what is queued, until the connection is closing and nothing is left."""
        while True:
            while self._frames and not self._socket.closed:
                frame = self._frames.popleft()
                self._queued -= len(frame)
                await self.write_frame(frame)
                if not self.is_full:
                    self._room.set()
            if self._closing is not None:
                return
            self._wake.clear()
            await self._wake.wait()

    async def write_frame(self, frame: bytes) -> None:
        """Write one frame."""
        await self._socket.send_frame(frame, WSMsgType.TEXT)

    async def receive(self) -> WSMessage:
        """What the client sends next; its pings are answered, and pongs are but a sign of life."""
        while True:
            self._reading = True
            message: WSMessage = await self._socket.receive()
            self._reading, self._heard = False, True
            if message.type is WSMsgType.PING:
                await self._socket.pong(message.data)
            elif message.type is not WSMsgType.PONG:
                return message

    async def attend(self) -> None:
        """Ask again and again for a sign of life; a client that gives none is disconnected."""
        silent_s = 0.0
        while silent_s < SILENCE_TIMEOUT_S:
            self._heard = False
            await self._socket.ping()
            await asyncio.sleep(PING_INTERVAL_S)
            silent_s = silent_s + PING_INTERVAL_S if self._reading and not self._heard else 0.0
        self.give_up("The client does not answer pings.")

    async def finish(self) -> None:
        """The closing handshake, unless the client has begun it. Nobody may be reading."""
        assert self._closing is not None  # `write` has waited for it
        code, reason = self._closing.code, self._closing.reason
        await self._socket.close(code=code, message=reason.encode())

    def free(self) -> None:
        """The connection is over."""
        if self._closing is not None:
            self._closing.patience.cancel()


Connect = Callable[[web.Request, web.WebSocketResponse], WebSocketConnection]
"""What makes a connection of a socket that a request has opened."""


def connect_socket(request: web.Request, socket: web.WebSocketResponse) -> WebSocketConnection:
    """A connection that does what it is told."""
    return WebSocketConnection(socket, request.transport)


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


DOES_NOT_READ = "The client does not read what it is sent."


def load_error(error: ModelLoadError) -> ErrorDetail:
    """A model that cannot serve."""
    return ErrorDetail(type="server_error", code="model_load_error", message=error.FOR_CLIENTS)


def overloaded(error: TooManySessionsError) -> ErrorDetail:
    """A server that is full."""
    return ErrorDetail(type="server_error", code="too_many_sessions", message=str(error))
