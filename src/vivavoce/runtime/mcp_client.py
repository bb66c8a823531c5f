"""Remote MCP servers, through the official SDK over streamable HTTP.

Every listing and every call has a connection of its own, opened and closed in the task that needs
it. That costs the round trips in which both agree on a version, and buys that a session holds
nothing open while people talk, that a server may restart between two calls, and that cancelling a
job leaves nothing behind.

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

from vivavoce.protocol.items import McpListedTool, McpToolError
from vivavoce.protocol.tools import ToolServer
from vivavoce.runtime.addresses import AllowedAddresses
from vivavoce.runtime.ports import ToolServerError
from vivavoce.runtime.scrubbing import scrubbed

if TYPE_CHECKING:
    from mcp import Client

logger = logging.getLogger(__name__)

CONNECTION = "vivavoce.runtime.mcp_connection"

MAX_LISTING = 512 * 1024
"""Bytes that are read for one listing, over all pages of it. It is parsed and checked on the event
loop, and most of it is for the model to read."""

MAX_CALL = 4 * 1024 * 1024
"""Bytes that are read for one call."""


class McpClient:
    """Asks MCP servers. `timeout_s` is for each listing and each call, in seconds."""

    def __init__(self, *, timeout_s: float = 30.0, allowed: AllowedAddresses | None = None) -> None:
        self._timeout_s = timeout_s
        self._allowed = allowed or AllowedAddresses()

    async def list_tools(self, server: ToolServer) -> tuple[McpListedTool, ...]:
        """All tools of a server, page by page. Raises `ToolServerError`."""
        async with self._connected(server, MAX_LISTING) as client:
            from vivavoce.runtime.mcp_requests import tools_of

            return await tools_of(client)

    async def call_tool(self, server: ToolServer, name: str, arguments: str) -> str:
        """The text of what a tool gives. Raises `ToolServerError`."""
        given = msgspec.json.decode(arguments, type=dict)
        async with self._connected(server, MAX_CALL) as client:
            from vivavoce.runtime.mcp_requests import result_of_call
            from vivavoce.runtime.mcp_results import result_text

            result = await result_of_call(client, name, given)
            text = result_text(result)
        if result.is_error:
            error = ToolServerError(McpToolError(message=text or "The tool failed."))
            raise noted(server, error)
        return text

    @contextlib.asynccontextmanager
    async def _connected(self, server: ToolServer, most_bytes: int) -> "AsyncIterator[Client]":
        """A connection; whatever goes wrong in it is a `ToolServerError`, and in the log."""
        try:
            require_sdk()
            # It takes a second, once, in which other sessions are not to wait.
            connection = await asyncio.to_thread(import_module, CONNECTION)
            async with connection.connected(
                server, self._allowed, timeout_s=self._timeout_s, most_bytes=most_bytes
            ) as client:
                yield client
        except ToolServerError as error:
            raise noted(server, error) from error.__cause__


def require_sdk() -> None:
    """Raises `ToolServerError` if the SDK is not installed."""
    if find_spec("mcp") is None:
        text = "This server lacks the MCP SDK. Its operator can install it: vivavoce[mcp]."
        raise ToolServerError(McpToolError(message=text))


def noted(server: ToolServer, error: ToolServerError) -> ToolServerError:
    """The error as it may be shown, once the log has its kind: the words are a stranger's."""
    told = scrubbed(error.error, server)
    kind = str(told.__struct_config__.tag)
    code = "" if isinstance(told, McpToolError) else f" {told.code}"
    host = urlsplit(server.url).hostname
    logger.warning("MCP server %r at %r: %s%s", server.label, host, kind, code)
    return ToolServerError(told)
