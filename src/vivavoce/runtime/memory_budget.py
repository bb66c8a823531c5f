"""How much memory engines may take together, by what their operator says of each.

Nothing is measured: an engine takes what was declared for it, from its load until it is closed.
"""

import asyncio
from collections.abc import Callable

from vivavoce.engines.base import EngineError


class MemoryBudget:
    """Keeps the engines that are loaded within `limit_mb`; None sets no limit."""

    def __init__(self, unload_one: Callable[[], bool]) -> None:
        """`unload_one` begins to unload an engine that nobody holds; False if there is none."""
        self.limit_mb: int | None = None
        self._unload_one = unload_one
        self._taken: dict[object, int] = {}
        self._closing: set[object] = set()
        self._freed = asyncio.Event()

    def __contains__(self, holder: object) -> bool:
        return holder in self._taken

    async def take(self, holder: object, memory_mb: int) -> None:
        """Returns when there is room for this engine; what nobody holds is unloaded for it.

        Raises `EngineError` when there is not enough. Again for the same does nothing.
        """
        while holder not in self._taken and memory_mb:
            free_mb = self._free_mb()
            if free_mb is None or memory_mb <= free_mb:
                self._taken[holder] = memory_mb
                continue
            self._freed.clear()
            if self._unload_one() or self._closing:
                await self._freed.wait()
            else:
                text = (
                    f"it takes {memory_mb} MB, and of the {self.limit_mb} MB for engines "
                    f"(memory_mb) only {max(free_mb, 0)} MB are free"
                )
                raise EngineError(text, code="insufficient_memory")

    def hand_over(self, holder: object, heir: object) -> None:
        """An engine is replaced: the fresh one has its memory, whatever the old one still holds."""
        if holder in self._taken:
            self._taken[heir] = self._taken.pop(holder)

    def closing(self, holder: object) -> None:
        """This engine is being closed, and gives its memory back soon."""
        if holder in self._taken:
            self._closing.add(holder)

    def give_back(self, holder: object) -> None:
        """This engine takes no memory any more."""
        self._closing.discard(holder)
        if self._taken.pop(holder, None) is not None:
            self._freed.set()

    def _free_mb(self) -> int | None:
        return None if self.limit_mb is None else self.limit_mb - sum(self._taken.values())
