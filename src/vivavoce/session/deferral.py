"""What clients ask for while a response runs, and gets done behind its end (protocol 5.6)."""

from collections import deque

import msgspec

from vivavoce.protocol.client_events import ConversationItemCreate
from vivavoce.protocol.errors import refuse
from vivavoce.session.inputs import EventReceived

MAX_DEFERRED = 256
"""Events that may wait, ..."""

MAX_DEFERRED_SIZE = 32 * 1024 * 1024
"""... and the characters that they may have in all: the largest frame has fewer."""


class Deferred:
    """The events that wait, in order."""

    def __init__(self) -> None:
        self._waiting: deque[EventReceived] = deque()
        self._size = 0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, received: EventReceived) -> None:
        """One more waits. Raises `Refusal` if too many do."""
        size = size_of(received.event)
        if len(self._waiting) == MAX_DEFERRED or self._size + size > MAX_DEFERRED_SIZE:
            raise refuse(
                "too_many_items",
                f"At most {MAX_DEFERRED} items, of {MAX_DEFERRED_SIZE // 2**20} MiB together, may "
                "wait for the end of a response.",
            )
        self._waiting.append(received)
        self._size += size

    def take(self) -> EventReceived:
        """The one that waits for the longest time."""
        received = self._waiting.popleft()
        self._size -= size_of(received.event)
        return received

    def creates(self, item_id: str) -> bool:
        """Whether the creation of this item waits."""
        return any(
            isinstance(waiting.event, ConversationItemCreate) and waiting.event.item.id == item_id
            for waiting in self._waiting
        )


def size_of(value: object) -> int:
    """The characters of all texts in a value of the protocol."""
    match value:
        case str():
            return len(value)
        case tuple():
            return sum(size_of(element) for element in value)
        case msgspec.Struct():
            return sum(size_of(getattr(value, name)) for name in value.__struct_fields__)
        case _:
            return 0
