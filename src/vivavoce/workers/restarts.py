"""When a worker that has ended is started again."""

CALM_S = 60.0
"""A worker that has lived for so long ended for a reason of its own, not because it cannot live."""

LONGEST_S = 60.0


class Restarts:
    """At once for the first, then after 1 s, 2 s, 4 s, up to a minute, while they end soon."""

    def __init__(self) -> None:
        self._soon = 0

    def delay_s(self, age_s: float) -> float:
        """How long to wait, in seconds, after one that has lived for `age_s`."""
        if age_s >= CALM_S:
            self._soon = 0
        self._soon += 1
        return 0.0 if self._soon == 1 else min(2.0 ** min(self._soon - 2, 16), LONGEST_S)
