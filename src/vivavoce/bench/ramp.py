"""The ramp: how many callers there may be until `speech_stopped` comes too late."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from vivavoce.bench.figures import LagBehind, Listening, Ramp, lag_of
from vivavoce.bench.processes import UnwatchedError
from vivavoce.bench.stand import BenchError

RUNS = 14
"""At most."""

COARSEST_STEP = 32
FINEST_SHARE = 0.1
"""Of the callers that held: the step at which the search ends, if it is less than the coarsest."""

Measure = Callable[[int], Awaitable[Listening]]
"""Measures so many callers. Raises `BenchError` and `UnwatchedError`."""

Failure = BenchError | UnwatchedError

Tell = Callable[[int, Listening | Failure, bool], None]
"""Hears of each number of callers what came of it, and whether it held."""


@dataclass(slots=True)
class Search:
    """Doubles until a run fails, then halves what lies between."""

    first: int
    held: int = 0
    failed: int | None = None
    tried: int = 0
    failure: Failure | None = None
    """Why the last number that could not be measured could not be."""
    runs: list[Listening] = field(default_factory=list)

    def next(self) -> int | None:
        """How many callers to try; None when it is known closely enough."""
        if self.failed is None:
            return 2 * self.held if self.held else self.first
        step = min(COARSEST_STEP, max(int(FINEST_SHARE * self.held), 1))
        if self.failed - self.held <= step:
            return None
        return (self.held + self.failed) // 2

    def note(self, callers: int, found: Listening | Failure, *, holds: bool) -> None:
        """Take down what came of so many callers."""
        self.tried += 1
        if isinstance(found, Listening):
            self.runs.append(found)
        else:
            self.failure = found
        if holds:
            self.held = callers
        else:
            self.failed = callers


async def climb(
    measure: Measure, *, first: int, lag_target_ms: float, lag_behind: LagBehind, tell: Tell
) -> Ramp:
    """Find the most callers that hold the target; a number that cannot be measured does not.

    It ends before that when the client itself is late, since the figures are no longer the
    server's, and after `RUNS`. Raises what `measure` raised last if nothing could be measured.
    """
    search = Search(first)
    ended = f"known to {FINEST_SHARE:.0%}, or to {COARSEST_STEP} callers"
    while (count := search.next()) is not None:
        if search.tried == RUNS:
            ended = f"{RUNS} runs were made"
            break
        found = await attempt(measure, count)
        late = isinstance(found, Listening) and found.client.late
        kept = False
        if isinstance(found, Listening) and not late and is_clean(found):
            lag = lag_of(found, lag_behind)
            kept = lag is not None and lag.p99 <= lag_target_ms
        search.note(count, found, holds=kept)
        tell(count, found, kept)
        if late:
            ended = f"the client was late at {count} callers: the server may hold more"
            break
    else:
        if not search.held:
            ended = "not even 1 caller held"
    if search.failure is not None:
        if not search.runs:
            raise search.failure
        ended += f"; not every number could be measured: {search.failure}"
    return Ramp(
        lag_target_ms=lag_target_ms,
        lag_behind=lag_behind,
        callers=search.held,
        ended=ended,
        runs=search.runs,
    )


async def attempt(measure: Measure, callers: int) -> Listening | Failure:
    """Measure so many callers, or tell why that cannot be."""
    try:
        return await measure(callers)
    except (BenchError, UnwatchedError) as error:
        return error


def is_clean(run: Listening) -> bool:
    """Whether no event was missed or extra."""
    return not any(tally.missed or tally.extra for tally in (run.starts, run.stops))
