"""The load of one engine, which all share that ask for it."""

import asyncio
import contextlib
import threading
from collections.abc import Callable

from vivavoce.engines.base import Engine

GRACE_S = 2.0
"""Seconds that a load may still take when the engine is to be closed."""


class Loading:
    """Loads an engine once at a time, in a thread; a load that failed is tried again when asked."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._attempt: asyncio.Future[None] | None = None

    async def done(self) -> None:
        """Returns when the engine is loaded; raises what its `load` raised.

        The load belongs to nobody: it goes on when a caller is cancelled, and the next one waits
        for the same.
        """
        attempt = self._attempt
        if attempt is None or (attempt.done() and attempt.exception() is not None):
            attempt = self._attempt = in_thread(self.engine.load)
        await asyncio.shield(attempt)

    async def close(self) -> None:
        """Free the engine. One that is loading for too long is left to the end of the process."""
        if self._attempt is not None:
            _, unfinished = await asyncio.wait([self._attempt], timeout=GRACE_S)
            if unfinished:
                return
        await self.engine.close()


def in_thread(work: Callable[[], None]) -> asyncio.Future[None]:
    """Do blocking work in a thread that does not hold up the end of the process."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(failure: BaseException | None) -> None:
        if failure is None:
            done.set_result(None)
        else:
            done.set_exception(failure)

    def run() -> None:
        failure: BaseException | None = None
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - the one who waits is told
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, failure)

    threading.Thread(target=run, name="load", daemon=True).start()
    return done
