"""The conversation: an ordered list of immutable entries, and what each means to the model.

An entry is the item as clients see it, beside what only the server knows: what was heard of a
user's speech, and what was spoken and heard of the assistant's.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import msgspec
from msgspec import UNSET

from vivavoce.protocol.errors import duplicate_item, refuse, unknown_item
from vivavoce.protocol.items import (
    ContentPart,
    FunctionCallItem,
    InputAudio,
    Item,
    MessageItem,
    OutputAudio,
)
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
    """These words."""

    text: str


@dataclass(frozen=True, slots=True)
class Noise:
    """No words: nothing to answer."""


@dataclass(frozen=True, slots=True)
class Inaudible:
    """Recognition failed: the model is told so."""


@dataclass(frozen=True, slots=True)
class Silence:
    """The user was silent for so long that the assistant is to speak up (protocol 5.15)."""


Heard = Pending | Text | Noise | Inaudible | Silence


@dataclass(frozen=True, slots=True)
class Entry:
    """An item, and what was heard (user audio) or spoken (assistant audio)."""

    item: Item
    heard: Heard | None = None
    spoken: Spoken | None = None


class Conversation:
    """The entries in order. Every change keeps the chain of previous ids whole."""

    def __init__(self, conversation_id: str) -> None:
        self.id = conversation_id
        self._entries: list[Entry] = []
        self._dropped: set[str] = set()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, oldest first."""
        return tuple(self._entries)

    @property
    def context(self) -> tuple[Entry, ...]:
        """The entries that the model may still read, oldest first."""
        return tuple(entry for entry in self._entries if entry.item.id not in self._dropped)

    def drop_from_context(self, item_ids: Iterable[str]) -> None:
        """The model's context was full: it reads these no more. Clients can still retrieve them."""
        self._dropped.update(item_ids)

    @property
    def tail(self) -> str | None:
        """The id of the newest item."""
        return self._entries[-1].item.id if self._entries else None

    def find(self, item_id: str) -> Entry | None:
        """The entry with this id."""
        index = self._index(item_id)
        return None if index is None else self._entries[index]

    def get(self, item_id: str, action: str) -> Entry:
        """The entry with this id, or the `Refusal` that `action` earns (protocol 6.1)."""
        entry = self.find(item_id)
        if entry is None:
            raise unknown_item(action, item_id)
        return entry

    def check_insertion(self, item: Item, previous_item_id: str | None) -> None:
        """Raises `Refusal` if the item cannot go behind `previous_item_id`."""
        if item.id and self._index(item.id) is not None:
            raise duplicate_item(item.id)
        if previous_item_id in (None, "", ROOT):
            return
        if self._index(previous_item_id) is None:
            raise refuse(
                "item_create_invalid_previous_item_id",
                f"Error adding item: the previous item with id '{previous_item_id}' "
                "does not exist.",
            )

    def insert(self, entry: Entry, previous_item_id: str | None = None) -> str | None:
        """Puts `entry` behind `previous_item_id` and gives the id it really follows."""
        if previous_item_id == ROOT:
            place = 0
        elif not previous_item_id:
            place = len(self._entries)
        else:
            found = self._index(previous_item_id)
            place = len(self._entries) if found is None else found + 1
        self._entries.insert(place, entry)
        return self.previous_of(entry.item.id)

    def previous_of(self, item_id: str) -> str | None:
        """The id in front of this item; of the tail, if the item is gone."""
        index = self._index(item_id)
        if index is None:
            return self.tail
        return self._entries[index - 1].item.id if index else None

    def put(self, entry: Entry) -> None:
        """Replaces the entry with the same id, if it is still there."""
        index = self._index(entry.item.id)
        if index is not None:
            self._entries[index] = entry

    def delete(self, item_id: str) -> None:
        """Takes an item out, or raises `Refusal`."""
        self._entries.remove(self.get(item_id, "delete"))
        self._dropped.discard(item_id)

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

    @property
    def call_ids(self) -> frozenset[str]:
        """The ids of all function calls that were made."""
        return frozenset(
            entry.item.call_id
            for entry in self._entries
            if isinstance(entry.item, FunctionCallItem)
        )

    def _index(self, item_id: str | None) -> int | None:
        for index in range(len(self._entries) - 1, -1, -1):
            if self._entries[index].item.id == item_id:
                return index
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


def user_entry(item_id: str, heard: Heard) -> Entry:
    """A user's speech as an item."""
    item = MessageItem(id=item_id, role="user", content=(InputAudio(transcript=None),))
    return Entry(item, heard=heard)
