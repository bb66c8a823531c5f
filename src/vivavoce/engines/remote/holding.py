"""Loading an engine elsewhere, and keeping it loaded: a connection for each, in plain sockets.

`Engine.load` blocks in a thread that has no event loop, and what a session holds must stay loaded
until it is closed. A socket that is open for as long says both, and the system closes it should
this process end.
"""

import socket
from collections.abc import Iterator
from typing import Any

from vivavoce.engines.base import EngineError
from vivavoce.engines.remote.address import Address, UnixAddress
from vivavoce.engines.remote.connection import CONNECT_S, lost, unreachable
from vivavoce.engines.remote.description import Description
from vivavoce.engines.remote.failures import raised
from vivavoce.engines.remote.frames import Frames, ProtocolError, encoded
from vivavoce.engines.remote.link import keep_alive
from vivavoce.engines.remote.messages import (
    PROTOCOL,
    Failed,
    Hello,
    Load,
    Loaded,
    Selector,
    Welcome,
    to_user,
)

_RECEIVE = 1 << 16


def loaded(
    address: Address, token: str | None, engine: Selector
) -> tuple[Description, socket.socket]:
    """Block until the engine is loaded; it stays so until the socket is closed.

    Raises `EngineError`: what the load raised there, or why nobody answers.
    """
    connection = connect(address)
    try:
        answers = messages(connection, address)
        connection.sendall(encoded(Hello(PROTOCOL, token)))
        expect(Welcome, next(answers))
        connection.settimeout(None)
        connection.sendall(encoded(Load(engine)))
        description = expect(Loaded, next(answers)).engine
    except TimeoutError as error:
        connection.close()
        raise unreachable(address, f"no answer in {CONNECT_S:g} s") from error
    except OSError as error:
        connection.close()
        raise lost(address, error.strerror) from error
    except BaseException:
        connection.close()
        raise
    return description, connection


def connect(address: Address) -> socket.socket:
    """A connection whose operations take `CONNECT_S` at most. Raises `EngineError`."""
    try:
        if isinstance(address, UnixAddress):
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(CONNECT_S)
            try:
                connection.connect(address.path)
            except BaseException:
                connection.close()
                raise
        else:
            connection = socket.create_connection((address.host, address.port), CONNECT_S)
            keep_alive(connection)
    except OSError as error:
        raise unreachable(address, error.strerror or str(error)) from error
    return connection


def messages(connection: socket.socket, address: Address) -> Iterator[Any]:
    """What the host says. Raises `EngineError` when it hangs up or says what is no message."""
    frames = Frames()
    while True:
        received = connection.recv(_RECEIVE)
        if not received:
            raise lost(address, None)
        try:
            yield from (to_user.decode(body) for body in frames.feed(received))
        except (ProtocolError, ValueError) as error:
            raise lost(address, str(error)) from error


def expect(kind: type[Any], message: Any) -> Any:
    """The message, if it is of this kind. Raises the error that it is instead."""
    if isinstance(message, Failed):
        raise raised(message)
    if not isinstance(message, kind):
        raise EngineError(f"the engines' host answered {type(message).__name__} to a load")
    return message
