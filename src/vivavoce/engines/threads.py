"""Threads that work for one engine and hold up nobody's end.

The threads of a `ThreadPoolExecutor` are joined when the process ends, however long their work
hangs.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")

GRACE_S = 5.0
"""Seconds that work may still take when the threads are closed."""


class DaemonThreads:
    """`count` threads, each of which does one call at a time, in the order they came."""

    def __init__(self, name: str, count: int) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name=f"{name} {number}", daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    async def call(self, work: Callable[[], T]) -> T:
        """What `work` gives or raises. Cancelled before a thread takes it, it is not begun."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def run() -> None:
            if done.cancelled():
                return
            try:
                result = work()
            except Exception as error:  # noqa: BLE001 - the one who waits is told
                settle(partial(done.set_exception, error))
            else:
                settle(partial(done.set_result, result))

        def settle(outcome: Callable[[], None]) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(lambda: None if done.done() else outcome())

        self._calls.put(run)
        return await done

    async def close(self) -> None:
        """End the threads behind what they were given; one that hangs is left to itself."""
        for _ in self._threads:
            self._calls.put(None)
        await asyncio.to_thread(self._join)

    def _join(self) -> None:
        for thread in self._threads:
            thread.join(GRACE_S)

    def _run(self) -> None:
        while (work := self._calls.get()) is not None:
            work()
