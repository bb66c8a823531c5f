"""The conversation: an ordered list of immutable entries, and what each means to the model.

An entry is the item as clients see it, beside what only the server knows: what was heard of a
user's speech, and what was spoken and heard of the assistant's.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import msgspec
from msgspec import UNSET

from vivavoce.protocol.errors import (
    conversation_too_large,
    duplicate_item,
    refuse,
    unknown_item,
)
from vivavoce.protocol.items import (
    ContentPart,
    FunctionCallItem,
    FunctionCallOutputItem,
    InputAudio,
    Item,
    McpApprovalResponseItem,
    MessageItem,
    OutputAudio,
)
from vivavoce.protocol.prompt import AudioClip
from vivavoce.protocol.sizes import size_of
from vivavoce.session.item_order import ItemOrder
from vivavoce.session.output_audio import Spoken

ROOT = "root"
"""The `previous_item_id` of an item that goes in front (protocol 3.1)."""

TRUNCATE_TOLERANCE_MS = 100
"""Clocks of clients drift by tens of milliseconds (protocol 8, row 20)."""


# --- what became of a user's speech -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pending:
    """The recogniser is at work."""


@dataclass(frozen=True, slots=True)
class Text:
    """These words, in this language (ISO 639-1) where the recogniser says so."""

    text: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Noise:
    """No words: nothing to answer."""


@dataclass(frozen=True, slots=True)
class Inaudible:
    """Recognition failed: the model is told so."""


@dataclass(frozen=True, slots=True)
class Silence:
    """The user was silent for so long that the assistant is to speak up (protocol 5.15)."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Nobody has written it down, and the recording is too old to be heard again."""


Heard = Pending | Text | Noise | Inaudible | Silence | Forgotten


@dataclass(frozen=True, slots=True)
class Entry:
    """An item, and what was heard (user audio) or spoken (assistant audio).

    A user's speech that the model is to hear itself is its `clip`; nobody waits for `heard` then.
    """

    item: Item
    heard: Heard | None = None
    spoken: Spoken | None = None
    clip: AudioClip | None = None


# --- the conversation ---------------------------------------------------------------------------

LinkedItem = FunctionCallItem | FunctionCallOutputItem | McpApprovalResponseItem
Link = tuple[type[LinkedItem], str]
"""What an item is to others: a call with this id, an output of it, an answer to this request."""


