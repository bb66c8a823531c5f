"""One thread that does what it is given, in order, and holds up nobody's end.

A `ThreadPoolExecutor` would be joined when the process ends, however long its work hangs.
"""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue

from vivavoce.runtime.loading import settle_on

Work = Callable[[], None]


class WorkerThread:
    """Starts with its first work. What it is given must not raise."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._work: SimpleQueue[Work | None] = SimpleQueue()
        self._started = False

    def submit(self, work: Work) -> None:
        """Do this behind all that was submitted before."""
        if not self._started:
            self._started = True
            threading.Thread(target=self._run, name=self._name, daemon=True).start()
        self._work.put(work)

    async def close(self, within_s: float) -> bool:
        """End behind what was submitted; False if that hangs, and is left to itself."""
        if not self._started:
            return True
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        self._work.put(lambda: settle_on(loop, ended, None))
        self._work.put(None)
        _, hanging = await asyncio.wait([ended], timeout=within_s)
        return not hanging

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()
