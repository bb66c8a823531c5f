"""Work of engines for requests: one job, held to its engine's time limit while it works."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, TypeVar

from vivavoce.runtime.pipeline import EngineLease

E = TypeVar("E")
T = TypeVar("T")


async def produced(
    lease: EngineLease[E], begin: Callable[[E], AsyncGenerator[T, Any]]
) -> AsyncGenerator[T, None]:
    """What an engine yields, as one job. While a piece is sent on, the time limit rests.

    Close it: that is what stops the engine. Raises what the engine does, and as `lease.use`.
    """
    async with lease.use() as use, aclosing(begin(use.engine)) as pieces:
        async for piece in pieces:
            with use.resting():
                yield piece
