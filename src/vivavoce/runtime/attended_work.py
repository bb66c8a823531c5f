"""Work that its caller can leave: an engine that ignores its cancellation holds up nobody.

An engine lets go of its work when that is cancelled, as `engines/base.py` demands. One that does
not would keep its job from ending, and with the job the session. So its work runs in a task of its
own, outside of the session's task group, which the job waits for: until it ends, until it gives no
sign of life, or for a grace when the job itself is cancelled.
"""

import asyncio
import logging
from asyncio.tasks import _unregister_task
from collections.abc import Callable, Coroutine
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

from vivavoce.engines.base import EngineError

logger = logging.getLogger(__name__)

T = TypeVar("T")

GRACE_S = 2.0
"""Seconds that cancelled work may take to end before it is left to itself."""

MOST_LEFT = 32
"""So much work of one engine may be left to itself; then the engine gets no more."""

MOST_LEFT_IN_ALL = 256
"""So much work of all engines may be left to itself; then none gets more."""

_served: ContextVar["asyncio.Task[Any] | None"] = ContextVar("served", default=None)


class Silence(Exception):  # noqa: N818 - what is missing is no error of whoever waited
    """The work gave no sign of life for too long."""


class Watch:
    """Notices when there is no sign of life for `limit_s` seconds, from `begin` on."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._on_silence: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.has_run_out = False

    def begin(self, on_silence: Callable[[], None]) -> None:
        """The time runs; `on_silence` is called when it has run out."""
        self._on_silence = on_silence
        self.alive()

    def alive(self) -> None:
        """There was a sign of life: there is the whole time again."""
        self.rest()
        if self._on_silence is not None:
            self._timer = asyncio.get_running_loop().call_later(self._limit_s, self._ran_out)

    def rest(self) -> None:
        """Expect none until `alive`."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def end(self) -> None:
        """Expect none any more."""
        self.rest()
        self._on_silence = None

    def _ran_out(self) -> None:
        self.has_run_out = True
        on_silence = self._on_silence
        self.end()
        assert on_silence is not None, "the timer runs from `begin` to `end`"
        on_silence()


class LeftBehind:
    """The cancelled work of one instance of an engine that goes on, for as long as it does."""

    def __init__(
        self, engine: str, of_all: set[asyncio.Task[Any]], on_left: Callable[[], None]
    ) -> None:
        """`engine` is its name in logs. `of_all` is what all engines of a server share.

        `on_left` is called whenever work is added.
        """
        self._engine = engine
        self._of_all = of_all
        self._on_left = on_left
        self._tasks: set[asyncio.Task[Any]] = set()

    def make_room(self) -> None:
        """Raises `EngineError` for an engine of whose work too much goes on already, and for every
        engine once too much of all does."""
        if len(self._of_all) >= MOST_LEFT_IN_ALL:
            text = (
                f"{len(self._of_all)} jobs of the server's engines were cancelled and do not end. "
                "No engine gets more work until some of them have."
            )
            raise EngineError(text, code="engine_timeout")
        if len(self._tasks) >= MOST_LEFT:
            text = (
                f"{len(self._tasks)} jobs of this engine were cancelled and do not end. "
                "It gets no more work until some of them have."
            )
            raise EngineError(text, code="engine_timeout")

    def add(self, task: asyncio.Task[Any]) -> None:
        """Nobody waits for this task any more; it was cancelled. The end of the process does not
        wait for it either."""
        self._tasks.add(task)
        self._of_all.add(task)
        _unregister_task(task)
        task.add_done_callback(self._ended)
        asyncio.get_running_loop().call_later(GRACE_S, self._note, task)
        self._on_left()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._of_all.discard(task)
        if not task.cancelled():
            task.exception()  # nobody asks for it

    def _note(self, task: asyncio.Task[Any]) -> None:
        if task in self._tasks:
            logger.warning(
                "work of %s was cancelled and does not end; it is left to itself, as is that of "
                "%d jobs before",
                self._engine,
                len(self._tasks) - 1,
            )


async def attended(
    work: Coroutine[Any, Any, T], watch: Watch, left: LeftBehind, *, on_end: Callable[[], None]
) -> T:
    """The result of `work`, or what it raises.

    Raises `Silence` when the watch runs out: the work is cancelled then, and not waited for.
    Cancelling the caller cancels the work, and waits for it for `GRACE_S`. `on_end` is called once
    when the work has ended, which may be long after this.
    """
    silent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    watch.begin(lambda: silent.set_result(None))
    context = copy_context()
    context.run(_served.set, asyncio.current_task())
    # In no task group, because each of those waits for what does not end.
    task = asyncio.create_task(work, context=context)
    task.add_done_callback(lambda _: on_end())
    try:
        either: tuple[asyncio.Future[Any], ...] = (task, silent)
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Silence
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait([task], timeout=GRACE_S)
        if task.done() and not task.cancelled():
            task.exception()  # nobody asks for it
        raise
    finally:
        watch.end()
        if not task.done():
            task.cancel()
            left.add(task)
    if task.cancelled():
        raise EngineError("The engine gave up its work, which nobody had cancelled.")
    return task.result()


def served_task() -> "asyncio.Task[Any] | None":
    """The task that the work under way is done for: the one that waits for it, or the current."""
    return _served.get() or asyncio.current_task()
