"""What all adapters of engines elsewhere have in common: loading, closing, beginning a job."""

import socket
from typing import Any, ClassVar, TypeVar

from vivavoce.engines.base import EngineError
from vivavoce.engines.remote.connection import Job
from vivavoce.engines.remote.description import Description
from vivavoce.engines.remote.host import RemoteHost
from vivavoce.engines.remote.messages import Selector, Work


class RemoteEngine:
    """An engine that another process hosts.

    `known` is what is known of it before it is loaded, and what it is checked against then.
    """

    name: ClassVar[str] = "remote"

    def __init__(self, host: RemoteHost, engine: Selector, known: Description) -> None:
        self._host = host
        self._engine = engine
        self._known = known
        self._hold: socket.socket | None = None
        self._jobs: set[Job] = set()
        self._closed = False

    def load(self) -> None:
        """Have it loaded over there. Raises `EngineError` as its own load does."""
        told, hold = self._host.load(self._engine)
        try:
            told.check(self._known)
        except EngineError:
            hold.close()
            raise
        self._hold = hold
        self._closed = False
        self._learn(told)

    async def close(self) -> None:
        """Let go of it; what is under way fails."""
        self._closed = True
        for job in tuple(self._jobs):
            job.fail(self._is_closed())
        hold, self._hold = self._hold, None
        if hold is not None:
            hold.close()
        await self._host.leave(self)

    async def _begin(self, work: Work) -> Job:
        """Begin a job. Raises `EngineError`."""
        if self._closed:
            raise self._is_closed()
        connection = await self._host.connected(self)
        if self._closed:
            await self._host.leave(self)
            raise self._is_closed()
        job = connection.begin(self._engine, work, self._jobs.discard)
        self._jobs.add(job)
        return job

    def _learn(self, told: Description) -> None:
        """Take in what is known of it only now."""

    def _is_closed(self) -> EngineError:
        return EngineError(f"the remote engine {self._known.name} is closed")


Adapter = TypeVar("Adapter", bound=RemoteEngine)


def under_name(adapter: type[Adapter], name: str) -> type[Adapter]:
    """The same adapter, for an engine of this name: a name is its class's."""
    members: dict[str, Any] = {"name": name}
    return type(adapter.__name__, (adapter,), members)
