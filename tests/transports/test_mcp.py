"""Remote MCP servers over a real socket: what is refused, and what nobody gets to see."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from support.mcp_server import bad_server, dice_server
from support.server import Event, serving

REPLIES = """
rules:
  - {when: wait, call: {tool: dice__wait}}
  - {when: look, call: {tool: dice__look}}
  - {say: Hello.}
"""
SECRETS = ("hush-token", "hush-header")


def tool(url: str, **settings: Any) -> Event:
    return {
        "type": "mcp",
        "server_label": "dice",
        "server_url": url,
        "require_approval": "never",
        **settings,
    }


def credentials() -> Event:
    return {"authorization": SECRETS[0], "headers": {"X-Key": SECRETS[1]}}


def only_file(folder: Path) -> str:
    """What stands in the one file of a folder."""
    (path,) = folder.iterdir()
    return path.read_text()


async def test_a_private_address_is_refused_with_the_name_of_the_setting() -> None:
    async with dice_server() as dice, serving() as server, server.connect() as client:
        await client.update(tools=[tool(dice.url)])
        await client.until("mcp_list_tools.failed")
        error = (await client.until("error"))["error"]
        assert "mcp_private_hosts" in error["message"]
        assert dice.headers == []


async def test_credentials_reach_the_server_and_nobody_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="vivavoce")
    settings: dict[str, Any] = {"mcp_private_hosts": ["127.0.0.1"], "trace": str(tmp_path)}
    async with dice_server() as dice:
        async with (
            serving(replies=REPLIES, **settings) as server,
            server.connect() as client,
        ):
            await client.update(output_modalities=["text"], tools=[tool(dice.url, **credentials())])
            await client.until("mcp_list_tools.completed")
            await client.say("look")
            await client.send(
                "response.create", response={"tools": [tool(dice.url, **credentials())]}
            )
            await client.until("response.mcp_call.completed")
            received = json.dumps(client.events)
        assert all(headers["authorization"] == f"Bearer {SECRETS[0]}" for headers in dice.headers)
        assert all(headers["x-key"] == SECRETS[1] for headers in dice.headers)
    for text in (received, only_file(tmp_path), caplog.text):
        assert text
        for secret in SECRETS:
            assert secret not in text


@pytest.mark.parametrize("status", [302, 307, 308])
async def test_of_a_redirect_only_scheme_and_host_are_told(
    status: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="vivavoce")

    async def elsewhere(_: web.Request) -> web.Response:
        location = "https://me:hush-user@elsewhere.example:44/hush-path/mcp?key=hush-key"
        return web.Response(status=status, headers={"Location": location})

    settings: dict[str, Any] = {"mcp_private_hosts": ["127.0.0.1"], "trace": str(tmp_path)}
    async with (
        bad_server(elsewhere) as url,
        serving(**settings) as server,
        server.connect() as client,
    ):
        await client.update(tools=[tool(f"{url}?key=hush-query")])
        error = (await client.until("error"))["error"]
        assert "https://elsewhere.example:44 " in error["message"]
        received = json.dumps(client.events)
    assert "dice" in caplog.text
    for text in (received, caplog.text, only_file(tmp_path)):
        assert "hush" not in text


async def test_an_answer_that_is_not_mcp_is_told_in_a_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def answer(request: web.Request) -> web.Response:
        asked = await request.json()
        answers = {"jsonrpc": "2.0", "id": asked.get("id"), "result": {"hush": ["hush"]}}
        return web.json_response(answers)

    async with (
        bad_server(answer) as url,
        serving(mcp_private_hosts=["127.0.0.1"]) as server,
        server.connect() as client,
    ):
        await client.update(tools=[tool(url)])
        message = (await client.until("error"))["error"]["message"]
    assert "\n" not in message
    assert "hush" not in message
    assert "pydantic" not in message


async def test_a_server_bound_to_a_client_secret_is_listed_and_stays_secret(
    tmp_path: Path,
) -> None:
    async with (
        dice_server() as dice,
        serving(mcp_private_hosts=["127.0.0.1"], trace=str(tmp_path)) as server,
    ):
        session = {"type": "realtime", "tools": [tool(dice.url, **credentials())]}
        url = f"{server.url}/realtime/client_secrets"
        async with server.http.post(url, json={"session": session}) as answer:
            body = await answer.text()
        value = json.loads(body)["value"]
        headers = {"Authorization": f"Bearer {value}"}
        async with server.connect(headers=headers) as client:
            await client.until("mcp_list_tools.completed")
            received = json.dumps(client.events)
    for text in (body, received, only_file(tmp_path)):
        for secret in SECRETS:
            assert secret not in text
    assert "/mcp" not in received


async def test_a_client_that_leaves_takes_its_calls_with_it() -> None:
    async with (
        dice_server() as dice,
        serving(replies=REPLIES, mcp_private_hosts=["127.0.0.1"]) as server,
    ):
        async with server.connect() as client:
            await client.update(output_modalities=["text"], tools=[tool(dice.url)])
            await client.until("mcp_list_tools.completed")
            await client.say("wait")
            await client.send("response.create")
            await dice.waits.wait()
        await asyncio.wait_for(dice.left.wait(), 30)
        await server.until_idle()


async def test_a_server_that_never_answers_is_given_up_and_the_session_goes_on() -> None:
    async def never(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    settings: dict[str, Any] = {"mcp_private_hosts": ["127.0.0.1"], "mcp_timeout_seconds": 0.5}
    async with (
        bad_server(never) as url,
        serving(replies=REPLIES, **settings) as server,
        server.connect() as client,
    ):
        await client.update(output_modalities=["text"], tools=[tool(url)])
        await client.until("mcp_list_tools.failed")
        error = (await client.until("error"))["error"]
        assert "did not answer within 0.5 seconds" in error["message"]
        await client.say("Hello?")
        await client.send("response.create")
        assert (await client.until("response.done"))["response"]["status"] == "completed"


@pytest.mark.parametrize(
    ("settings", "code", "param"),
    [
        ({"server_url": "ftp://dice.example"}, "invalid_value", "session.tools[0].server_url"),
        ({"server_url": "http://a:b@dice.example"}, "invalid_value", "session.tools[0].server_url"),
        ({"server_url": "http://dice\t.example"}, "invalid_value", "session.tools[0].server_url"),
        ({"server_url": "http://dice.example/\0"}, "invalid_value", "session.tools[0].server_url"),
        ({"server_url": "http://１２７.0.0.1"}, "invalid_value", "session.tools[0].server_url"),
        ({"headers": {"Host": "a"}}, "invalid_value", "session.tools[0].headers.Host"),
        ({"headers": {"a b": "c"}}, "invalid_value", "session.tools[0].headers"),
        ({"connector_id": "connector_gmail"}, "invalid_value", "session.tools[0].connector_id"),
        ({"tunnel_id": "t"}, "invalid_value", "session.tools[0].tunnel_id"),
        ({"server_label": "1"}, "invalid_value", "session.tools[0].server_label"),
        (
            {"authorization": "a", "headers": {"authorization": "b"}},
            "invalid_value",
            "session.tools[0].authorization",
        ),
        (
            {"allowed_callers": ["programmatic"]},
            "invalid_value",
            "session.tools[0].allowed_callers",
        ),
        ({"require_approval": "sometimes"}, "invalid_value", "session.tools[0].require_approval"),
        ({"headers": {"X-Key": 1}}, "invalid_type", "session.tools[0].headers.X-Key"),
    ],
)
async def test_a_field_at_fault_is_named(settings: Event, code: str, param: str) -> None:
    async with serving() as server, server.connect() as client:
        named = tool("https://dice.example", **settings)
        await client.send("session.update", session={"type": "realtime", "tools": [named]})
        error = await client.error()
        assert (error["code"], error["param"]) == (code, param)
