"""One thread for all: what waits while it works is done together."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from vivavoce.engines.base import EngineError
from vivavoce.engines.batches import BatchWorker


class Doubling:
    """Work that a test lets go on: it notes its batches, and waits in each for `allowed`."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = threading.Semaphore(0)
        self.allowed = threading.Semaphore(0)

    def __call__(self, jobs: Sequence[int]) -> list[int]:
        self.batches.append(list(jobs))
        self.begun.release()
        self.allowed.acquire()
        if 13 in jobs:
            raise EngineError("thirteen")
        return [2 * job for job in jobs]

    async def has_begun(self) -> None:
        await asyncio.to_thread(self.begun.acquire)


@asynccontextmanager
async def doubling(
    *, largest: int = 8, waiting: int = 8
) -> AsyncIterator[tuple[Doubling, BatchWorker[int, int]]]:
    work = Doubling()
    worker = BatchWorker("doubling", work, largest=largest, waiting=waiting)
    try:
        yield work, worker
    finally:
        work.allowed.release(100)
        await worker.close()


async def test_what_waits_is_done_together_in_order() -> None:
    async with doubling(largest=2) as (work, worker):
        first = worker.submit(1)
        await work.has_begun()
        others = [worker.submit(job) for job in (2, 3, 4)]
        work.allowed.release(3)
        assert await asyncio.gather(first, *others) == [2, 4, 6, 8]
    assert work.batches == [[1], [2, 3], [4]]


async def test_a_withdrawn_job_is_not_begun() -> None:
    async with doubling() as (work, worker):
        first = worker.submit(1)
        await work.has_begun()
        second, third = worker.submit(2), worker.submit(3)
        second.cancel()
        work.allowed.release(2)
        assert (await first, await third) == (2, 6)
    assert work.batches == [[1], [3]]


async def test_a_job_withdrawn_at_work_leaves_the_others_of_its_batch_alone() -> None:
    async with doubling() as (work, worker):
        blocker = worker.submit(1)
        await work.has_begun()
        second, third = worker.submit(2), worker.submit(3)
        work.allowed.release()
        await blocker
        await work.has_begun()
        second.cancel()
        work.allowed.release()
        assert await third == 6
    assert second.cancelled()


async def test_a_failure_is_everybodys_in_the_batch_and_nobody_elses() -> None:
    async with doubling() as (work, worker):
        work.allowed.release(3)
        assert await worker.submit(1) == 2
        with pytest.raises(EngineError, match="thirteen"):
            await worker.submit(13)
        assert await worker.submit(2) == 4


async def test_where_jobs_are_repeatable_one_that_fails_fails_alone() -> None:
    def work(jobs: Sequence[int]) -> list[int]:
        return [100 // job for job in jobs]

    worker = BatchWorker("dividing", work, largest=8, waiting=8, repeatable=True)
    first, second, third = worker.submit_all([4, 0, 5])
    assert (await first, await third) == (25, 20)
    with pytest.raises(ZeroDivisionError):
        await second
    await worker.close()


async def test_too_many_are_refused() -> None:
    async with doubling(waiting=2) as (work, worker):
        worker.submit(1)
        await work.has_begun()
        worker.submit(2)
        worker.submit(3)
        with pytest.raises(EngineError, match="2 requests wait already") as caught:
            worker.submit(4)
        assert caught.value.code == "overloaded"


async def test_a_batch_that_hangs_is_given_up_and_the_next_goes_on() -> None:
    hung = threading.Event()

    def work(jobs: Sequence[int]) -> list[int]:
        if 1 in jobs:
            hung.wait()
        return list(jobs)

    worker = BatchWorker("stuck", work, largest=1, waiting=8, time_limit_s=0.1)
    first, second = worker.submit_all([1, 2])
    with pytest.raises(EngineError, match=r"stuck did not answer within 0\.1 s") as caught:
        await first
    assert caught.value.code == "timeout"
    assert await second == 2
    hung.set()  # what comes now comes too late, and finds nobody
    assert await worker.submit(3) == 3
    await worker.close()


async def test_closing_fails_what_waits() -> None:
    async with doubling() as (work, worker):
        worker.submit(1)
        await work.has_begun()
        waiting = worker.submit(2)
        work.allowed.release()
        await worker.close()
        with pytest.raises(EngineError, match="was closed"):
            await waiting
    assert work.batches == [[1]]
