"""A client that means what a move says: moves become events, with the ids that it knows."""

from dataclasses import dataclass

import msgspec

from support import moves
from support.conversation_ledger import ConversationLedger
from support.moves import CLIP, WHICH, Move
from vivavoce.protocol import client_events as wire
from vivavoce.protocol.items import (
    FunctionCallItem,
    FunctionCallOutputItem,
    InputAudio,
    InputText,
    Item,
    ItemReference,
    McpApprovalRequestItem,
    McpApprovalResponseItem,
    McpCallItem,
    MessageItem,
    OutputAudio,
    OutputText,
)


@dataclass
class Known:
    """What a client has been told so far."""

    conversation: ConversationLedger
    responses: list[str]

    def item(self, which: int) -> str:
        """The id of an item, counted from the newest."""
        return newest(self.conversation.ids, which)

    def response(self, which: int) -> str:
        """The id of a response, counted from the newest."""
        return newest(self.responses, which)

    @property
    def call(self) -> str:
        """The `call_id` of the newest function call."""
        items = (listed.item for listed in self.conversation.items)
        return newest([item.call_id for item in items if isinstance(item, FunctionCallItem)], 0)

    @property
    def question(self) -> str:
        """The id of the newest approval request."""
        items = (listed.item for listed in self.conversation.items)
        return newest([item.id for item in items if isinstance(item, McpApprovalRequestItem)], 0)


def newest(ids: list[str], which: int) -> str:
    """The id that many from the end; one that never was, where there is none."""
    return ids[-1 - which] if which < min(len(ids), WHICH) else "never_was"


def client_event(move: Move, number: int, known: Known) -> wire.ClientEvent:
    """Event number `number` of this client."""
    event_id = f"mine_{number}"
    match move:
        case moves.Commit():
            return wire.InputAudioBufferCommit(event_id=event_id)
        case moves.Clear():
            return wire.InputAudioBufferClear(event_id=event_id)
        case moves.Update(patch=patch):
            return wire.SessionUpdate(event_id=event_id, session=patch)
        case moves.Create(kind=kind, behind=behind):
            return wire.ConversationItemCreate(
                event_id=event_id,
                item=item_of(kind, number, known),
                previous_item_id=known.item(behind) if isinstance(behind, int) else behind,
            )
        case moves.Edit():
            return edit_event(move, event_id, known.item(move.which))
        case moves.Respond(params=params, refers_to=which):
            if params is not None and which is not None:
                referred = (*(params.input or ()), ItemReference(id=known.item(which)))
                params = msgspec.structs.replace(params, input=referred)
            return wire.ResponseCreate(event_id=event_id, response=params)
        case moves.CancelResponse(which=which):
            response_id = None if which is None else known.response(which)
            return wire.ResponseCancel(event_id=event_id, response_id=response_id)
    raise AssertionError(f"{move} is no client event")


def edit_event(move: moves.Edit, event_id: str, item_id: str) -> wire.ClientEvent:
    """An event about an item that is there already, or ought to be."""
    match move.how:
        case "retrieve":
            return wire.ConversationItemRetrieve(event_id=event_id, item_id=item_id)
        case "delete":
            return wire.ConversationItemDelete(event_id=event_id, item_id=item_id)
        case "truncate":
            return wire.ConversationItemTruncate(
                event_id=event_id,
                item_id=item_id,
                content_index=0,
                audio_end_ms=move.audio_end_ms,
            )


def item_of(kind: str, number: int, known: Known) -> Item:
    """The item of a `Create` move; its text has the number, so that it is told from all others."""
    text = f"number {number}"
    match kind:
        case "user" | "system":
            return MessageItem(role=kind, content=(InputText(text=text),))
        case "assistant":
            return MessageItem(role="assistant", content=(OutputText(text=text),))
        case "image":
            return MessageItem(id=f"image_{number}", role="user", content=())
        case "speech" | "silence":
            audio = CLIP if kind == "speech" else ""
            parts = (InputText(text=text), InputAudio(audio=audio))
            return MessageItem(id=kind, role="user", content=parts)
        case "call":
            return FunctionCallItem(name="book", call_id=f"call_{number}", arguments="{}")
        case "output":
            return output_of(known.call, text)
        case "approve" | "deny":
            return McpApprovalResponseItem(
                approval_request_id=known.question, approve=kind == "approve"
            )
        case "mcp_call":
            return McpCallItem(
                server_label="dice", name="roll", arguments=f'{{"n": {number}}}', output=text
            )
        case "orphan":
            return output_of("call_that_never_was", text)
        case "duplicate":
            return MessageItem(id=known.item(0), role="user", content=(InputText(text=text),))
        case "seeded_speech":
            return MessageItem(role="assistant", content=(OutputAudio(transcript=text),))
        case "wrong_part":
            return MessageItem(role="user", content=(OutputText(text=text),))
        case "bad_base64":
            return MessageItem(role="user", content=(InputAudio(audio="no base64!"),))
        case _:
            raise AssertionError(kind)


def output_of(call_id: str, text: str) -> Item:
    """The output of a function call."""
    return FunctionCallOutputItem(call_id=call_id, output=text)
