"""The load of one engine, which all share that ask for it."""

import asyncio
import contextlib
import threading
from collections.abc import Callable

from vivavoce.engines.base import Engine, EngineError, WarmsUp

GRACE_S = 2.0
"""Seconds that a load may still take when everything is to be closed."""

CLOSE_S = 15.0
"""Seconds that an engine may take to close. Child processes end in six at most."""

LOAD_FAILED = "The model cannot be loaded. The server's log says why. Try again later."
"""What clients are told of a load that failed: its error may hold paths of the server."""


class Loading:
    """Loads an engine once at a time, in a thread; a load that failed is tried again when asked."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._attempt: asyncio.Future[None] | None = None

    def begin(self) -> asyncio.Future[None]:
        """The load that is under way or done; a new one where there is none or it has failed."""
        attempt = self._attempt
        if attempt is None or self.has_failed:
            attempt = self._attempt = in_thread(self._load)
        return attempt

    @property
    def has_failed(self) -> bool:
        """Whether the last load has ended without success."""
        attempt = self._attempt
        return attempt is not None and attempt.done() and attempt.exception() is not None

    async def done(self) -> None:
        """Returns when the engine is loaded; raises what its `load` raised.

        The load belongs to nobody: it goes on when a caller is cancelled, and the next one waits
        for the same.
        """
        await asyncio.shield(self.begin())

    async def close(self, ending: asyncio.Event) -> None:
        """Free the engine, once its load has ended, whatever came of that.

        From `ending` on a load gets `GRACE_S`; one that takes longer is left to the end of the
        process. Raises `TimeoutError` for an engine that does not close within `CLOSE_S`, and what
        it raises.
        """
        if self._attempt is not None and not await settled(self._attempt, ending):
            return
        async with asyncio.timeout(CLOSE_S):
            await self.engine.close()

    def _load(self) -> None:
        self.engine.load()
        if isinstance(self.engine, WarmsUp):
            self.engine.warm_up()


def load_failed() -> EngineError:
    """The error of a session whose engine could not be loaded when it was needed."""
    return EngineError(LOAD_FAILED, code="model_load_error")


async def settled(attempt: asyncio.Future[None], ending: asyncio.Event) -> bool:
    """Wait for a load, from `ending` on only for a while; gives whether it has ended."""
    if attempt.done():
        return True
    async with asyncio.TaskGroup() as tasks:
        hurry = tasks.create_task(ending.wait())
        await asyncio.wait((attempt, hurry), return_when=asyncio.FIRST_COMPLETED)
        if not attempt.done():
            await asyncio.wait((attempt,), timeout=GRACE_S)
        hurry.cancel()
    return attempt.done()


def in_thread(work: Callable[[], None]) -> asyncio.Future[None]:
    """Do blocking work in a thread that does not hold up the end of the process."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def run() -> None:
        failure: BaseException | None = None
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - the one who waits is told
            failure = error
        settle_on(loop, done, failure)

    threading.Thread(target=run, name="load", daemon=True).start()
    return done


def settle_on(
    loop: asyncio.AbstractEventLoop, done: asyncio.Future[None], failure: BaseException | None
) -> None:
    """From a thread: settle a future, unless its loop has ended and nobody waits any more."""

    def settle() -> None:
        if done.done():
            return
        if failure is None:
            done.set_result(None)
        else:
            done.set_exception(failure)
            done.exception()  # whoever asks next may be nobody: then it is no fault of the loop's

    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(settle)
