"""Conversation items and their content parts (protocol 3.2 and 4.1).

The same structs are read from clients and sent to them; optional keys that the wire leaves out
are `UNSET`, never null. Items are immutable: a change makes a new value.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

MAX_ID_LENGTH = 32
ItemStatus = Literal["completed", "in_progress", "incomplete"]
CALL_ID_PATTERN = "^[a-zA-Z0-9_-]+$"
CallId = Annotated[str, msgspec.Meta(max_length=MAX_ID_LENGTH, pattern=CALL_ID_PATTERN)]
ItemId = Annotated[str, msgspec.Meta(max_length=MAX_ID_LENGTH)]


class Part(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True):
    """A piece of a message's content."""


class InputText(Part, frozen=True, kw_only=True, tag="input_text"):
    """Text of a user or of the system."""

    text: str


class InputAudio(Part, frozen=True, kw_only=True, tag="input_audio"):
    """Speech of a user.

    `transcript` is always present, null until it is known. `audio` is base64 in the session's
    input format: given by a client with an item, and by the server on retrieval.
    """

    audio: str | UnsetType = UNSET
    transcript: str | None = None


class InputImage(Part, frozen=True, kw_only=True, tag="input_image"):
    """A picture as a data URI."""

    image_url: str
    detail: Literal["auto", "low", "high"] = "auto"


class OutputText(Part, frozen=True, kw_only=True, tag="output_text"):
    """Written words of the assistant."""

    text: str


class OutputAudio(Part, frozen=True, kw_only=True, tag="output_audio"):
    """Spoken words of the assistant. The transcript is gone once the item was truncated.

    `audio` is only read, so that a client that seeds speech is told what to send instead.
    """

    transcript: str | UnsetType = UNSET
    audio: str | UnsetType = UNSET


ContentPart = InputText | InputAudio | InputImage | OutputText | OutputAudio


class BaseItem(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True
):
    """What all items have. An empty `id` is one that the server has yet to give."""

    id: ItemId = ""
    object: Literal["realtime.item"] | UnsetType = UNSET


class MessageItem(BaseItem, frozen=True, kw_only=True, tag="message"):
    """Something said or written."""

    status: ItemStatus = "completed"
    role: Literal["system", "user", "assistant"]
    content: tuple[ContentPart, ...]


class FunctionCallItem(BaseItem, frozen=True, kw_only=True, tag="function_call"):
    """A call that the model asks the client to make. `arguments` is raw JSON text."""

    status: ItemStatus = "completed"
    name: str
    call_id: CallId = ""
    arguments: str


class FunctionCallOutputItem(BaseItem, frozen=True, kw_only=True, tag="function_call_output"):
    """What a call gave; the wire shows no status (protocol 3.2)."""

    status: ItemStatus | UnsetType = UNSET
    call_id: CallId
    output: str


# --- MCP (protocol 5.7): none of these has a status on the wire ---------------------------------


class McpListedTool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tool as its server lists it. Known clients need the description to be a string."""

    name: str
    description: str = ""
    input_schema: dict[str, Any] = {}
    annotations: dict[str, Any] | None = None

    @property
    def only_reads(self) -> bool:
        """Whether the server says that a call changes nothing."""
        return (self.annotations or {}).get("readOnlyHint") is True


class McpListToolsItem(BaseItem, frozen=True, kw_only=True, tag="mcp_list_tools"):
    """The tools of a server; none until they are listed, or if that failed."""

    server_label: str
    tools: tuple[McpListedTool, ...]


class BaseMcpError(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True
):
    """Why a call of a tool gave nothing."""

    message: str


class McpProtocolError(BaseMcpError, frozen=True, kw_only=True, tag="protocol_error"):
    """The MCP server answered with an error of JSON-RPC, or with something else than MCP."""

    code: int


class McpHttpError(BaseMcpError, frozen=True, kw_only=True, tag="http_error"):
    """The MCP server answered with an error of HTTP, or not at all."""

    code: int


class McpToolError(BaseMcpError, frozen=True, kw_only=True, tag="tool_execution_error"):
    """The tool itself failed, or was not called."""


McpError = McpProtocolError | McpHttpError | McpToolError


class McpCallItem(BaseItem, frozen=True, kw_only=True, tag="mcp_call"):
    """A call of a server's tool. It is over once it has an `output` or an `error`."""

    server_label: str
    name: str
    arguments: str
    approval_request_id: str | None | UnsetType = UNSET
    output: str | None = None
    error: McpError | None = None


class McpApprovalRequestItem(BaseItem, frozen=True, kw_only=True, tag="mcp_approval_request"):
    """The question to the client whether this call may be made."""

    server_label: str
    name: str
    arguments: str


class McpApprovalResponseItem(BaseItem, frozen=True, kw_only=True, tag="mcp_approval_response"):
    """The client's answer to that."""

    approval_request_id: str
    approve: bool
    reason: str | None | UnsetType = UNSET


Item = (
    MessageItem
    | FunctionCallItem
    | FunctionCallOutputItem
    | McpListToolsItem
    | McpCallItem
    | McpApprovalRequestItem
    | McpApprovalResponseItem
)


class ItemReference(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="type",
    tag="item_reference",
    forbid_unknown_fields=True,
):
    """An item of the conversation by its id, in the input of a response."""

    id: str


InputItem = Item | ItemReference
