"""One client's WebSocket: a bounded queue of frames, the loop that writes it, and signs of life.

The queue is bounded in bytes: while much is waiting in it, no more should be read from the client,
and a client that does not take what the session has to say is disconnected. One that is silent
while it is read is given up; it is not gone while the session is busy with what it sent.
"""

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from vivavoce.dialects import ga
from vivavoce.dialects.base import Dialect
from vivavoce.protocol.ids import Ids
from vivavoce.protocol.server_events import ServerEvent

logger = logging.getLogger(__name__)

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

DOES_NOT_READ = "The client does not read what it is sent."


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
