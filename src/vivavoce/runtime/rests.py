"""Rests: the pauses that a script asks for, told from the work that has yet to be done.

In lockstep a session reads a client's next event when everything that follows from the one before
has happened. A pause that a script asks for is not waited for: it is there so that something can
happen meanwhile.
"""

import asyncio

from vivavoce.runtime.attended_work import served_task


class Rests:
    """The tasks that are in a scripted pause. An engine that takes a `sleep` is given `rest`."""

    def __init__(self) -> None:
        self._resting: set[asyncio.Task[object]] = set()
        self._next: asyncio.Future[None] | None = None

    def __contains__(self, task: asyncio.Task[object]) -> bool:
        return task in self._resting

    def next(self) -> asyncio.Future[None]:
        """Done when the next pause begins."""
        if self._next is None or self._next.done():
            self._next = asyncio.get_running_loop().create_future()
        return self._next

    async def rest(self, seconds: float) -> None:
        """Sleep as a pause of the task that calls; no time at all is no pause."""
        task = served_task()
        if seconds <= 0 or task is None:
            await asyncio.sleep(0)
            return
        self._resting.add(task)
        if self._next is not None and not self._next.done():
            self._next.set_result(None)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._resting.discard(task)
