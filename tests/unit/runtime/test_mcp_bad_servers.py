"""MCP servers that mean harm, or only answer half of what they are asked."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from mcp_types import HEADER_MISMATCH

from support.mcp_server import bad_server
from vivavoce.protocol.items import McpHttpError, McpToolError
from vivavoce.protocol.tools import ToolServer
from vivavoce.runtime import mcp_connection
from vivavoce.runtime.addresses import AllowedAddresses
from vivavoce.runtime.mcp_client import MAX_LISTING, McpClient
from vivavoce.runtime.ports import ToolServerError

CLIENT = McpClient(allowed=AllowedAddresses(["127.0.0.1"]))
SESSION = {"mcp-session-id": "s1"}


def tool(**more: Any) -> dict[str, Any]:
    return {"name": "roll", "inputSchema": {"type": "object"}, **more}


def rolled(**more: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": "It shows 6."}], **more}


@dataclass
class OldServer:
    """A server of an older protocol version, which keeps a session for each connection.

    `gives` has the result of each method, or an error of JSON-RPC as an exception; what is in
    `hangs`, also a verb of HTTP, is never answered.
    """

    gives: dict[str, Any] = field(default_factory=dict)
    hangs: tuple[str, ...] = ()
    asked: list[str] = field(default_factory=list)
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when something is not answered."""
    goodbyes: list[str] = field(default_factory=list)
    """The sessions that were ended."""

    async def answer(self, request: web.Request) -> web.Response:
        if request.method == "DELETE":
            self.goodbyes.append(request.headers["mcp-session-id"])
            await self._reached("DELETE")
            return web.Response()
        if request.method != "POST":
            return web.Response(status=405)
        message = await request.json()
        method = message["method"]
        await self._reached(method)
        if "id" not in message:
            return web.Response(status=202)
        self.asked.append(method)
        reply = {"jsonrpc": "2.0", "id": message["id"], **self._outcome(method, message)}
        return web.json_response(reply, headers=SESSION)

    async def _reached(self, what: str) -> None:
        if what in self.hangs:
            self.hanging.set()
            await asyncio.Event().wait()

    def _outcome(self, method: str, message: dict[str, Any]) -> dict[str, Any]:
        if method == "initialize":
            about = {"capabilities": {"tools": {}}, "serverInfo": {"name": "dice", "version": "1"}}
            version = message["params"]["protocolVersion"]
            return {"result": {"protocolVersion": version, **about}}
        if method not in self.gives:
            return {"error": {"code": -32601, "message": "Method not found"}}
        given = self.gives[method]
        given = given.pop(0) if isinstance(given, list) else given
        return {"error": given} if "code" in given else {"result": given}


async def called(server: OldServer) -> str:
    """What a call of the tool gives."""
    async with bad_server(server.answer) as url:
        return await CLIENT.call_tool(ToolServer(label="dice", url=url), "roll", "{}")


async def test_an_output_is_not_held_against_the_servers_own_schema() -> None:
    """This pattern takes twice as long with every letter, on the loop of all sessions."""
    schema = {"type": "object", "properties": {"x": {"type": "string", "pattern": "^(a+)+$"}}}
    server = OldServer(
        {
            "tools/list": {"tools": [tool(outputSchema=schema)]},
            "tools/call": rolled(structuredContent={"x": "a" * 18 + "!"}),
        }
    )
    assert await called(server) == "It shows 6."


async def test_a_call_is_one_request_and_needs_no_listing() -> None:
    busy = {"code": -32000, "message": "Busy."}
    server = OldServer({"tools/list": busy, "tools/call": rolled()})
    assert await called(server) == "It shows 6."
    assert server.asked == ["server/discover", "initialize", "tools/call"]


async def test_a_call_that_lacks_headers_is_made_again_behind_a_listing() -> None:
    lacking = {"code": HEADER_MISMATCH, "message": "A header is missing."}
    server = OldServer({"tools/list": {"tools": [tool()]}, "tools/call": [lacking, rolled()]})
    assert await called(server) == "It shows 6."
    assert server.asked[2:] == ["tools/call", "tools/list", "tools/call"]


async def test_a_session_on_the_server_is_ended() -> None:
    server = OldServer({"tools/call": rolled()})
    await called(server)
    assert server.goodbyes == ["s1"]


async def test_a_result_is_not_lost_to_a_server_that_does_not_say_goodbye(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may take longer than the call: what was asked for is there."""
    monkeypatch.setattr(mcp_connection, "GOODBYE_S", 0.1)
    server = OldServer({"tools/call": rolled()}, hangs=("DELETE",))
    assert await asyncio.wait_for(called(server), 30) == "It shows 6."
    assert server.hanging.is_set()


async def test_the_time_limit_holds_for_a_server_that_answers_nothing_any_more() -> None:
    hasty = McpClient(timeout_s=0.5, allowed=AllowedAddresses(["127.0.0.1"]))
    server = OldServer(hangs=("tools/call", "DELETE", "notifications/cancelled"))
    async with bad_server(server.answer) as url:
        call = hasty.call_tool(ToolServer(label="dice", url=url), "roll", "{}")
        with pytest.raises(ToolServerError) as failed:
            await asyncio.wait_for(call, 30)
    text = "The server did not answer within 0.5 seconds."
    assert failed.value.error == McpHttpError(code=504, message=text)


async def test_a_cancelled_call_waits_for_nothing_more() -> None:
    server = OldServer(hangs=("tools/call", "DELETE", "notifications/cancelled"))
    async with bad_server(server.answer) as url, asyncio.TaskGroup() as tasks:
        asked = CLIENT.call_tool(ToolServer(label="dice", url=url), "roll", "{}")
        call = tasks.create_task(asked)
        await server.hanging.wait()
        call.cancel()
        await asyncio.wait_for(asyncio.wait([call]), 30)
    assert call.cancelled()
    assert server.goodbyes == []


async def test_a_long_listing_is_not_read_to_its_end() -> None:
    server = OldServer({"tools/list": {"tools": [tool(description="x" * MAX_LISTING)]}})
    async with bad_server(server.answer) as url:
        with pytest.raises(ToolServerError) as failed:
            await CLIENT.list_tools(ToolServer(label="dice", url=url))
    text = f"The answer has more than {MAX_LISTING} bytes."
    assert failed.value.error == McpToolError(message=text)


async def test_the_log_has_the_kind_of_an_error_and_none_of_its_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    words = "hush\nWARNING all is lost"
    gives = {"tools/call": {"code": -32000, "message": words}}
    failing = OldServer(gives), OldServer({"tools/call": {"content": [], "isError": True}})
    for server in failing:
        with pytest.raises(ToolServerError):
            await called(server)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("vivavoce")]
    assert ours == [
        "MCP server 'dice' at '127.0.0.1': protocol_error -32000",
        "MCP server 'dice' at '127.0.0.1': tool_execution_error",
    ]
