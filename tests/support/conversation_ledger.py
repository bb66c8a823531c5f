"""The books on the conversation: its chain of items, and what the user is said to have said."""

from collections.abc import Collection
from dataclasses import dataclass, field

import msgspec
from msgspec import UNSET

from vivavoce.protocol.items import InputAudio, Item, McpCallItem, MessageItem, OutputAudio
from vivavoce.protocol.server_events import (
    ConversationItemAdded,
    ConversationItemDeleted,
    ConversationItemDone,
    ConversationItemRetrieved,
    ConversationItemTruncated,
    InputAudioBufferCleared,
    InputAudioBufferCommitted,
    SpeechStarted,
    SpeechStopped,
    TranscriptionCompleted,
    TranscriptionDelta,
    TranscriptionFailed,
)
from vivavoce.session.outputs import AnyOutput, Send, SendRetrieved


@dataclass
class Listed:
    """An item of the conversation, as its events told it."""

    item: Item
    done: bool = False
    deltas: list[str] = field(default_factory=list)
    transcribed: bool = False


class ConversationLedger:
    """The items in order, kept by following `previous_item_id` as a client does."""

    def __init__(self) -> None:
        self.items: list[Listed] = []
        self._spoken: str | None = None
        """The item that the turn which is being spoken will become, ..."""
        self._early: list[str] = []
        """... what was told of its words, ..."""
        self._speaks = False
        """... and whether it is still being spoken."""

    @property
    def ids(self) -> list[str]:
        """The ids in order."""
        return [listed.item.id for listed in self.items]

    def done(self, output: AnyOutput) -> None:
        """One output, in order."""
        if isinstance(output, Send | SendRetrieved):
            self._sent(output.event)

    def settled(self, *, waiting: Collection[str]) -> None:
        """Nothing is being written any more, but for the calls that wait for approval."""
        unfinished = [
            listed.item.id
            for listed in self.items
            if not listed.done and listed.item.id not in waiting
        ]
        assert not unfinished, f"added and never done: {unfinished}"

    def _sent(self, event: object) -> None:
        match event:
            case InputAudioBufferCommitted(previous_item_id=previous):
                assert previous == self._tail, "committed behind the tail"
            case ConversationItemAdded(previous_item_id=previous, item=item):
                self._added(previous, item)
            case ConversationItemDone(previous_item_id=previous, item=item):
                listed = self._listed(item.id)
                assert not listed.done, f"{item.id} is done twice"
                assert previous == self._previous(item.id)
                assert getattr(item, "status", "completed") != "in_progress"
                listed.item, listed.done = item, True
            case ConversationItemDeleted(item_id=item_id):
                self.items.remove(self._listed(item_id))
            case ConversationItemTruncated(item_id=item_id):
                self._truncated(self._listed(item_id))
            case ConversationItemRetrieved(item=item):
                listed = self._listed(item.id)
                if listed.done or not isinstance(item, McpCallItem):
                    assert item == listed.item, "retrieved is not what was told"
            case SpeechStarted(item_id=item_id):
                self._speech_started(item_id)
            case SpeechStopped():
                self._speaks = False
            case InputAudioBufferCleared():
                self._spoken = None
            case _:
                self._transcription(event)

    def _speech_started(self, item_id: str) -> None:
        self._speaks = True
        if item_id != self._spoken:
            self._spoken, self._early = item_id, []

    def _added(self, previous: str | None, item: Item) -> None:
        assert item.id, "an item without an id"
        assert item.id not in self.ids, f"{item.id} is added twice"
        place = 0 if previous is None else self.ids.index(previous) + 1
        listed = Listed(item)
        if item.id == self._spoken:
            self._spoken, listed.deltas = None, self._early
        self.items.insert(place, listed)

    def _truncated(self, listed: Listed) -> None:
        assert isinstance(listed.item, MessageItem)
        assert isinstance(listed.item.content[0], OutputAudio)
        content = (OutputAudio(transcript=UNSET),)
        listed.item = msgspec.structs.replace(listed.item, content=content)

    def _transcription(self, event: object) -> None:
        match event:
            case TranscriptionDelta(item_id=item_id, delta=delta) if item_id == self._spoken:
                assert self._speaks, f"{item_id} was spoken, and is no item"
                self._early.append(delta)
            case TranscriptionDelta(item_id=item_id, delta=delta):
                self._unheard(item_id).deltas.append(delta)
            case TranscriptionCompleted(item_id=item_id, transcript=transcript):
                listed = self._unheard(item_id)
                listed.transcribed = True
                if listed.deltas:
                    assert "".join(listed.deltas) == transcript
                listed.item = with_transcript(listed.item, transcript)
            case TranscriptionFailed(item_id=item_id):
                self._unheard(item_id).transcribed = True

    def _unheard(self, item_id: str) -> Listed:
        listed = self._listed(item_id)
        assert listed.done, f"{item_id} is transcribed before it is final"
        assert not listed.transcribed, f"{item_id} is transcribed twice"
        return listed

    def _listed(self, item_id: str) -> Listed:
        found = [listed for listed in self.items if listed.item.id == item_id]
        assert found, f"{item_id} is not in the conversation"
        return found[0]

    def _previous(self, item_id: str) -> str | None:
        place = self.ids.index(item_id)
        return self.ids[place - 1] if place else None

    @property
    def _tail(self) -> str | None:
        return self.ids[-1] if self.items else None


def with_transcript(item: Item, transcript: str) -> Item:
    """The item as it shows what was said; words that were not found are not shown."""
    assert isinstance(item, MessageItem)
    content = tuple(
        msgspec.structs.replace(part, transcript=transcript or None)
        if isinstance(part, InputAudio)
        else part
        for part in item.content
    )
    return msgspec.structs.replace(item, content=content)
