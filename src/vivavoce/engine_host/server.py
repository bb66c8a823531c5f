"""A host that listens for users of its engines."""

import asyncio
import contextlib
import os
import socket
import stat
from collections.abc import AsyncIterator

from vivavoce.engine_host.offer import Offer
from vivavoce.engine_host.peer import Peer
from vivavoce.engines.remote.address import Address, TcpAddress, UnixAddress
from vivavoce.runtime.models import Models


@contextlib.asynccontextmanager
async def hosting(
    models: Models, where: Address | socket.socket, token: str | None = None
) -> AsyncIterator[Address]:
    """Offer the engines of `models` to whoever connects; gives the address, with its real port.

    `where` may be a Unix socket that listens already. Raises `OSError`, and `ValueError` for a
    port of a network without a token.
    """
    if isinstance(where, TcpAddress) and not token:
        raise ValueError("engines on a port need a token; set VIVAVOCE_ENGINE_TOKEN to a secret.")
    listener = where if isinstance(where, socket.socket) else listening(where)
    offer, peers, tasks = Offer(models), set[Peer](), asyncio.TaskGroup()

    def connected() -> asyncio.Protocol:
        peer = Peer(offer, token, tasks, peers.discard)
        peers.add(peer)
        return peer.link

    await tasks.__aenter__()
    try:
        loop = asyncio.get_running_loop()
        unix = listener.family == socket.AF_UNIX
        create = loop.create_unix_server if unix else loop.create_server
        server = await create(connected, sock=listener)
        try:
            yield address_of(listener, where)
        finally:
            server.close()
            for peer in tuple(peers):
                peer.link.abort()
                await peer.link.ended()
            await server.wait_closed()
    finally:  # an error in the block is not wrapped into those of the tasks
        await tasks.__aexit__(None, None, None)
        if isinstance(where, UnixAddress):
            os.unlink(where.path)


def address_of(listener: socket.socket, where: Address | socket.socket) -> Address:
    """Where a server listens."""
    name = listener.getsockname()
    return TcpAddress(where.host, name[1]) if isinstance(where, TcpAddress) else UnixAddress(name)


def listening(where: Address) -> socket.socket:
    """A socket that listens, at a path for this user only. Raises `OSError`."""
    if isinstance(where, TcpAddress):
        family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
        return socket.create_server((where.host, where.port), family=family)
    listener = socket.socket(socket.AF_UNIX)
    try:
        if os.path.exists(where.path) and stat.S_ISSOCK(os.stat(where.path).st_mode):
            os.unlink(where.path)  # of a server that did not end in order
        listener.bind(where.path)
        os.chmod(where.path, 0o600)
        listener.listen()
    except BaseException:
        listener.close()
        raise
    return listener
