"""Connections that a worker is handed."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
from aiohttp import web

from vivavoce.transports.tls import from_pem, self_signed_pem
from vivavoce.workers.connections import Connections

REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"


@dataclass
class Handed:
    """A server, and a queue that has an entry for each connection that has ended."""

    server: web.Server
    ended: asyncio.Queue[None]

    def connections(self, context: ssl.SSLContext | None) -> Connections:
        return Connections(self.server, context, lambda: self.ended.put_nowait(None))


@pytest.fixture
async def handed() -> AsyncIterator[Handed]:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(text="served")

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    assert runner.server is not None
    yield Handed(runner.server, asyncio.Queue())
    await runner.cleanup()


@pytest.fixture
def pair() -> Callable[[], tuple[socket.socket, socket.socket]]:
    """A connection over TCP: the caller's end, and the one that was accepted."""

    def connect() -> tuple[socket.socket, socket.socket]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            caller = socket.create_connection(listener.getsockname())
            return caller, listener.accept()[0]

    return connect


Pair = Callable[[], tuple[socket.socket, socket.socket]]


async def test_a_connection_is_served_and_its_end_is_told_once(handed: Handed, pair: Pair) -> None:
    caller, accepted = pair()
    reader, writer = await asyncio.open_connection(sock=caller)
    await handed.connections(None).serve(accepted)
    writer.write(REQUEST)
    assert (await reader.read()).endswith(b"served")
    writer.close()
    await writer.wait_closed()
    await handed.ended.get()
    assert handed.ended.empty()


async def test_tls_is_spoken_in_the_worker(handed: Handed, pair: Pair) -> None:
    caller, accepted = pair()
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    context = from_pem(self_signed_pem("127.0.0.1")).context
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(handed.connections(context).serve(accepted))
        reader, writer = await asyncio.open_connection(
            sock=caller, ssl=trusting, server_hostname="here"
        )
    writer.write(REQUEST)
    assert (await reader.read()).endswith(b"served")
    writer.close()
    await writer.wait_closed()
    await handed.ended.get()


@pytest.mark.parametrize("said", [REQUEST, b""])
async def test_a_handshake_that_fails_has_ended_too(
    handed: Handed, pair: Pair, said: bytes
) -> None:
    caller, accepted = pair()
    with caller:
        caller.sendall(said)
        caller.shutdown(socket.SHUT_WR)
        await handed.connections(from_pem(self_signed_pem("127.0.0.1")).context).serve(accepted)
        await handed.ended.get()
    assert handed.ended.empty()
