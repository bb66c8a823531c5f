"""The only place where a clock is read."""

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """The time of the machine it runs on."""

    def now(self) -> float:
        """Seconds of a clock that never goes back."""
        return time.monotonic()

    def unix(self) -> int:
        """Seconds since 1970."""
        return int(time.time())
