"""The port: binding it, and accepting what comes."""

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import AsyncGenerator
from typing import Any

from vivavoce.config import ConfigError

logger = logging.getLogger(__name__)

BACKLOG = 1024
"""Connections that may wait to be accepted: a morning's callers come at once."""

RETRY_S = 1.0
"""How long to leave connections waiting when none can be accepted, as `asyncio` does: mostly there
are too many open files."""


async def bound(host: str, port: int) -> list[socket.socket]:
    """A socket for each address of the host, bound, not listening yet; port 0 takes a free one.

    Raises `ConfigError` if somebody listens there. Another one may still begin before `listen`:
    that is the price of `SO_REUSEADDR`, without which a port cannot be taken again at once.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        return bind_all([(family, address) for family, _, _, _, address in found], port)
    except OSError as error:
        raise taken(host, port, error) from error


def listen(listeners: list[socket.socket]) -> None:
    """Listen on sockets that are `bound`. Raises `ConfigError`."""
    for one in listeners:
        try:
            one.listen(BACKLOG)
        except OSError as error:
            host, port = one.getsockname()[:2]
            raise taken(host, port, error) from error


def taken(host: str, port: int, error: OSError) -> ConfigError:
    """What is to be said of a port that cannot be had."""
    return ConfigError(
        f"cannot listen on {host}, port {port}: {error.strerror}. Choose another with --port."
    )


def bind_all(addresses: list[tuple[int, tuple[Any, ...]]], port: int) -> list[socket.socket]:
    """A socket for each, all with the same port. Raises `OSError`.

    One that this machine does not have is left out: `localhost` may be one of IPv6 where there is
    none.
    """
    sockets: list[socket.socket] = []
    absent: OSError | None = None
    with contextlib.ExitStack() as failing:
        for family, (host, _, *scope) in dict.fromkeys(addresses):
            one = failing.enter_context(socket.socket(family, socket.SOCK_STREAM))
            one.setblocking(False)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, True)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, True)
            try:
                one.bind((host, sockets[0].getsockname()[1] if sockets else port, *scope))
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:
                    raise
                absent = error
                one.close()
            else:
                sockets.append(one)
        if not sockets and absent is not None:
            raise absent
        failing.pop_all()
    return sockets


async def accepted(listener: socket.socket) -> AsyncGenerator[socket.socket, None]:
    """One connection after the other of a socket that listens, for the caller to close."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            connection, _ = await loop.sock_accept(listener)
        except ConnectionError:  # it was gone before it was accepted
            continue
        except OSError as error:
            logger.error("no connection can be accepted: %s", error.strerror)
            await asyncio.sleep(RETRY_S)
            continue
        yield connection
