"""The items of a response while they are being sent: their events, in the documented order.

Each knows how to open itself, to send what its draft content has more of, and to close: every
`added` has its `done`, whatever became of the answer (protocol 5.2, 5.5, 5.6, 5.9).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, TypeVar

from vivavoce.protocol.items import (
    FunctionCallItem,
    Item,
    ItemStatus,
    MessageItem,
    OutputText,
)
from vivavoce.protocol.mcp_events import McpCallArgumentsDelta, McpCallArgumentsDone
from vivavoce.protocol.server_events import (
    ContentEvent,
    ContentPartAdded,
    ContentPartDone,
    ConversationItemAdded,
    ConversationItemDone,
    FunctionCallArgumentsDelta,
    FunctionCallArgumentsDone,
    OutputItemAdded,
    OutputItemDone,
    OutputTextDelta,
    OutputTextDone,
    TextPart,
)
from vivavoce.session.conversation import Entry
from vivavoce.session.draft_content import DraftCall, DraftText
from vivavoce.session.output_audio import Spoken
from vivavoce.session.response_plan import ResponsePlan
from vivavoce.session.state import State

E = TypeVar(
    "E",
    bound=ContentEvent
    | FunctionCallArgumentsDelta
    | FunctionCallArgumentsDone
    | McpCallArgumentsDelta
    | McpCallArgumentsDone,
)


@dataclass(slots=True)
class Place:
    """Where an output item stands."""

    state: State
    plan: ResponsePlan
    response_id: str
    item_id: str
    output_index: int

    def event(self, kind: type[E], **fields: Any) -> E:
        """An event about the content of this item."""
        return kind(
            response_id=self.response_id,
            item_id=self.item_id,
            output_index=self.output_index,
            **fields,
        )


class OutputItem(ABC):
    """An item that a response is sending."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.final: Item | None = None
        """The item as it was closed."""

    @property
    @abstractmethod
    def written(self) -> str:
        """What the model wrote of it, as far as it was sent."""

    @abstractmethod
    def item(self, status: ItemStatus) -> Item:
        """The item as it stands."""

    @abstractmethod
    def spoken(self) -> Spoken | None:
        """What was said aloud so far."""

    @abstractmethod
    def close_content(self, status: ItemStatus) -> None:
        """Send the `.done` events of the content."""

    def open(self) -> None:
        """Announce the item, and put it into the conversation."""
        place, out = self.place, self.place.state.out
        item = self.item("in_progress")
        out.send(
            OutputItemAdded(
                response_id=place.response_id, output_index=place.output_index, item=item
            )
        )
        if place.plan.in_conversation:
            previous = place.state.conversation.insert(Entry(item))
            out.send(ConversationItemAdded(previous_item_id=previous, item=item))

    def close(self, status: ItemStatus) -> None:
        """Send all `.done` events."""
        if self.final is not None:
            return
        self.close_content(status)
        place, out = self.place, self.place.state.out
        item = self.final = self.item(status)
        if place.plan.in_conversation:
            conversation = place.state.conversation
            conversation.put(Entry(item, spoken=self.spoken()))
            out.send(
                ConversationItemDone(previous_item_id=conversation.previous_of(item.id), item=item)
            )
        out.send(
            OutputItemDone(
                response_id=place.response_id, output_index=place.output_index, item=item
            )
        )


class WrittenMessage(OutputItem):
    """A message in text."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.text = ""
        self._begun = False

    @property
    def written(self) -> str:
        """The text."""
        return self.text

    def open(self) -> None:
        """Announce the item and its one part."""
        super().open()
        self._begun = True
        self.place.state.out.send(self.place.event(ContentPartAdded, part=TextPart(text="")))

    def advance(self, content: DraftText) -> bool:
        """Send the words that are new; True when there will be no more."""
        delta = content.text[len(self.text) :]
        if delta:
            self.text = content.text
            self.place.state.out.send(self.place.event(OutputTextDelta, delta=delta))
        return content.complete

    def item(self, status: ItemStatus) -> MessageItem:
        """The message as it stands."""
        content = (OutputText(text=self.text),) if self._begun else ()
        return MessageItem(id=self.place.item_id, status=status, role="assistant", content=content)

    def spoken(self) -> None:
        """Nothing was said aloud."""

    def close_content(self, status: ItemStatus) -> None:  # noqa: ARG002
        """The text is over."""
        out = self.place.state.out
        out.send(self.place.event(OutputTextDone, text=self.text))
        out.send(self.place.event(ContentPartDone, part=TextPart(text=self.text)))


class FunctionCall(OutputItem):
    """A call that the client is asked to make."""

    def __init__(self, place: Place, name: str, call_id: str) -> None:
        super().__init__(place)
        self._name = name
        self._call_id = call_id
        self._arguments = ""

    @property
    def written(self) -> str:
        """The arguments."""
        return self._arguments

    def advance(self, content: DraftCall) -> bool:
        """Send the arguments that are new; True when there will be no more."""
        delta = content.arguments[len(self._arguments) :]
        if delta:
            self._arguments = content.arguments
            self.place.state.out.send(
                self.place.event(FunctionCallArgumentsDelta, call_id=self._call_id, delta=delta)
            )
        return content.complete

    def item(self, status: ItemStatus) -> FunctionCallItem:
        """The call as it stands."""
        return FunctionCallItem(
            id=self.place.item_id,
            status=status,
            name=self._name,
            call_id=self._call_id,
            arguments=self._arguments,
        )

    def spoken(self) -> None:
        """Nothing was said aloud."""

    def close_content(self, status: ItemStatus) -> None:
        """The arguments are whole; those of a call that was cut short never are, and some
        clients run a call on this event, so it is left out then."""
        if status == "completed":
            self.place.state.out.send(
                self.place.event(
                    FunctionCallArgumentsDone,
                    call_id=self._call_id,
                    name=self._name,
                    arguments=self._arguments,
                )
            )
