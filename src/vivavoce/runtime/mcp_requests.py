"""What MCP servers are asked. Needs the MCP SDK.

Its `Client.call_tool` is not used: it checks a tool's output against the server's own schema, for
which it lists the tools behind a call's back. A schema may have a pattern that takes years to
match, and the listing may fail although the call was carried out.
"""

from collections.abc import AsyncIterator
from typing import Any

from mcp import Client, MCPError
from mcp_types import (
    HEADER_MISMATCH,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    InputRequiredResult,
    ListToolsResult,
)
from pydantic import TypeAdapter

from vivavoce.protocol.items import McpListedTool, McpToolError
from vivavoce.runtime.mcp_results import listed_tool
from vivavoce.runtime.ports import ToolServerError

MAX_TOOLS = 256
"""Tools of one server."""

CallOutcome = CallToolResult | InputRequiredResult
CALL_OUTCOME: TypeAdapter[CallOutcome] = TypeAdapter(CallOutcome)


async def tools_of(client: Client) -> tuple[McpListedTool, ...]:
    """All tools of a server, page by page. Raises `ToolServerError` if there are too many."""
    tools: list[McpListedTool] = []
    async for page in pages(client):
        tools += map(listed_tool, page.tools)
        if len(tools) > MAX_TOOLS:
            text = f"The server lists more than {MAX_TOOLS} tools."
            raise ToolServerError(McpToolError(message=text))
    return tuple(tools)


async def pages(client: Client) -> AsyncIterator[ListToolsResult]:
    """A server's listing."""
    cursor: str | None = None
    while True:
        page = await client.list_tools(cursor=cursor, cache_mode="bypass")
        yield page
        cursor = page.next_cursor
        if not cursor:
            return


async def result_of_call(client: Client, name: str, arguments: dict[str, Any]) -> CallToolResult:
    """What a tool gives. Raises `ToolServerError` if it wants to know more."""
    request = CallToolRequest(params=CallToolRequestParams(name=name, arguments=arguments))
    try:
        outcome = await client.session.send_request(request, CALL_OUTCOME)
    except MCPError as error:
        if error.code != HEADER_MISMATCH:
            raise
        # Nothing was carried out: the tool wants some arguments as headers too. The SDK knows which
        # once it has seen the listing.
        await tools_of(client)
        outcome = await client.session.send_request(request, CALL_OUTCOME)
    if isinstance(outcome, InputRequiredResult):
        text = "The tool asks the user for more, which this server cannot pass on."
        raise ToolServerError(McpToolError(message=text))
    return outcome
