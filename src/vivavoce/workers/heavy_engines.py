"""The heavy engines of all workers: in one process, where the settings name any."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from vivavoce.assembly import assemble
from vivavoce.config import Settings
from vivavoce.engine_process import EngineProcess
from vivavoce.engines.remote.address import UnixAddress
from vivavoce.runtime.remote_engines import hosted_part

UNSHARED = (
    "The first engine that workers could share is loaded by each of them for itself, until the "
    "server is started again."
)


class HeavyEngines:
    """Made by `hosted`."""

    def __init__(self, process: EngineProcess | None) -> None:
        self._process = process

    @property
    def address(self) -> UnixAddress | None:
        """Where workers find them; None if each has its own."""
        return None if self._process is None else self._process.address

    async def reload(self, settings: Settings) -> tuple[str, ...]:
        """Host those of other settings, before the workers take these up; gives notices.

        Raises `ConfigError`, and has changed nothing then.
        """
        if self._process is not None:
            await self._process.reload(settings)
            return ()
        return (UNSHARED,) if await asyncio.to_thread(has_heavy, settings) else ()


@contextlib.asynccontextmanager
async def hosted(settings: Settings, folder: Path) -> AsyncIterator[HeavyEngines]:
    """Within the block heavy engines have their process, if there are any. Raises `ConfigError`."""
    if not await asyncio.to_thread(has_heavy, settings):
        yield HeavyEngines(None)
        return
    async with EngineProcess(settings, folder) as process:
        yield HeavyEngines(process)


def has_heavy(settings: Settings) -> bool:
    """Whether any engine is one that workers share. Raises `ConfigError`."""
    return bool(hosted_part(assemble(settings)).plans)
