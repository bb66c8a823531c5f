"""How much a session may still ask for: limits per minute that an operator has set (protocol 7).

Each is a bucket that fills evenly. A response takes one request when it is created, and its
tokens when it has ended, since only then they are known: the bucket of tokens may go below empty,
and a response is declined while it is.
"""

from typing import Literal

import msgspec

from vivavoce.protocol.server_events import RateLimit, ResponseError

LimitName = Literal["requests", "tokens"]
SECONDS = 60


class RateLimitSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What one session may use in a minute; None is without limit."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


class Bucket:
    """`limit` units that come back evenly within a minute. Times are seconds."""

    def __init__(self, name: LimitName, limit: int, now: float) -> None:
        self.name = name
        self._limit = limit
        self._left = float(limit)
        self._at = now

    def take(self, units: int, now: float) -> None:
        """Use so many units, also those that are not there."""
        self._left = self._left_at(now) - units
        self._at = now

    def is_empty(self, now: float) -> bool:
        """Whether there is less than one unit."""
        return self._left_at(now) < 1

    def shown(self, now: float) -> RateLimit:
        """As clients are told."""
        left = self._left_at(now)
        return RateLimit(
            name=self.name,
            limit=self._limit,
            remaining=max(int(left), 0),
            reset_seconds=round((self._limit - left) * SECONDS / self._limit, 3),
        )

    def _left_at(self, now: float) -> float:
        return min(self._left + (now - self._at) * self._limit / SECONDS, float(self._limit))


class RateLimits:
    """The limits of one session."""

    def __init__(self, settings: RateLimitSettings, now: float) -> None:
        wanted: dict[LimitName, int | None] = {
            "requests": settings.requests_per_minute,
            "tokens": settings.tokens_per_minute,
        }
        self._buckets = {n: Bucket(n, limit, now) for n, limit in wanted.items() if limit}

    def take_request(self, now: float) -> LimitName | None:
        """A response is asked for: the limit that forbids it, or None."""
        for bucket in self._buckets.values():
            if bucket.is_empty(now):
                return bucket.name
        self._take("requests", 1, now)
        return None

    def take_tokens(self, tokens: int, now: float) -> None:
        """A response has ended, and cost so many tokens."""
        self._take("tokens", tokens, now)

    def shown(self, now: float) -> tuple[RateLimit, ...]:
        """As `rate_limits.updated` tells them; empty where none is set."""
        return tuple(bucket.shown(now) for bucket in self._buckets.values())

    def _take(self, name: LimitName, units: int, now: float) -> None:
        if name in self._buckets:
            self._buckets[name].take(units, now)


def rate_limit_exceeded(name: LimitName) -> ResponseError:
    """What a declined response is told (protocol 6.3)."""
    text = f"This session has reached its limit of {name} per minute. Try again later."
    return ResponseError(type="rate_limit_error", code="rate_limit_exceeded", message=text)
