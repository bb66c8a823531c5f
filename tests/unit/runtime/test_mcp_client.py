"""Listing and calling tools of a real MCP server, and what its failures are to a client."""

import asyncio
import json
import logging

import pytest
from aiohttp import web

from support.mcp_server import bad_server, dice_server
from vivavoce.protocol.items import McpError, McpHttpError, McpProtocolError, McpToolError
from vivavoce.protocol.tools import ToolServer
from vivavoce.runtime.addresses import AllowedAddresses
from vivavoce.runtime.mcp_client import McpClient
from vivavoce.runtime.mcp_results import MAX_TEXT
from vivavoce.runtime.ports import ToolServerError

LOOPBACK = AllowedAddresses(["127.0.0.1"])
CLIENT = McpClient(allowed=LOOPBACK)


def at(url: str, **more: object) -> ToolServer:
    return ToolServer(label="dice", url=url, **more)  # type: ignore[arg-type]


async def listing_error(url: str, client: McpClient = CLIENT) -> McpError:
    """Why the tools at this URL cannot be listed."""
    with pytest.raises(ToolServerError) as failed:
        await client.list_tools(at(url))
    return failed.value.error


async def call_error(url: str, name: str, arguments: str, client: McpClient = CLIENT) -> McpError:
    """Why a call fails."""
    with pytest.raises(ToolServerError) as failed:
        await client.call_tool(at(url), name, arguments)
    return failed.value.error


@pytest.mark.parametrize("json_response", [False, True])
async def test_tools_are_listed_with_schema_and_annotations(json_response: bool) -> None:
    async with dice_server(json_response=json_response) as dice:
        tools = {tool.name: tool for tool in await CLIENT.list_tools(at(dice.url))}
    assert tools["roll"].description == "Rolls a die."
    assert tools["roll"].input_schema["properties"]["sides"]["type"] == "integer"
    assert tools["look"].description == ""
    assert tools["look"].only_reads
    assert not tools["roll"].only_reads


async def test_a_tool_is_called_with_its_arguments() -> None:
    async with dice_server() as dice:
        assert "shows 20" in await CLIENT.call_tool(at(dice.url), "roll", '{"sides": 20}')
        assert dice.rolled == [20]


async def test_the_credentials_go_with_every_request() -> None:
    async with dice_server() as dice:
        given = at(dice.url, authorization="hush", headers=(("x-key", "hush too"),))
        await CLIENT.call_tool(given, "look", "{}")
        assert dice.headers
        for headers in dice.headers:
            assert headers["authorization"] == "Bearer hush"
            assert headers["x-key"] == "hush too"


async def test_a_tool_that_raises_is_a_tool_execution_error() -> None:
    async with dice_server() as dice:
        error = await call_error(dice.url, "drop", "{}")
    assert isinstance(error, McpToolError)
    assert "drop" in error.message


async def test_a_tool_that_does_not_exist_is_an_error_of_the_server() -> None:
    async with dice_server() as dice:
        error = await call_error(dice.url, "fly", "{}")
    assert isinstance(error, McpToolError | McpProtocolError)
    assert "fly" in error.message


async def test_a_long_output_is_cut_and_says_so() -> None:
    async with dice_server() as dice:
        text = await CLIENT.call_tool(
            at(dice.url), "talk", json.dumps({"characters": MAX_TEXT + 5})
        )
    assert text.endswith("\n[5 more characters are left out]")


async def test_an_answer_without_end_is_not_read_to_it() -> None:
    async with dice_server() as dice:
        error = await call_error(dice.url, "talk", '{"characters": 5000000}')
    assert isinstance(error, McpToolError)
    assert error.message == "The answer has more than 4194304 bytes."


async def test_a_cancelled_call_leaves_the_server() -> None:
    async with dice_server() as dice, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(CLIENT.call_tool(at(dice.url), "wait", "{}"))
        await dice.waits.wait()
        call.cancel()
        await asyncio.wait_for(dice.left.wait(), 30)


@pytest.mark.parametrize("status", [401, 404, 500])
async def test_an_error_of_http_has_its_status(status: int) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"error": "no"}, status=status)

    async with bad_server(answer) as url:
        error = await listing_error(url)
    text = f"The server answered with the HTTP status {status}."
    assert error == McpHttpError(code=status, message=text)


async def test_an_error_of_json_rpc_has_its_code() -> None:
    async def answer(request: web.Request) -> web.Response:
        error = {"code": -32001, "message": "Closed on Sundays."}
        return web.json_response({"jsonrpc": "2.0", "id": None, "error": error}, status=400)

    async with bad_server(answer) as url:
        error = await listing_error(url)
    assert error == McpProtocolError(code=-32001, message="Closed on Sundays.")


@pytest.mark.parametrize("content_type", ["application/json", "text/html", "text/event-stream"])
async def test_garbage_is_a_protocol_error(content_type: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text="Hello!", content_type=content_type)

    async with bad_server(answer) as url:
        assert isinstance(await listing_error(url), McpProtocolError)


async def test_a_packed_answer_is_not_unpacked() -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.headers["Accept-Encoding"] == "identity"
        packed = web.Response(text=" " * 20_000_000, content_type="application/json")
        packed.enable_compression(web.ContentCoding.gzip)
        return packed

    async with bad_server(answer) as url:
        assert isinstance(await listing_error(url), McpProtocolError)


async def test_a_redirect_to_elsewhere_is_not_followed() -> None:
    async def answer(request: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect("http://elsewhere.example/mcp")

    async with bad_server(answer) as url:
        error = await listing_error(url)
    assert "elsewhere.example" in error.message


async def test_a_server_that_is_not_there_cannot_be_reached() -> None:
    error = await listing_error("http://127.0.0.1:9/mcp")
    assert isinstance(error, McpHttpError)
    assert error.code == 502


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1"])
async def test_this_machine_is_refused_unless_it_is_allowed(host: str) -> None:
    error = await listing_error(f"http://{host}:9/mcp", McpClient())
    assert isinstance(error, McpHttpError)
    assert error.code == 403
    assert "mcp_private_hosts" in error.message


async def test_a_name_is_reached_at_the_address_that_was_checked() -> None:
    by_name = McpClient(allowed=AllowedAddresses(["localhost"]))
    async with dice_server() as dice:
        url = dice.url.replace("127.0.0.1", "localhost")
        assert await by_name.call_tool(at(url), "look", "{}") == "It is a die."
        port = url.split(":")[2].split("/")[0]
        assert dice.headers[-1]["host"] == f"localhost:{port}"


async def test_a_header_that_is_none_is_said_to_be_without_being_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with dice_server() as dice:
        for value in ("hush\r\nx: y", "hüsh"):
            with pytest.raises(ToolServerError) as failed:
                await CLIENT.list_tools(at(dice.url, headers=(("x-key", value),)))
            assert "header" in str(failed.value)
            assert value not in str(failed.value)
    assert "hush" not in caplog.text


async def test_without_the_sdk_the_operator_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vivavoce.runtime.mcp_client.find_spec", lambda _: None)
    error = await listing_error("https://dice.example/mcp")
    assert "vivavoce[mcp]" in error.message
