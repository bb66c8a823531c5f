"""What a client may send over a WebSocket, GA dialect (protocol 3)."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from vivavoce.protocol.items import InputItem, Item
from vivavoce.protocol.session_config import (
    MaxOutputTokens,
    OutputModalities,
    PromptTemplate,
    ReasoningConfig,
    ResponseAudio,
)
from vivavoce.protocol.tools import AnyTool, ToolChoiceConfig

EventId = Annotated[str, msgspec.Meta(max_length=512)]


class BaseClientEvent(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True
):
    """What all client events have. `event_id` comes back in the error that the event causes."""

    event_id: EventId | None = None


class SessionUpdate(BaseClientEvent, frozen=True, kw_only=True, tag="session.update"):
    """Changes the keys that are present. `session` is read by `session_config.merge`."""

    session: dict[str, Any]


class InputAudioBufferAppend(
    BaseClientEvent, frozen=True, kw_only=True, tag="input_audio_buffer.append"
):
    """More audio: base64 of bytes in the session's input format."""

    audio: str


class InputAudioBufferCommit(
    BaseClientEvent, frozen=True, kw_only=True, tag="input_audio_buffer.commit"
):
    """Makes a user item of the buffered audio."""


class InputAudioBufferClear(
    BaseClientEvent, frozen=True, kw_only=True, tag="input_audio_buffer.clear"
):
    """Drops the buffered audio."""


class ConversationItemCreate(
    BaseClientEvent, frozen=True, kw_only=True, tag="conversation.item.create"
):
    """Inserts an item behind `previous_item_id` (protocol 3.1)."""

    item: Item
    previous_item_id: str | None = None


class ConversationItemRetrieve(
    BaseClientEvent, frozen=True, kw_only=True, tag="conversation.item.retrieve"
):
    """Asks for an item as the server holds it."""

    item_id: str


class ConversationItemDelete(
    BaseClientEvent, frozen=True, kw_only=True, tag="conversation.item.delete"
):
    """Removes an item."""

    item_id: str


class ConversationItemTruncate(
    BaseClientEvent, frozen=True, kw_only=True, tag="conversation.item.truncate"
):
    """Says how much of an assistant's speech was played, in milliseconds."""

    item_id: str
    content_index: Annotated[int, msgspec.Meta(ge=0)]
    audio_end_ms: Annotated[int, msgspec.Meta(ge=0)]


class ResponseParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one response does otherwise than the session says (protocol 3.3)."""

    conversation: Literal["auto", "none"] = "auto"
    input: tuple[InputItem, ...] | UnsetType = UNSET
    instructions: str | None | UnsetType = UNSET
    output_modalities: OutputModalities | UnsetType = UNSET
    audio: ResponseAudio | UnsetType = UNSET
    tools: tuple[AnyTool, ...] | None | UnsetType = UNSET
    tool_choice: ToolChoiceConfig | UnsetType = UNSET
    max_output_tokens: MaxOutputTokens | UnsetType = UNSET
    metadata: dict[str, str] | None = None
    prompt: PromptTemplate | None = None
    reasoning: ReasoningConfig | None = None
    parallel_tool_calls: bool | None = None
    temperature: float | UnsetType = UNSET


class ResponseCreate(BaseClientEvent, frozen=True, kw_only=True, tag="response.create"):
    """Starts inference."""

    response: ResponseParams | None = None


class ResponseCancel(BaseClientEvent, frozen=True, kw_only=True, tag="response.cancel"):
    """Stops the response of the conversation, or the one that is named."""

    response_id: str | None = None


ClientEvent = (
    SessionUpdate
    | InputAudioBufferAppend
    | InputAudioBufferCommit
    | InputAudioBufferClear
    | ConversationItemCreate
    | ConversationItemRetrieve
    | ConversationItemDelete
    | ConversationItemTruncate
    | ResponseCreate
    | ResponseCancel
)

CLIENT_EVENTS: dict[str, type[BaseClientEvent]] = {
    event.__struct_config__.tag: event for event in ClientEvent.__args__
}
"""Every client event by its wire name, in the order of protocol 3."""
