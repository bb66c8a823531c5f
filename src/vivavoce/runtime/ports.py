"""What the shell needs of the world outside: of connections, and of MCP servers."""

from typing import Protocol

from vivavoce.protocol.items import McpError, McpListedTool
from vivavoce.protocol.server_events import ServerEvent
from vivavoce.protocol.tools import ToolServer


class Connection(Protocol):
    """One client's connection. Neither method waits."""

    def send(self, event: ServerEvent) -> None:
        """Queue an event. A connection whose queue is full ends instead."""

    def close(self, code: int, reason: str) -> None:
        """Close, once what is queued was sent."""


class ToolServerError(Exception):
    """An MCP server gave an error, or none of what it was asked; `error` is for the client."""

    def __init__(self, error: McpError) -> None:
        super().__init__(error.message)
        self.error = error


class ToolServers(Protocol):
    """Remote MCP servers. Cancelling the task that awaits an answer stops the work."""

    async def list_tools(self, server: ToolServer) -> tuple[McpListedTool, ...]:
        """All tools of a server. Raises `ToolServerError`."""
        ...

    async def call_tool(self, server: ToolServer, name: str, arguments: str) -> str:
        """What a tool gives for these arguments, a JSON object. Raises `ToolServerError`."""
        ...
