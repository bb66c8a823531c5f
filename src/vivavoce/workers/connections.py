"""Connections that a worker was handed, given to its HTTP server."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable

from aiohttp import web

logger = logging.getLogger(__name__)


class Connections:
    """Serves sockets that somebody else has accepted."""

    def __init__(
        self, server: web.Server, context: ssl.SSLContext | None, on_ended: Callable[[], None]
    ) -> None:
        """`on_ended` is called once for each that has ended, or never began."""
        self._server = server
        self._context = context
        self._on_ended = on_ended

    async def serve(self, connection: socket.socket) -> None:
        """Begin with a connection; returns when it is in the hands of the server."""
        connection.setblocking(False)
        protocol = Observed(self._server(), self._on_ended)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: protocol, connection, ssl=self._context
            )
        except OSError as error:  # a TLS handshake that fails, or a client that has gone
            logger.debug("a connection did not begin: %s", error)
            connection.close()
            if not protocol.began:
                self._on_ended()


class Observed(asyncio.Protocol):
    """A protocol of which somebody is told when its connection has ended."""

    def __init__(self, inner: asyncio.Protocol, on_ended: Callable[[], None]) -> None:
        self._inner = inner
        self._on_ended = on_ended
        self.began = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As the protocol within."""
        self.began = True
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """As the protocol within."""
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """As the protocol within."""
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """As the protocol within."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """As the protocol within."""
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """As the protocol within; then it is told."""
        self._inner.connection_lost(exc)
        self._on_ended()
