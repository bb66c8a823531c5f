"""What clients ask for while a response runs, and gets done behind its end (protocol 5.6)."""

from collections import deque

import msgspec

from vivavoce.protocol.client_events import ConversationItemCreate
from vivavoce.protocol.errors import refuse
from vivavoce.session.inputs import EventReceived

MAX_DEFERRED = 256
"""Events that may wait, ..."""

MAX_DEFERRED_SIZE = 32 * 1024 * 1024
"""... and the bytes of JSON that they may have in all: the largest frame has fewer."""


class Deferred:
    """The events that wait, in order."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[EventReceived, int]] = deque()
        """Each with the bytes that it has."""
        self._size = 0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, received: EventReceived) -> None:
        """One more waits. Raises `Refusal` if too many do."""
        size = len(msgspec.json.encode(received.event))
        if len(self._waiting) == MAX_DEFERRED or self._size + size > MAX_DEFERRED_SIZE:
            raise refuse(
                "too_many_items",
                f"At most {MAX_DEFERRED} items, of {MAX_DEFERRED_SIZE // 2**20} MiB together, may "
                "wait for the end of a response.",
            )
        self._waiting.append((received, size))
        self._size += size

    def take(self) -> EventReceived:
        """The one that waits for the longest time."""
        received, size = self._waiting.popleft()
        self._size -= size
        return received

    def creates(self, item_id: str) -> bool:
        """Whether the creation of this item waits; an item without an id gets one only then."""
        return bool(item_id) and any(
            isinstance(waiting.event, ConversationItemCreate) and waiting.event.item.id == item_id
            for waiting, _ in self._waiting
        )
