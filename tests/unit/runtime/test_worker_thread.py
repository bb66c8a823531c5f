"""A worker does its work in order, and one that hangs holds up nobody."""

import threading
from functools import partial

from vivavoce.runtime.worker_thread import WorkerThread

PATIENCE_S = 30.0


async def test_work_is_done_in_order_and_before_the_end() -> None:
    worker, done = WorkerThread("test"), list[int]()
    for number in range(100):
        worker.submit(partial(done.append, number))
    assert await worker.close(PATIENCE_S)
    assert done == list(range(100))


async def test_a_worker_that_hangs_is_left_to_itself() -> None:
    worker, released = WorkerThread("test"), threading.Event()

    def hang() -> None:
        released.wait(PATIENCE_S)

    worker.submit(hang)
    assert not await worker.close(0.0)
    released.set()


async def test_a_worker_without_work_has_no_thread_to_end() -> None:
    threads = threading.active_count()
    assert await WorkerThread("test").close(0.0)
    assert threading.active_count() == threads
