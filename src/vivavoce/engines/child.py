"""Pools of child processes that work for an engine, used from asyncio.

A `ChildPool` has at most `size` children, which all run the same module, one that ends in a call
of `engines.worker.serve`. It lends an idle one to each request, starts another when none is
idle, and lets further requests wait in their order.

A request that is given up is cancelled, not killed: giving up is ordinary here (each barge-in,
each pause that was not the end), and a new recogniser takes half a second of the processor to
start. The child leaves its work at the next block; what it had already sent is thrown away when
it is lent again. A child that dies, or does not leave its work, is ended and replaced.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Generic, TypeVar

import msgspec

from vivavoce.engines.base import EngineError
from vivavoce.engines.child_process import START_S, Child
from vivavoce.engines.worker import encoded_setup

Reply = TypeVar("Reply")


class ChildPool(Generic[Reply]):
    """At most `size` children that run `module`, and whose replies are of `reply_type`.

    `name` stands in error texts. Each may take `start_s` seconds to become ready; `setup` is what
    it needs to know for that, and is read with `engines.worker.setup_of`.
    """

    def __init__(
        self,
        name: str,
        module: str,
        reply_type: type[Reply],
        *,
        size: int,
        setup: msgspec.Struct | None = None,
        start_s: float = START_S,
    ) -> None:
        self._name = name
        self._command = (module,) if setup is None else (module, encoded_setup(setup))
        self._start_s = start_s
        self._replies = msgspec.msgpack.Decoder(reply_type)
        self._slots = asyncio.Semaphore(size)
        self._idle: list[Child] = []
        """The ready ones at the end, from where they are taken."""
        self._busy: set[Child] = set()
        self._closed = False

    @property
    def pids(self) -> list[int]:
        """The process ids of all children, those at work first."""
        return [child.pid for child in (*self._busy, *reversed(self._idle))]

    def start(self) -> None:
        """Start the first child and block until it is ready; for `load`, in a thread.

        Raises `EngineError` with the child's own reason when it cannot start.
        """
        child = self._new_child()
        try:
            child.wait_until_ready()
        except BaseException:
            child.reap()
            child.close()
            raise
        self._idle.append(child)

    async def request(self, message: msgspec.Struct) -> AsyncGenerator[Reply, None]:
        """Have a request done and yield its replies as they come.

        A child is taken until the last reply: do not read at the pace of something slower than
        the work, or others wait for it. Closing the iterator, or cancelling the task that waits
        for it, gives the request up. Raises `EngineError` when the worker cannot do it or dies.
        """
        async with self._slots, self._lent() as child:
            await child.ask(message)
            while (reply := await child.reply()) is not None:
                yield self._replies.decode(reply)

    async def close(self) -> None:
        """End all children. A request that is still under way raises `EngineError`."""
        self._closed = True
        idle, self._idle = self._idle, []
        for child in self._busy:
            child.hang_up()
        await asyncio.gather(*(asyncio.to_thread(child.reap) for child in (*idle, *self._busy)))
        for child in idle:
            child.close()

    @contextlib.asynccontextmanager
    async def _lent(self) -> AsyncIterator[Child]:
        if self._closed:
            raise EngineError(f"{self._name} is closed")
        child = self._take()
        self._busy.add(child)
        try:
            yield child
        finally:
            child.give_up()
            self._busy.remove(child)
            if child.is_usable and not self._closed:
                self._idle.insert(len(self._idle) if child.is_ready else 0, child)
            else:
                try:
                    await asyncio.to_thread(child.reap)
                finally:
                    child.close()

    def _take(self) -> Child:
        while self._idle:
            child = self._idle.pop()
            if child.is_usable:
                return child
            child.close()  # It died while nobody used it.
        return self._new_child()

    def _new_child(self) -> Child:
        return Child(self._name, *self._command, start_s=self._start_s)
