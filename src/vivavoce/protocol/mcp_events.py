"""The events about remote MCP servers, which came with GA (protocol 4, 5.7)."""

from vivavoce.protocol.server_event import BaseServerEvent


class McpListToolsEvent(BaseServerEvent, kw_only=True):
    """An event about the listing of a server's tools; the item shows them."""

    item_id: str


class McpListToolsInProgress(McpListToolsEvent, kw_only=True, tag="mcp_list_tools.in_progress"):
    """The server is being asked."""


class McpListToolsCompleted(McpListToolsEvent, kw_only=True, tag="mcp_list_tools.completed"):
    """The server has answered."""


class McpListToolsFailed(McpListToolsEvent, kw_only=True, tag="mcp_list_tools.failed"):
    """The server's tools are not known."""


class McpCallArgumentsDelta(BaseServerEvent, kw_only=True, tag="response.mcp_call_arguments.delta"):
    """More of a call's arguments. `obfuscation` is filler that hides their length; one client in
    wide use requires it here (protocol 4.1)."""

    response_id: str
    item_id: str
    output_index: int
    delta: str
    obfuscation: str


class McpCallArgumentsDone(BaseServerEvent, kw_only=True, tag="response.mcp_call_arguments.done"):
    """A call's arguments are whole."""

    response_id: str
    item_id: str
    output_index: int
    arguments: str


class McpCallEvent(BaseServerEvent, kw_only=True):
    """An event about a call at work; it may come after its response is done."""

    item_id: str
    output_index: int


class McpCallInProgress(McpCallEvent, kw_only=True, tag="response.mcp_call.in_progress"):
    """The tool is being called."""


class McpCallCompleted(McpCallEvent, kw_only=True, tag="response.mcp_call.completed"):
    """The tool has given its output."""


class McpCallFailed(McpCallEvent, kw_only=True, tag="response.mcp_call.failed"):
    """The call gave an error, or was not approved."""
