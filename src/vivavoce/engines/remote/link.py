"""One connection, as either side has it: messages out, messages in, and how much may wait."""

import asyncio
import socket
from typing import Any, Protocol, cast

import msgspec

from vivavoce.engines.remote.frames import MAX_FRAME, Frames, ProtocolError, encoded

KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
"""Seconds, seconds, tries: a machine that is gone without a word is noticed within 25 s, ..."""

UNANSWERED_MS = 25_000
"""... also while something was sent to it, which keeps the tries from being made."""


class Receiver(Protocol):
    """What takes the messages of a link, and is told of its end once."""

    def received(self, message: Any) -> None:
        """The next message. Raises `ProtocolError` for one that must not come now."""

    def lost(self, reason: str | None) -> None:
        """The connection has ended; because of `reason`, where the other side is to blame."""


class Link(asyncio.Protocol):
    """Takes the stream apart with `decoder`, and ends it where that cannot be done."""

    def __init__(
        self, decoder: msgspec.msgpack.Decoder[Any], receiver: Receiver, limit: int = MAX_FRAME
    ) -> None:
        self.frames = Frames(limit)
        self._decoder = decoder
        self._receiver = receiver
        self._transport: asyncio.Transport | None = None
        self._reason: str | None = None
        self._aborted = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._ended = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether what is sent has a chance to arrive."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def is_writable(self) -> bool:
        """Whether the other side reads as fast as it is sent to."""
        return self._writable.is_set()

    async def writable(self) -> None:
        """Returns when what was sent has mostly gone out, or will never."""
        await self._writable.wait()

    def send(self, message: Any) -> None:
        """Send a message, or nothing on a connection that has ended. Raises as `encoded`."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(encoded(message))

    def close(self) -> None:
        """End the connection behind what was sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End the connection at once, or as soon as it stands."""
        self._aborted = True
        if self._transport is not None:
            self._transport.abort()

    async def ended(self) -> None:
        """Returns when the connection has ended."""
        await self._ended.wait()

    # --- asyncio.Protocol ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = cast(asyncio.Transport, transport)
        keep_alive(transport.get_extra_info("socket"))
        if self._aborted:
            self.abort()

    def data_received(self, data: bytes) -> None:
        """Take what came apart, and hand it on."""
        try:
            for body in self.frames.feed(data):
                self._receiver.received(self._decoded(body))
                if not self.is_open:
                    return
        except ProtocolError as error:
            self._reason = str(error)
            self.abort()

    def pause_writing(self) -> None:
        """More than a little waits to go out."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It has gone out."""
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The connection has ended."""
        self._writable.set()
        self._ended.set()
        self._receiver.lost(self._reason)

    def _decoded(self, body: bytes) -> Any:
        try:
            return self._decoder.decode(body)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise ProtocolError(f"not a message of this protocol: {error}") from error


def keep_alive(connection: socket.socket | None) -> None:
    """Have the system notice that the other machine is gone; a process that ends is noticed
    without."""
    if connection is None or connection.family not in (socket.AF_INET, socket.AF_INET6):
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for name, value in (*KEEPALIVE.items(), ("TCP_USER_TIMEOUT", UNANSWERED_MS)):
        if (option := getattr(socket, name, None)) is not None:  # not on every system
            connection.setsockopt(socket.IPPROTO_TCP, option, value)
