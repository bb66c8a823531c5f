"""The only place where a clock is read."""

import time
from typing import Self


class Clock:
    """The time of the machine it runs on; `unix_time`, where given, is shown as the time of day."""

    def __init__(self, unix_time: int | None = None) -> None:
        self._unix_time = unix_time

    def of_session(self) -> Self:
        """The clock that a new session goes by."""
        return self

    def now(self) -> float:
        """Seconds of a clock that never goes back."""
        return time.monotonic()

    def reached(self, deadline: float) -> None:
        """A timer that was set for this time has fired: what a clock that stands still goes by."""

    def unix(self) -> int:
        """Seconds since 1970."""
        return int(time.time()) if self._unix_time is None else self._unix_time


class StandingClock(Clock):
    """Stands still but for timers: nothing that goes by it differs from run to run."""

    def __init__(self, unix_time: int | None = None) -> None:
        super().__init__(unix_time)
        self._now = super().now()

    def of_session(self) -> Self:
        """One that begins now."""
        return type(self)(self._unix_time)

    def now(self) -> float:
        """When it was made, or the deadline of the last timer."""
        return self._now

    def reached(self, deadline: float) -> None:
        """Move to the deadline."""
        self._now = max(self._now, deadline)
