"""Faults: what a script lets go wrong on a connection, and when it is due.

They live at the edge of the server. The session behind a connection knows nothing of them: an
event that a fault answers never reaches it, and what a fault sends it has not said.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from vivavoce.protocol.errors import ErrorDetail

ANY = "any"
"""Instead of an event's type: each event."""

Count = Annotated[int, Meta(ge=1)]
Milliseconds = Annotated[int, Meta(ge=0, le=600_000)]


class ScriptedError(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `error` of an error event."""

    message: str
    code: str | None = None
    type: str = "invalid_request_error"
    param: str | None = None

    def detail(self, event_id: str | None) -> ErrorDetail:
        """The same as the protocol's value; `event_id` is that of the client's event."""
        return ErrorDetail(
            type=self.type,
            code=self.code,
            message=self.message,
            param=self.param,
            event_id=event_id,
        )


class Refused(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An answer in HTTP instead of a WebSocket."""

    status: Annotated[int, Meta(ge=400, le=599)] = 503
    message: str = "The mock was told to refuse this connection."
    code: str | None = None
    type: str = "server_error"


class Close(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A close frame."""

    code: Annotated[int, Meta(ge=1000, le=4999)] = 1011
    reason: Annotated[str, Meta(max_length=123)] = ""

    def __post_init__(self) -> None:
        """Refuse the codes that RFC 6455 (7.4.1) keeps out of close frames."""
        if self.code in (1004, 1005, 1006, 1015) or 1016 <= self.code <= 2999:
            raise ValueError(f"no close frame may carry {self.code}; use `drop` for 1006")


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One fault: when it is due, and what then happens.

    It is due when a client event comes (`received`), when a server event was sent (`sent`), some
    time after the connection began (`after_ms`), or else as soon as it has begun. `nth` counts
    events of that type on one connection; without it, each is meant. `connection` counts the
    attempts to connect since the mock began; without it, each is meant.
    """

    received: str | None = None
    sent: str | None = None
    after_ms: Milliseconds | None = None
    nth: Count | None = None
    connection: Count | None = None

    refuse: Refused | None = None
    error: ScriptedError | None = None
    close: Close | None = None
    drop: bool = False
    delay_ms: Milliseconds = 0

    def __post_init__(self) -> None:
        """Refuse what makes no sense together."""
        if sum(one is not None for one in (self.received, self.sent, self.after_ms)) > 1:
            raise ValueError("only one of `received`, `sent` and `after_ms` says when")
        if self.nth is not None and not self.counts_events:
            raise ValueError("`nth` counts events: it needs `received` or `sent`")
        if self.delay_ms and not self.counts_events:
            raise ValueError("`delay_ms` delays events: it needs `received` or `sent`")
        if self.refuse and (self.counts_events or self.after_ms is not None):
            raise ValueError("`refuse` comes before any event, and at no other time")
        if self.refuse and self.ends_the_connection:
            raise ValueError("a connection that is refused cannot be closed or dropped")
        if self.close and self.drop:
            raise ValueError("a connection is closed or dropped, not both")
        if not (self.refuse or self.error or self.delay_ms or self.ends_the_connection):
            raise ValueError("nothing happens: use refuse, error, close, drop or delay_ms")

    @property
    def counts_events(self) -> bool:
        """Whether an event is what it waits for."""
        return self.received is not None or self.sent is not None

    @property
    def ends_the_connection(self) -> bool:
        """Whether the connection is over then."""
        return self.close is not None or self.drop

    def is_due(self, kind: str, number: int, in_all: int) -> bool:
        """Whether event `number` of this type, `in_all` of all types, is the one."""
        wanted = self.sent if self.received is None else self.received
        if wanted == ANY:
            return self.nth in (None, in_all)
        return wanted == kind and self.nth in (None, number)


class FaultPlan:
    """The faults of one connection, which is number `connection` from 1; counts its events."""

    def __init__(self, faults: Sequence[Fault], connection: int) -> None:
        self.connection = connection
        mine = [fault for fault in faults if fault.connection in (None, connection)]
        self._received = [fault for fault in mine if fault.received is not None]
        self._sent = [fault for fault in mine if fault.sent is not None]
        self.timed = [fault for fault in mine if fault.after_ms is not None]
        self.at_once = [
            fault for fault in mine if not fault.counts_events and fault.after_ms is None
        ]
        self._received_kinds: Counter[str] = Counter()
        self._sent_kinds: Counter[str] = Counter()

    @property
    def refused(self) -> Refused | None:
        """What the connection is refused with, if it is."""
        return next((fault.refuse for fault in self.at_once if fault.refuse), None)

    def received(self, kind: str) -> list[Fault]:
        """What is due now that a client event of this type has come."""
        return due(self._received, self._received_kinds, kind)

    def sent(self, kind: str) -> list[Fault]:
        """What is due at a server event of this type."""
        return due(self._sent, self._sent_kinds, kind)


def due(faults: list[Fault], counted: Counter[str], kind: str) -> list[Fault]:
    """Count one more event of this type, and give the faults that it brings about."""
    counted[kind] += 1
    return [fault for fault in faults if fault.is_due(kind, counted[kind], counted.total())]
