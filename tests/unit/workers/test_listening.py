"""Binding a port, and accepting on it."""

import contextlib
import socket

import pytest

from vivavoce.config import ConfigError
from vivavoce.workers.listening import accepted, bind_all, bound, listen


async def test_a_free_port_is_taken_and_accepts() -> None:
    (listener,) = await bound("127.0.0.1", 0)
    with listener:
        listener.listen()
        async with contextlib.aclosing(accepted(listener)) as connections:
            for _ in range(2):
                with (
                    socket.create_connection(listener.getsockname()) as caller,
                    await anext(connections) as connection,
                ):
                    assert connection.getpeername() == caller.getsockname()


async def test_all_addresses_of_a_host_have_the_same_port() -> None:
    listeners = await bound("localhost", 0)
    with contextlib.ExitStack() as closing:
        for listener in listeners:
            closing.enter_context(listener)
        assert len({listener.getsockname()[1] for listener in listeners}) == 1


async def test_an_address_that_this_machine_does_not_have_is_left_out() -> None:
    foreign, own = (socket.AF_INET, ("192.0.2.1", 0)), (socket.AF_INET, ("127.0.0.1", 0))
    (listener,) = bind_all([foreign, own], 0)
    with listener:
        assert listener.getsockname()[0] == "127.0.0.1"
    with pytest.raises(OSError, match="assign requested address"):
        bind_all([foreign], 0)


async def test_a_port_that_is_not_ready_refuses() -> None:
    (listener,) = await bound("127.0.0.1", 0)
    with listener, pytest.raises(ConnectionRefusedError):
        socket.create_connection(listener.getsockname())


async def test_a_port_that_is_taken_is_named() -> None:
    (listener,) = await bound("127.0.0.1", 0)
    with listener:
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"127\.0\.0\.1, port {port}: .*--port"):
            await bound("127.0.0.1", port)


async def test_a_port_that_somebody_takes_meanwhile_is_named() -> None:
    (listener,) = await bound("127.0.0.1", 0)
    port = listener.getsockname()[1]
    (faster,) = await bound("127.0.0.1", port)
    with listener, faster:
        listen([faster])
        with pytest.raises(ConfigError, match=rf"127\.0\.0\.1, port {port}: .*--port"):
            listen([listener])
