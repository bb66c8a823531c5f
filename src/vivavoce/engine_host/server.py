"""A host that listens for users of its engines."""

import asyncio
import contextlib
import errno
import os
import socket
import stat
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

from vivavoce.engine_host.offer import Offer
from vivavoce.engine_host.peer import Peer
from vivavoce.engines.remote.address import Address, TcpAddress, UnixAddress
from vivavoce.runtime.models import Models

BACKLOG = 1024
"""Connections that may wait to be taken: as many loads as there are while no process takes them."""

KEEPS_FILE: dict[str, Any] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
"""Since Python 3.13 event loops remove the file of a Unix socket, even of one that others have."""


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
    file = os.stat(where.path) if isinstance(where, UnixAddress) else None
    offer, peers, tasks = Offer(models), set[Peer](), asyncio.TaskGroup()

    def connected() -> asyncio.Protocol:
        peer = Peer(offer, token, tasks, peers.discard)
        peers.add(peer)
        return peer.link

    await tasks.__aenter__()
    try:
        server = await taking(listener, connected)
        try:
            yield address_of(listener, where)
        finally:
            if isinstance(where, UnixAddress) and file is not None:
                remove(where.path, file)  # while it is open, which keeps its number from others
            server.close()
            for peer in tuple(peers):
                peer.link.abort()
                await peer.link.ended()
            await server.wait_closed()
    finally:  # an error in the block is not wrapped into those of the tasks
        await tasks.__aexit__(None, None, None)


async def taking(
    listener: socket.socket, connected: Callable[[], asyncio.Protocol]
) -> asyncio.Server:
    """A server that takes connections, and leaves the file of a Unix socket alone."""
    loop = asyncio.get_running_loop()
    if listener.family != socket.AF_UNIX:
        return await loop.create_server(connected, sock=listener, backlog=BACKLOG)
    return await loop.create_unix_server(connected, sock=listener, backlog=BACKLOG, **KEEPS_FILE)


def address_of(listener: socket.socket, where: Address | socket.socket) -> Address:
    """Where a server listens."""
    name = listener.getsockname()
    return TcpAddress(where.host, name[1]) if isinstance(where, TcpAddress) else UnixAddress(name)


def listening(where: Address) -> socket.socket:
    """A socket that listens, at a path for this user only.

    Raises `OSError`, also where another process listens.
    """
    if isinstance(where, TcpAddress):
        family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
        return socket.create_server((where.host, where.port), family=family, backlog=BACKLOG)
    listener = socket.socket(socket.AF_UNIX)
    try:
        if is_deserted(where.path):
            os.unlink(where.path)
        listener.bind(where.path)
        os.chmod(where.path, 0o600)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def is_deserted(path: str) -> bool:
    """Whether there is a socket of a server that did not end in order.

    Raises `OSError` where somebody listens, or it cannot be known.
    """
    if not os.path.exists(path) or not stat.S_ISSOCK(os.stat(path).st_mode):
        return False
    with socket.socket(socket.AF_UNIX) as asking:
        asking.setblocking(False)
        try:
            asking.connect(path)
        except ConnectionRefusedError:
            return True
        except BlockingIOError:
            pass  # its queue is full
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE), path)


def remove(path: str, file: os.stat_result) -> None:
    """Remove a file, unless it is gone or another one has its place."""
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(os.stat(path), file):
            os.unlink(path)
