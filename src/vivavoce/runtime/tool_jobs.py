"""The work that MCP servers do for one session."""

import asyncio

from vivavoce.runtime.concealed import Concealment
from vivavoce.runtime.ports import ToolServerError, ToolServers
from vivavoce.session.inputs import AnyInput, ToolReturned, ToolServerFailed, ToolsListed
from vivavoce.session.outputs import CallTool, ListTools

MAX_AT_WORK = 8
"""Listings and calls of a session that run at a time; others wait, before their time limit runs."""


class ToolJobs:
    """Listings and calls, each of which ends with one result."""

    def __init__(self, servers: ToolServers, concealment: Concealment) -> None:
        self._servers = servers
        self._concealment = concealment
        self._places = asyncio.Semaphore(MAX_AT_WORK)

    async def list_tools(self, command: ListTools) -> AnyInput:
        """Ask a server for its tools."""
        server = self._concealment.revealed(command.server)
        try:
            async with self._places:
                tools = await self._servers.list_tools(server)
        except ToolServerError as error:
            return ToolServerFailed(command.job, error.error)
        return ToolsListed(command.job, tools)

    async def call_tool(self, command: CallTool) -> AnyInput:
        """Call a tool."""
        server = self._concealment.revealed(command.server)
        try:
            async with self._places:
                output = await self._servers.call_tool(server, command.name, command.arguments)
        except ToolServerError as error:
            return ToolServerFailed(command.job, error.error)
        return ToolReturned(command.job, output)
