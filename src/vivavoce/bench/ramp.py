"""The ramp: how many callers there may be until `speech_stopped` comes too late."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from vivavoce.bench.figures import Listening, Ramp

RUNS = 14
"""At most."""

COARSEST_STEP = 32
FINEST_SHARE = 0.1
"""Of the callers that held: the step at which the search ends, if it is less than the coarsest."""

Measure = Callable[[int], Awaitable[Listening]]
"""Measures so many callers."""


@dataclass(slots=True)
class Search:
    """Doubles until a run fails, then halves what lies between."""

    first: int
    held: int = 0
    failed: int | None = None
    runs: list[Listening] = field(default_factory=list)

    def next(self) -> int | None:
        """How many callers to try; None when it is known closely enough."""
        if self.failed is None:
            return 2 * self.held if self.held else self.first
        step = min(COARSEST_STEP, max(int(FINEST_SHARE * self.held), 1))
        if self.failed - self.held <= step:
            return None
        return (self.held + self.failed) // 2

    def note(self, run: Listening, *, holds: bool) -> None:
        """Take down a run."""
        self.runs.append(run)
        if holds:
            self.held = run.callers
        else:
            self.failed = run.callers


async def climb(
    measure: Measure, *, first: int, lag_target_ms: float, tell: Callable[[Listening, bool], None]
) -> Ramp:
    """Find the most callers that hold the target; `tell` hears of each run and whether it held.

    It ends before that when the client itself is late, since the figures are no longer the
    server's, and after `RUNS`.
    """
    search = Search(first)
    ended = f"known to {FINEST_SHARE:.0%}, or to {COARSEST_STEP} callers"
    while (count := search.next()) is not None:
        if len(search.runs) == RUNS:
            ended = f"{RUNS} runs were made"
            break
        run = await measure(count)
        kept = holds(run, lag_target_ms) and not run.client.late
        search.note(run, holds=kept)
        tell(run, kept)
        if run.client.late:
            ended = f"the client was late at {count} callers: the server may hold more"
            break
    return Ramp(lag_target_ms=lag_target_ms, callers=search.held, ended=ended, runs=search.runs)


def holds(run: Listening, lag_target_ms: float) -> bool:
    """Whether no event was missed, and 99 of 100 turns were told to end within the target."""
    if run.starts.missed or run.stops.missed or run.speech_stopped_ms is None:
        return False
    return run.speech_stopped_ms.p99 <= lag_target_ms
