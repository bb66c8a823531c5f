"""Reading the configuration anew in a running server, which no live session notices."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass

from vivavoce.config import ConfigError
from vivavoce.runtime.catalogue import Catalogue
from vivavoce.runtime.models import Models

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Read:
    """A configuration that was read again, and what the operator should know about it."""

    catalogue: Catalogue
    notices: tuple[str, ...] = ()


ReadAgain = Callable[[], Read]
"""Reads the configuration as it is now. Blocks, and raises `ConfigError`."""


class Reloading:
    """Reloads a server's models: reads them one time after the other, and loads in the background,
    so that a load which hangs holds up no later reload."""

    def __init__(self, models: Models, read_again: ReadAgain) -> None:
        self._models = models
        self._read_again = read_again
        self._busy = asyncio.Lock()

    async def __call__(self) -> tuple[str, ...]:
        """Offer what is configured now, to new sessions; gives what the operator should know.

        What comes of the loads is logged, and told to the sessions that need them. Raises
        `ConfigError`, and has changed nothing then.
        """
        async with self._busy:
            read = await asyncio.to_thread(self._read_again)
            loads = self._models.reload(read.catalogue)
        loads.add_done_callback(self._loaded)
        return read.notices

    def _loaded(self, loads: asyncio.Task[tuple[str, ...]]) -> None:
        """The loads of a reload are over, or a newer reload has its own."""
        if loads.cancelled() or loads.exception() is not None:
            return
        for notice in told(self._models, loads.result()):
            logger.warning("%s", notice)


def told(models: Models, failures: tuple[str, ...]) -> tuple[str, ...]:
    """What the operator should know about engines that are missing or failed to load."""
    return (*models.notices, *(f"Cannot be loaded yet: {text}" for text in failures))


@contextlib.contextmanager
def hangups() -> Iterator[asyncio.Event]:
    """Within the block, SIGHUP to the process sets the event, where there is that signal.

    Begin it before anything that takes long: the signal would end the process otherwise.
    """
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is None:  # on Windows
        yield asked
        return
    loop.add_signal_handler(hangup, asked.set)
    try:
        yield asked
    finally:
        loop.remove_signal_handler(hangup)


@contextlib.asynccontextmanager
async def reloading_when(
    asked: asyncio.Event, reload: Callable[[], Awaitable[tuple[str, ...]]]
) -> AsyncIterator[None]:
    """Within the block there is a reload whenever the event is set."""
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(reload_when(asked, reload), name="reload")
        try:
            yield
        finally:
            waiting.cancel()


async def reload_when(
    asked: asyncio.Event, reload: Callable[[], Awaitable[tuple[str, ...]]]
) -> None:
    """Reload whenever it is asked for, and say in the log what came of it."""
    while True:
        await asked.wait()
        asked.clear()
        try:
            notices = await reload()
        except ConfigError as error:
            logger.error("the configuration was not reloaded: %s", error)
            continue
        except Exception:  # a bug of ours must not end the server and its live sessions
            logger.exception("the configuration was not reloaded")
            continue
        logger.info("the configuration was reloaded")
        for notice in notices:
            logger.warning("%s", notice)
