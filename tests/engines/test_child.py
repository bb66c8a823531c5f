import asyncio
import os
import select
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.obedient_child import Count, Order
from vivavoce.engines import child_process
from vivavoce.engines.base import EngineError
from vivavoce.engines.child import ChildPool
from vivavoce.engines.child_process import Child

MODULE = "support.obedient_child"


@pytest.fixture(autouse=True)
def _children_find_their_module(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in paths if path))


@pytest.fixture
async def pool() -> AsyncIterator[ChildPool[Count]]:
    pool = ChildPool("obedience", MODULE, Count, size=2)
    yield pool
    await pool.close()


async def numbers(pool: ChildPool[Count], what: str = "count", number: int = 3) -> list[int]:
    return [count.number async for count in pool.request(Order(what, number))]


def wait_for_death(pid: int) -> None:
    """Wait until a process has ended, and leave it to be reaped by its parent."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


async def test_replies_come_in_order(pool: ChildPool[Count]) -> None:
    assert await numbers(pool, number=100) == list(range(100))


async def test_a_request_may_have_no_reply(pool: ChildPool[Count]) -> None:
    assert await numbers(pool, number=0) == []


async def test_one_child_serves_request_after_request(pool: ChildPool[Count]) -> None:
    await numbers(pool)
    pids = pool.pids
    await numbers(pool)
    assert pool.pids == pids


async def test_a_started_pool_has_a_child_before_the_first_request(pool: ChildPool[Count]) -> None:
    await asyncio.to_thread(pool.start)
    pids = pool.pids
    assert len(pids) == 1
    await numbers(pool)
    assert pool.pids == pids


async def test_ten_requests_at_once_are_all_answered_by_two_children(
    pool: ChildPool[Count],
) -> None:
    answers = await asyncio.gather(*(numbers(pool, number=n) for n in range(10)))
    assert answers == [list(range(n)) for n in range(10)]
    assert len(pool.pids) == 2


async def test_replies_that_are_large_come_whole(pool: ChildPool[Count]) -> None:
    assert await numbers(pool, number=200_000) == list(range(200_000))


async def test_closing_the_iterator_stops_the_work_and_keeps_the_child(
    pool: ChildPool[Count],
) -> None:
    async with aclosing(pool.request(Order("count until I leave"))) as counts:
        assert await anext(counts) == Count(0)
        pids = pool.pids
    assert await numbers(pool) == [0, 1, 2]
    assert pool.pids == pids


async def test_cancelling_the_task_stops_the_work_and_keeps_the_child(
    pool: ChildPool[Count],
) -> None:
    at_work = asyncio.Event()

    async def work() -> None:
        async for _ in pool.request(Order("count until I leave")):
            at_work.set()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(work())
        await at_work.wait()
        pids = pool.pids
        task.cancel()
    assert await numbers(pool) == [0, 1, 2]
    assert pool.pids == pids


async def test_a_request_cancelled_while_the_child_starts_leaves_a_working_child(
    pool: ChildPool[Count],
) -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(numbers(pool))
        await asyncio.sleep(0)
        pids = pool.pids
        task.cancel()
    assert len(pids) == 1
    assert await numbers(pool) == [0, 1, 2]
    assert pool.pids == pids


LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop]
if sys.platform != "win32":
    import uvloop

    LOOPS.append(uvloop.new_event_loop)


@pytest.mark.parametrize("new_loop", LOOPS)
def test_a_reply_that_comes_as_its_reader_is_cancelled_is_not_lost(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def first_two_replies() -> list[bytes]:
        os.kill(child.pid, signal.SIGSTOP)
        await child.ask(Order("count, then hang", 2))
        reader = asyncio.create_task(child.reply())
        await asyncio.sleep(0)
        os.kill(child.pid, signal.SIGCONT)
        # The loop is held up until the reply is there, and then sees it together with the timer.
        select.select([child._socket], [], [])
        asyncio.get_running_loop().call_later(0, reader.cancel)
        with pytest.raises(asyncio.CancelledError):
            await reader
        async with asyncio.timeout(10):
            return [bytes(await child.reply() or b"") for _ in range(2)]

    child = Child("obedience", MODULE)
    child.wait_until_ready()
    try:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            replies = runner.run(first_two_replies())
    finally:
        child.reap()
        child.close()
    assert replies == [msgspec.msgpack.encode(Count(number)) for number in range(2)]


async def test_a_cancelled_waiter_gives_its_place_to_the_next() -> None:
    pool = ChildPool("obedience", MODULE, Count, size=1)
    async with aclosing(pool.request(Order("count until I leave"))) as counts:
        await anext(counts)
        async with asyncio.TaskGroup() as group:
            impatient = group.create_task(numbers(pool, number=1))
            patient = group.create_task(numbers(pool, number=2))
            await asyncio.sleep(0)
            impatient.cancel()
            await counts.aclose()
    assert patient.result() == [0, 1]
    await pool.close()


async def test_a_killed_child_fails_its_request_and_is_replaced(pool: ChildPool[Count]) -> None:
    async with aclosing(pool.request(Order("count, then hang", 1))) as counts:
        await anext(counts)
        (pid,) = pool.pids
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(EngineError, match=r"process of obedience ended \(Killed, signal 9\)"):
            await anext(counts)
    assert await numbers(pool) == [0, 1, 2]
    assert pid not in pool.pids


async def test_a_child_that_dies_while_idle_is_replaced_unnoticed(pool: ChildPool[Count]) -> None:
    await numbers(pool)
    (pid,) = pool.pids
    os.kill(pid, signal.SIGKILL)
    wait_for_death(pid)
    assert await numbers(pool) == [0, 1, 2]
    assert pid not in pool.pids


async def test_a_crash_is_told_by_its_last_line_and_noted_in_full(pool: ChildPool[Count]) -> None:
    with pytest.raises(EngineError, match=r"exit code 1.*RuntimeError: the reason") as caught:
        await numbers(pool, "crash")
    assert "Traceback" in caught.value.__notes__[0]
    assert await numbers(pool) == [0, 1, 2]


async def test_a_refused_request_is_an_engine_error_and_keeps_the_child(
    pool: ChildPool[Count],
) -> None:
    await numbers(pool)
    pids = pool.pids
    with pytest.raises(EngineError, match=r"^not this one$"):
        await numbers(pool, "refuse")
    assert await numbers(pool) == [0, 1, 2]
    assert pool.pids == pids


async def test_a_child_that_does_not_leave_its_work_is_replaced(
    pool: ChildPool[Count], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with aclosing(pool.request(Order("count, then hang", 1))) as counts:
        await anext(counts)
    (pid,) = pool.pids
    monkeypatch.setattr(child_process, "PATIENCE_S", 0.05)
    with pytest.raises(EngineError, match="did not leave its earlier work"):
        await numbers(pool)
    assert pid not in pool.pids


async def test_a_child_that_writes_much_to_stderr_is_not_held_up(pool: ChildPool[Count]) -> None:
    assert await numbers(pool, "shout", 1 << 20) == [1 << 20]
    assert await numbers(pool) == [0, 1, 2]


@pytest.mark.parametrize(
    ("variable", "message"),
    [("CHILD_REFUSES_TO_START", "^no data$"), ("CHILD_CRASHES_AT_START", "RuntimeError: no data$")],
)
async def test_a_child_that_cannot_start_says_why(
    pool: ChildPool[Count], monkeypatch: pytest.MonkeyPatch, variable: str, message: str
) -> None:
    monkeypatch.setenv(variable, "no data")
    with pytest.raises(EngineError, match=message):
        await asyncio.to_thread(pool.start)
    with pytest.raises(EngineError, match=message):
        await numbers(pool)
    monkeypatch.delenv(variable)
    assert await numbers(pool) == [0, 1, 2]


async def test_close_ends_every_child(pool: ChildPool[Count]) -> None:
    await asyncio.gather(numbers(pool), numbers(pool))
    pids = pool.pids
    assert len(pids) == 2
    await pool.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    with pytest.raises(EngineError, match="obedience is closed"):
        await numbers(pool)


async def test_close_fails_the_request_under_way(pool: ChildPool[Count]) -> None:
    async with aclosing(pool.request(Order("count, then hang", 1))) as counts:
        await anext(counts)
        (pid,) = pool.pids
        await pool.close()
        with pytest.raises(EngineError):
            await anext(counts)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_child_ends_by_itself_when_the_other_side_is_gone() -> None:
    orphan = Child("obedience", MODULE)
    orphan.wait_until_ready()
    orphan.hang_up()
    ended = os.waitid(os.P_PID, orphan.pid, os.WEXITED | os.WNOWAIT)
    assert ended is not None
    assert (ended.si_code, ended.si_status) == (os.CLD_EXITED, 0)
    orphan.reap()
    orphan.close()


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop does not run on Windows")
def test_it_works_on_uvloop() -> None:
    import uvloop

    async def conversation() -> tuple[list[int], list[int]]:
        pool = ChildPool("obedience", MODULE, Count, size=1)
        await asyncio.to_thread(pool.start)
        async with aclosing(pool.request(Order("count until I leave"))) as counts:
            given_up = [(await anext(counts)).number for _ in range(3)]
        answered = await numbers(pool)
        await pool.close()
        return given_up, answered

    run: Coroutine[Any, Any, tuple[list[int], list[int]]] = conversation()
    assert uvloop.run(run) == ([0, 1, 2], [0, 1, 2])


async def test_children_know_what_they_were_told_at_their_start() -> None:
    told = ChildPool("obedience", MODULE, Count, size=1, setup=Count(7))
    assert await numbers(told, "say what you were told") == [7]
    await told.close()


async def test_work_that_cannot_look_is_stopped_when_its_caller_leaves(
    pool: ChildPool[Count],
) -> None:
    async with aclosing(pool.request(Order("work until I am stopped"))) as replies:
        await anext(replies)
    pids = pool.pids
    assert await numbers(pool) == [0, 1, 2]
    assert pool.pids == pids


async def test_work_that_is_done_is_not_stopped(pool: ChildPool[Count]) -> None:
    assert await numbers(pool, "work and be done") == [0]