class Conversation:
    """The entries in order. Every change keeps the chain of previous ids whole.

    What a client may add is bounded by `max_items`, and by `max_size` characters of all texts and
    pictures. What the server adds to a conversation that has room always fits.
    """

    def __init__(self, conversation_id: str, *, max_items: int, max_size: int) -> None:
        self.id = conversation_id
        self.was_spoken_in = False
        """Whether the assistant was ever heard in it."""
        self._max_items = max_items
        self._max_size = max_size
        self._entries: dict[str, Entry] = {}
        self._order = ItemOrder()
        self._size = 0
        self._links: Counter[Link] = Counter()
        self._dropped: set[str] = set()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, oldest first."""
        return tuple(self._entries[item_id] for item_id in self._order)

    @property
    def context(self) -> tuple[Entry, ...]:
        """The entries that the model may still read, oldest first."""
        return tuple(e for e in self.entries if e.item.id not in self._dropped)

    def drop_from_context(self, item_ids: Iterable[str]) -> None:
        """The model's context was full: it reads these no more. Clients can still retrieve them."""
        self._dropped.update(item_ids)

    @property
    def tail(self) -> str | None:
        """The id of the newest item."""
        return self._order.last

    def find(self, item_id: str) -> Entry | None:
        """The entry with this id."""
        return self._entries.get(item_id)

    def get(self, item_id: str, action: str) -> Entry:
        """The entry with this id, or the `Refusal` that `action` earns (protocol 6.1)."""
        entry = self.find(item_id)
        if entry is None:
            raise unknown_item(action, item_id)
        return entry

    def has(self, kind: type[LinkedItem], link: str) -> bool:
        """Whether there is a call with this id, an output of it, or an answer to this request."""
        return (kind, link) in self._links

    # --- changes ---------------------------------------------------------------------------------

    def check_room(self, item: Item | None = None) -> None:
        """Raises `Refusal` if `item`, or something small, would be too much."""
        size = self._size + size_of(item)
        if len(self._entries) >= self._max_items or size > self._max_size:
            raise conversation_too_large(self._max_items, self._max_size)

    def check_insertion(self, item: Item, previous_item_id: str | None) -> None:
        """Raises `Refusal` if the item, without its speech, cannot go behind `previous_item_id`."""
        if item.id in self._entries:
            raise duplicate_item(item.id)
        known = previous_item_id in (None, "", ROOT) or previous_item_id in self._entries
        if not known:
            raise refuse(
                "item_create_invalid_previous_item_id",
                f"Error adding item: the previous item with id '{previous_item_id}' "
                "does not exist.",
            )
        self.check_room(item)

    def insert(self, entry: Entry, previous_item_id: str | None = None) -> str | None:
        """Puts `entry` behind `previous_item_id` and gives the id it really follows."""
        previous = self.tail
        if previous_item_id == ROOT:
            previous = None
        elif previous_item_id in self._entries:
            previous = previous_item_id
        self._order.insert(entry.item.id, previous)
        self._entries[entry.item.id] = entry
        self._count(entry.item, 1)
        return previous

    def previous_of(self, item_id: str) -> str | None:
        """The id in front of this item; of the tail, if the item is gone."""
        return self._order.previous_of(item_id) if item_id in self._entries else self.tail

    def put(self, entry: Entry) -> None:
        """Replaces the entry with the same id, if it is still there."""
        replaced = self.find(entry.item.id)
        if replaced is not None:
            self._count(replaced.item, -1)
            self._entries[entry.item.id] = entry
            self._count(entry.item, 1)

    def delete(self, item_id: str) -> None:
        """Takes an item out, or raises `Refusal`."""
        self._count(self.get(item_id, "delete").item, -1)
        del self._entries[item_id]
        self._order.remove(item_id)
        self._dropped.discard(item_id)

    def _count(self, item: Item, times: int) -> None:
        """An item has come, or is gone."""
        self._size += times * size_of(item)
        link = link_of(item)
        if link is not None:
            self._links[link] += times
            if not self._links[link]:
                del self._links[link]

    def cut(self, item_id: str, heard_ms: int) -> None:
        """An assistant's speech was heard up to here at most, for all that we know.

        A client's own truncation knows better.
        """
        entry = self.find(item_id)
        if entry is not None and entry.spoken is not None and not entry.spoken.truncated:
            self.put(replace(entry, spoken=entry.spoken.cut_at(heard_ms)))

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        """Cuts an assistant's speech where it was heard last (protocol 5.13).

        The transcript goes from the item; the words that were heard stay for the model.
        Raises `Refusal` for an item without speech, or a cut beyond its end.
        """
        entry = self.get(item_id, "truncate")
        spoken = entry.spoken
        if not isinstance(entry.item, MessageItem) or spoken is None:
            raise refuse(
                "unsupported_content_type", "Only model output audio messages can be truncated."
            )
        if content_index != 0:
            raise refuse(
                "invalid_value",
                f"Invalid content index: item '{item_id}' has one content part, at index 0.",
                "content_index",
            )
        if audio_end_ms > spoken.left_ms + TRUNCATE_TOLERANCE_MS:
            raise refuse(
                "invalid_value",
                f"Audio content of {spoken.left_ms}ms is already shorter than {audio_end_ms}ms",
                "audio_end_ms",
            )
        item = msgspec.structs.replace(entry.item, content=(OutputAudio(transcript=UNSET),))
        self.put(replace(entry, item=item, spoken=spoken.truncated_at(audio_end_ms)))

    def resolve(self, item_id: str, heard: Heard, *, show: bool) -> None:
        """What a user's item says is known now; with `show` the item carries it too."""
        entry = self.find(item_id)
        if entry is None or not isinstance(entry.item, MessageItem):
            return
        item = entry.item
        if show and isinstance(heard, Text):
            content = tuple(transcribed(item.content, heard.text))
            item = msgspec.structs.replace(item, content=content)
        self.put(replace(entry, item=item, heard=heard))


def link_of(item: Item) -> Link | None:
    """What an item is to others, if it is anything."""
    match item:
        case FunctionCallItem(call_id=call_id) | FunctionCallOutputItem(call_id=call_id):
            return type(item), call_id
        case McpApprovalResponseItem(approval_request_id=request_id):
            return type(item), request_id
        case _:
            return None


def transcribed(content: Iterable[ContentPart], text: str) -> Iterator[ContentPart]:
    """The parts of a message of which `text` was heard.

    Speech without a transcript is heard as one, and its first part gets the words.
    """
    for part in content:
        if isinstance(part, InputAudio) and part.transcript is None:
            yield msgspec.structs.replace(part, transcript=text)
            text = ""
        else:
            yield part


def user_entry(item_id: str, heard: Heard | None, clip: AudioClip | None = None) -> Entry:
    """A user's speech as an item."""
    item = MessageItem(id=item_id, role="user", content=(InputAudio(transcript=None),))
    return Entry(item, heard=heard, clip=clip)
