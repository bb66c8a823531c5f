"""Messages, and connections, from one process to another over a Unix socket pair.

A message is a frame of MessagePack. A connection travels as a file descriptor beside the bytes of
its message (`SCM_RIGHTS`, unix(7)), so it is there when they are. That is why this reads the socket
itself: a transport of asyncio, as `engines.remote.link` has, would drop what comes beside bytes.
"""

import asyncio
import logging
import os
import socket
from collections import deque
from typing import Generic, TypeVar

import msgspec

from vivavoce.engines.remote.frames import Frames, encoded

Message = TypeVar("Message")

logger = logging.getLogger(__name__)

RECEIVED_AT_ONCE = 64 * 1024
"""Bytes."""

DESCRIPTORS_AT_ONCE = 64


class Channel(Generic[Message]):
    """One end, for one loop. It receives messages of one type, in the order of their sending.

    Nothing is sent without having been asked for, or one by one as things happen, so what waits
    for a slow reader stays small. Use it as a context manager, which closes it.
    """

    def __init__(self, end: socket.socket, decoder: msgspec.msgpack.Decoder[Message]) -> None:
        end.setblocking(False)
        self._socket = end
        self._decoder = decoder
        self._frames = Frames()
        self._messages: deque[Message] = deque()
        """Received, and not read yet."""
        self._connections: deque[socket.socket] = deque()
        """Came with a message that is not read yet."""
        self._outgoing = bytearray()
        self._readable = asyncio.Event()

    def send(self, message: msgspec.Struct) -> None:
        """Send a message, behind those that wait. To an end that was closed it goes nowhere."""
        self._outgoing += encoded(message)
        self._flush()

    def hand_over(self, message: msgspec.Struct, connection: socket.socket) -> bool:
        """Send a message and a connection, if it goes at once; it stays open here.

        Raises `OSError` if it cannot be sent at all.
        """
        if self._outgoing:
            return False
        frame = encoded(message)
        try:
            sent = socket.send_fds(self._socket, [frame], [connection.fileno()])
        except BlockingIOError:
            return False
        self._outgoing += frame[sent:]
        self._flush()
        return True

    async def receive(self) -> Message | None:
        """The next message; None when this end is closed, or the other, as a process' end does."""
        while not self._messages:
            await self._until_readable()
            if self._socket.fileno() < 0:
                return None
            try:
                data, descriptors, flags, _ = socket.recv_fds(
                    self._socket, RECEIVED_AT_ONCE, DESCRIPTORS_AT_ONCE
                )
            except BlockingIOError:
                continue
            except ConnectionResetError:
                return None
            if flags & socket.MSG_CTRUNC:
                logger.error("connections were lost: this process has too many open files")
            for descriptor in descriptors:
                os.set_inheritable(descriptor, False)
                self._connections.append(socket.socket(fileno=descriptor))
            if not data:
                return None
            self._messages += map(self._decoder.decode, self._frames.feed(data))
        return self._messages.popleft()

    def connection(self) -> socket.socket | None:
        """The connection that came with the message just received; None if it was lost."""
        return self._connections.popleft() if self._connections else None

    def close(self) -> None:
        """Close this end, which the other sees, and who receives here."""
        if self._socket.fileno() >= 0:
            loop = asyncio.get_running_loop()
            loop.remove_writer(self._socket)
            loop.remove_reader(self._socket)
            self._socket.close()
        self._readable.set()
        while self._connections:
            self._connections.popleft().close()

    async def _until_readable(self) -> None:
        """Returns when there is something to read, or this end is closed."""
        if self._socket.fileno() < 0:
            return
        loop = asyncio.get_running_loop()
        self._readable.clear()
        loop.add_reader(self._socket, self._readable.set)
        try:
            await self._readable.wait()
        finally:
            if self._socket.fileno() >= 0:
                loop.remove_reader(self._socket)

    def _flush(self) -> None:
        """Send what goes now, and the rest when there is room."""
        loop = asyncio.get_running_loop()
        try:
            while self._outgoing:
                del self._outgoing[: self._socket.send(self._outgoing)]
        except BlockingIOError:
            loop.add_writer(self._socket, self._flush)
            return
        except OSError:  # the other end is closed; who receives here is told
            self._outgoing.clear()
        if self._socket.fileno() >= 0:
            loop.remove_writer(self._socket)
