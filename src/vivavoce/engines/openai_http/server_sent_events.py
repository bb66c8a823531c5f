"""Server-sent events (WHATWG HTML, section 9.2.6): bytes in, events out, in any chunking.

`id` and `retry` serve a reconnection that does not happen here, and are passed over.
"""

import re
from dataclasses import dataclass

MAX_EVENT_BYTES = 4 * 1024 * 1024
"""An event that is longer is refused: nothing that a model sends comes near it."""

_LINE_END = re.compile(rb"\r\n|\n|\r")


class EventTooLongError(ValueError):
    """An event exceeds `MAX_EVENT_BYTES`."""


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event; several `data` lines are joined by newlines."""

    data: str
    event: str = "message"


class EventStreamParser:
    """Parses one stream. An event counts when its closing empty line is there, and not before."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._after_return = False
        self._at_start = True
        self._data: list[str] = []
        self._event = ""
        self._size = 0

    def receive(self, chunk: bytes) -> list[ServerSentEvent]:
        """Take the next bytes and return the events that they complete.

        Raises `EventTooLongError`.
        """
        if not chunk:
            return []
        if self._after_return:
            chunk = chunk.removeprefix(b"\n")  # the other half of a line end
        *lines, rest = _LINE_END.split(chunk)
        self._after_return = chunk.endswith(b"\r")
        events: list[ServerSentEvent] = []
        for line in lines:
            self._extend(line)
            events += self._take_line(bytes(self._line).decode("utf-8", "replace"))
            self._line.clear()
        self._extend(rest)
        return events

    def _extend(self, piece: bytes) -> None:
        self._line += piece
        self._size += len(piece)
        if self._size > MAX_EVENT_BYTES:
            raise EventTooLongError(f"an event exceeds {MAX_EVENT_BYTES} bytes")

    def _take_line(self, line: str) -> list[ServerSentEvent]:
        if self._at_start:
            line = line.removeprefix("\ufeff")
            self._at_start = False
        if not line:
            return self._dispatch()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
        elif field == "event":
            self._event = value
        if not self._data:
            self._size = 0  # comments keep a stream alive for as long as they like
        return []

    def _dispatch(self) -> list[ServerSentEvent]:
        events = []
        if self._data:
            events = [ServerSentEvent("\n".join(self._data), self._event or "message")]
        self._data, self._event, self._size = [], "", 0
        return events
