"""The books on client events: each has its documented effect, or an error with its id."""

from vivavoce.protocol.client_events import (
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemRetrieve,
    ConversationItemTruncate,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    ResponseCancel,
    ResponseCreate,
    SessionUpdate,
)
from vivavoce.protocol.items import Item
from vivavoce.protocol.server_events import (
    ConversationItemAdded,
    ConversationItemDeleted,
    ConversationItemRetrieved,
    ConversationItemTruncated,
    Error,
    InputAudioBufferCleared,
    InputAudioBufferCommitted,
    ResponseCreated,
    ResponseDone,
    SessionUpdated,
)
from vivavoce.session.inputs import EventReceived
from vivavoce.session.outputs import AnyOutput, Send, SendRetrieved

MAY_WAIT = (
    ConversationItemCreate
    | ConversationItemRetrieve
    | ConversationItemDelete
    | ConversationItemTruncate
)
"""These wait for the end of the running response, if it is in their way."""


class ReplyLedger:
    """The client events that were not answered yet, oldest first."""

    def __init__(self) -> None:
        self.waiting: list[EventReceived] = []

    def asked(self, received: EventReceived) -> None:
        """A client asks for something; it gives every event an id of its own."""
        assert received.event.event_id
        self.waiting.append(received)

    def done(self, output: AnyOutput) -> None:
        """Whatever is sent may be the answer to the oldest event that it fits."""
        if not isinstance(output, Send | SendRetrieved):
            return
        for received in self.waiting:
            if answers(output.event, output.to, received):
                self.waiting.remove(received)
                return
        if isinstance(output.event, Error):
            assert output.event.error.event_id is None, "an error for an event of long ago"

    def step_over(self, *, response_runs: bool) -> None:
        """Everything is answered at once, but for what a running response keeps waiting."""
        for received in self.waiting:
            assert response_runs, f"never answered: {received}"
            assert isinstance(received.event, MAY_WAIT), f"not answered at once: {received}"


def answers(event: object, to: int | None, received: EventReceived) -> bool:
    """Whether `event` is what protocol 3 promises for the client's event."""
    asked = received.event
    if isinstance(event, Error):
        return event.error.event_id == asked.event_id and to == received.peer
    match asked, event:
        case (
            (SessionUpdate(), SessionUpdated())
            | (InputAudioBufferCommit(), InputAudioBufferCommitted())
            | (InputAudioBufferClear(), InputAudioBufferCleared())
            | (ResponseCreate(), ResponseCreated())
        ):
            return True
        case ConversationItemCreate(item=item), ConversationItemAdded(item=added):
            return resembles(item, added)
        case ConversationItemRetrieve(item_id=item_id), ConversationItemRetrieved(item=item):
            return item.id == item_id and to == received.peer
        case ConversationItemDelete(item_id=item_id), ConversationItemDeleted(item_id=other):
            return item_id == other
        case ConversationItemTruncate(), ConversationItemTruncated():
            return (asked.item_id, asked.audio_end_ms) == (event.item_id, event.audio_end_ms)
        case ResponseCancel(response_id=response_id), ResponseDone(response=response):
            return response.status == "cancelled" and response_id in (None, response.id)
        case _:
            return False


def resembles(asked: Item, added: Item) -> bool:
    """Whether `added` is the item that was asked for; the texts of a test are all different."""
    if asked.id:
        return asked.id == added.id
    if type(asked) is not type(added):
        return False
    for key in ("content", "arguments", "output", "approval_request_id", "approve"):
        if getattr(asked, key, None) != getattr(added, key, None):
            return False
    return getattr(asked, "call_id", None) == getattr(added, "call_id", None)
