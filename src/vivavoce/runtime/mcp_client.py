"""Remote MCP servers, through the official SDK over streamable HTTP.

Every listing and every call has a connection of its own, opened and closed in the task that needs
it. That costs one more round trip for each, and buys that a session holds nothing open while people
talk, that a server may restart between two calls, and that cancelling a job leaves nothing behind.

The SDK comes with the extra `vivavoce[mcp]`, and is imported when it is first needed.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from vivavoce.protocol.items import McpHttpError, McpListedTool, McpToolError
from vivavoce.protocol.tools import ToolServer
from vivavoce.runtime.addresses import AllowedAddresses
from vivavoce.runtime.ports import ToolServerError

if TYPE_CHECKING:
    from mcp import Client

logger = logging.getLogger(__name__)

CONNECTION = "vivavoce.runtime.mcp_connection"
MAX_TOOLS = 256
"""Tools of one server."""


class McpClient:
    """Asks MCP servers. `timeout_s` is for each listing and each call, in seconds."""

    def __init__(self, *, timeout_s: float = 30.0, allowed: AllowedAddresses | None = None) -> None:
        self._timeout_s = timeout_s
        self._allowed = allowed or AllowedAddresses()

    async def list_tools(self, server: ToolServer) -> tuple[McpListedTool, ...]:
        """All tools of a server, page by page. Raises `ToolServerError`."""
        tools: list[McpListedTool] = []
        async with self._connected(server) as client:
            from vivavoce.runtime.mcp_results import listed_tool

            cursor: str | None = None
            while True:
                page = await client.list_tools(cursor=cursor, cache_mode="bypass")
                tools += map(listed_tool, page.tools)
                if len(tools) > MAX_TOOLS:
                    text = f"The server lists more than {MAX_TOOLS} tools."
                    raise ToolServerError(McpToolError(message=text))
                cursor = page.next_cursor
                if not cursor:
                    return tuple(tools)

    async def call_tool(self, server: ToolServer, name: str, arguments: str) -> str:
        """The text of what a tool gives. Raises `ToolServerError`."""
        given = msgspec.json.decode(arguments, type=dict)
        async with self._connected(server) as client:
            from vivavoce.runtime.mcp_results import result_text

            result = await client.call_tool(name, given)
            text = result_text(result)
        if result.is_error:
            raise ToolServerError(McpToolError(message=text or "The tool failed."))
        return text

    @contextlib.asynccontextmanager
    async def _connected(self, server: ToolServer) -> "AsyncIterator[Client]":
        """A connection; whatever goes wrong in it is a `ToolServerError`, and in the log."""
        try:
            require_sdk()
            # It takes a second, once, in which other sessions are not to wait.
            connection = await asyncio.to_thread(import_module, CONNECTION)
            async with (
                asyncio.timeout(self._timeout_s),
                connection.connected(server, self._allowed) as client,
            ):
                yield client
        except TimeoutError as error:
            text = f"The server did not answer within {self._timeout_s:g} seconds."
            raise noted(server, ToolServerError(McpHttpError(code=504, message=text))) from error
        except ToolServerError as error:
            raise noted(server, error) from error.__cause__


def require_sdk() -> None:
    """Raises `ToolServerError` if the SDK is not installed."""
    if find_spec("mcp") is None:
        text = "This server lacks the MCP SDK. Its operator can install it: vivavoce[mcp]."
        raise ToolServerError(McpToolError(message=text))


def noted(server: ToolServer, error: ToolServerError) -> ToolServerError:
    """The error, once the log has it: without the server's path, which may hold a key."""
    host = urlsplit(server.url).hostname
    logger.warning("MCP server '%s' at %s: %s", server.label, host, error)
    return error
