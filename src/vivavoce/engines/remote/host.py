"""A process that hosts engines, as its users have it: one connection for all that they do."""

import asyncio
import socket

from vivavoce.engines.base import EngineError
from vivavoce.engines.remote.address import Address
from vivavoce.engines.remote.connection import Connection
from vivavoce.engines.remote.description import Description
from vivavoce.engines.remote.holding import loaded
from vivavoce.engines.remote.messages import Selector


class RemoteHost:
    """Connects when somebody needs it, again when the connection was lost, and ends the connection
    when nobody is left."""

    def __init__(self, address: Address, token: str | None = None) -> None:
        self.address = address
        self._token = token
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()
        self._failures = 0
        self._failure = EngineError("nobody has tried to connect")
        """The last of them."""
        self._users: set[object] = set()

    def load(self, engine: Selector) -> tuple[Description, socket.socket]:
        """Load an engine, as `holding.loaded` does; in a thread."""
        return loaded(self.address, self._token, engine)

    async def connected(self, user: object) -> Connection:
        """The connection, to which `user` has not said `leave` yet.

        One attempt is for all who wait for it. Raises `EngineError`.
        """
        self._users.add(user)
        connection = self._connection
        if connection is None or not connection.is_open:
            connection = await self._opened()
        await connection.writable()
        return connection

    async def _opened(self) -> Connection:
        """The connection that whoever waits here first has opened."""
        failures = self._failures
        async with self._connecting:
            if self._failures > failures:
                raise EngineError(str(self._failure), code=self._failure.code)
            if self._connection is None or not self._connection.is_open:
                try:
                    self._connection = await Connection.open(self.address, self._token)
                except EngineError as error:
                    self._failures += 1
                    self._failure = EngineError(str(error), code=error.code)
                    raise
            return self._connection

    async def leave(self, user: object) -> None:
        """This one needs no connection any more."""
        self._users.discard(user)
        if not self._users and self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()
