"""How busy the process is: high when work waits, and not at once normal when it no longer does.

Two things are measured, four times a second: how late the event loop runs a timer, and how long a
caller's sound has waited for voice activity detection. The later of the two counts. A level is
entered when all measures of a second are above its limit, and left when five seconds had no second
above half of it, so that it neither flutters nor stays for a hiccup now and then.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

from vivavoce.session.speculation import Load

logger = logging.getLogger(__name__)

LEVELS: tuple[Load, ...] = get_args(Load)

PERIOD_S = 0.25
ENTER = 4
"""Measures in a row above its limit, until a level is entered."""
LEAVE = 20
"""Measures without `ENTER` in a row above half of its limit, until a level is left."""

LIMITS_S = (0.05, 0.2)
"""Seconds of delay: more is `high`, or `overload`. A turn's end is then told that much later."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One look at the process, in seconds."""

    lag_s: float
    """How late the event loop was."""
    backlog_s: float
    """How long a typical caller's sound has waited for its score."""

    @property
    def delay_s(self) -> float:
        """What counts."""
        return max(self.lag_s, self.backlog_s)


class LoadLevel:
    """The level that follows from measures."""

    def __init__(self) -> None:
        self.level: Load = "normal"
        self._recent: deque[float] = deque(maxlen=LEAVE)

    def after(self, delay_s: float) -> Load:
        """The level with one more measure, in seconds."""
        self._recent.append(delay_s)
        rank = LEVELS.index(self.level)
        while rank < len(LIMITS_S) and self._is_above(LIMITS_S[rank]):
            rank += 1
        while rank > 0 and self._is_below(LIMITS_S[rank - 1]):
            rank -= 1
        self.level = LEVELS[rank]
        return self.level

    def _is_above(self, limit_s: float) -> bool:
        newest = list(self._recent)[-ENTER:]
        return len(newest) == ENTER and min(newest) > limit_s

    def _is_below(self, limit_s: float) -> bool:
        measures = list(self._recent)
        seconds = (measures[at : at + ENTER] for at in range(LEAVE - ENTER + 1))
        return len(measures) == LEAVE and all(min(second) < limit_s / 2 for second in seconds)


class LoadWatch:
    """Measures while it is started, with one timer for the process."""

    def __init__(
        self,
        backlog_s: Callable[[], float],
        *,
        on_measure: Callable[[Measure, Load], None],
        on_change: Callable[[Load], None],
    ) -> None:
        """`backlog_s` tells how long sound has waited. `on_change` is called when the level
        changes, which was `normal` before."""
        self._backlog_s = backlog_s
        self._on_measure = on_measure
        self._on_change = on_change
        self._level = LoadLevel()
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Measure from now on."""
        self._set_timer()

    def stop(self) -> None:
        """Measure no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self) -> None:
        loop = asyncio.get_running_loop()
        self._due = loop.time() + PERIOD_S
        self._timer = loop.call_at(self._due, self._look)

    def _look(self) -> None:
        late_s = asyncio.get_running_loop().time() - self._due
        self._set_timer()
        measure = Measure(max(0.0, late_s), self._backlog_s())
        before, level = self._level.level, self._level.after(measure.delay_s)
        self._on_measure(measure, level)
        if level != before:
            tell(level, measure)
            self._on_change(level)


def tell(level: Load, measure: Measure) -> None:
    """A line in the log for an operator."""
    logger.log(
        logging.INFO if level == "normal" else logging.WARNING,
        "load is %s: the event loop is %.0f ms late, and a caller's sound has waited %.0f ms for "
        "its score",
        level,
        1000 * measure.lag_s,
        1000 * measure.backlog_s,
    )
