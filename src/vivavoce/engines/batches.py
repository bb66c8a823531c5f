"""One model that many sessions share: what waits while it works is done together.

A model that is busy with one turn's audio lets the turns of other sessions wait. When it is free
it gets all that wait in one call, which costs little more than one of them alone.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from vivavoce.engines.base import EngineError

Job = TypeVar("Job")
Result = TypeVar("Result")

Work = Callable[[Sequence[Job]], Sequence[Result]]
"""Does the jobs of one batch, in a thread, and gives a result for each in their order."""

GRACE_S = 5.0
"""Seconds that a batch may still take when the worker is closed."""


@dataclass(frozen=True, slots=True)
class Failed:
    """What became of a job that could not be done."""

    error: Exception


class BatchWorker(Generic[Job, Result]):
    """Calls `work`, in a thread beside the event loop, with up to `largest` of what waits.

    One batch is done at a time, and at most `waiting` jobs wait. What `work` raises is raised to
    everybody in that batch; where jobs are `repeatable`, each is tried again alone before, so that
    one caller's fault is not another's. A batch that takes longer than `time_limit_s` is given up:
    its jobs fail, and the next ones do not wait for it.
    """

    def __init__(
        self,
        name: str,
        work: Work[Job, Result],
        *,
        largest: int,
        waiting: int,
        repeatable: bool = False,
        time_limit_s: float = 60.0,
    ) -> None:
        if largest < 1 or waiting < 1:
            raise ValueError("a batch and what waits for one have at least one job")
        self._name = name
        self._work = work
        self._largest = largest
        self._limit = waiting
        self._repeatable = repeatable
        self._time_limit_s = time_limit_s
        self._waiting: dict[asyncio.Future[Result], Job] = {}
        self._at_work: list[asyncio.Future[Result]] | None = None
        self._overdue: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    def submit(self, job: Job) -> "asyncio.Future[Result]":
        """Have a job done. Cancel the future to withdraw it: it is then not begun any more.

        Raises `EngineError` when too many wait.
        """
        return self.submit_all([job])[0]

    def submit_all(self, jobs: Sequence[Job]) -> "list[asyncio.Future[Result]]":
        """Have all of these jobs done, or none: see `submit`."""
        if len(self._waiting) + len(jobs) > self._limit:
            raise EngineError(
                f"{self._name} is overloaded: {len(self._waiting)} requests wait already",
                code="overloaded",
            )
        loop = asyncio.get_running_loop()
        submitted: list[asyncio.Future[Result]] = []
        for job in jobs:
            done: asyncio.Future[Result] = loop.create_future()
            self._waiting[done] = job
            done.add_done_callback(self._withdraw)
            submitted.append(done)
        self._begin()
        return submitted

    async def close(self) -> None:
        """Fail what waits, and wait a little for what has begun."""
        # Not cancelled: whoever awaits it was cancelled by nobody, and has a session to answer.
        for done in tuple(self._waiting):
            done.set_exception(EngineError(f"{self._name} was closed"))
        self._waiting.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                await self._idle.wait()

    def _withdraw(self, done: "asyncio.Future[Result]") -> None:
        self._waiting.pop(done, None)

    def _begin(self) -> None:
        if self._at_work is not None or not self._waiting:
            return
        batch = list(self._waiting)[: self._largest]
        jobs = [self._waiting.pop(done) for done in batch]
        loop = asyncio.get_running_loop()
        self._at_work = batch
        self._idle.clear()
        self._overdue = loop.call_later(self._time_limit_s, self._give_up, batch)
        # A thread for each batch, which does not hold up the end of the process: one that hangs
        # is left behind.
        arguments = (loop, batch, jobs)
        threading.Thread(target=self._run, args=arguments, name=self._name, daemon=True).start()

    def _run(
        self,
        loop: asyncio.AbstractEventLoop,
        batch: "list[asyncio.Future[Result]]",
        jobs: Sequence[Job],
    ) -> None:
        """In the thread."""
        outcomes = self._outcomes(jobs)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(self._ended, batch, outcomes)

    def _outcomes(self, jobs: Sequence[Job]) -> "Sequence[Result | Failed]":
        try:
            return self._work(jobs)
        except Exception as error:  # noqa: BLE001 - those who wait are told
            if self._repeatable and len(jobs) > 1:
                return [self._outcomes([job])[0] for job in jobs]
            return [Failed(error)] * len(jobs)

    def _ended(
        self, batch: "list[asyncio.Future[Result]]", outcomes: "Sequence[Result | Failed]"
    ) -> None:
        if batch is not self._at_work:
            return  # it was given up
        for done, outcome in zip(batch, outcomes, strict=True):
            if done.done():
                continue  # it was withdrawn meanwhile
            if isinstance(outcome, Failed):
                done.set_exception(outcome.error)
            else:
                done.set_result(outcome)
        self._next()

    def _give_up(self, batch: "list[asyncio.Future[Result]]") -> None:
        text = f"{self._name} did not answer within {self._time_limit_s:g} s"
        late = Failed(EngineError(text, code="timeout"))
        self._ended(batch, [late] * len(batch))

    def _next(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
        self._at_work = self._overdue = None
        self._idle.set()
        self._begin()
