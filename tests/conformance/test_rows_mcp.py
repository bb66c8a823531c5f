"""Protocol 9, rows 116 to 119: remote MCP servers, with a real one."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from support.mcp_server import DiceServer, dice_server
from support.server import Client, Event, serving

REPLIES = """
rules:
  - when: roll
    call: {tool: dice__roll, arguments: {sides: 6}}
  - {when: break, call: {tool: dice__drop}}
  - {event: tool_result, say: "It says: {result}"}
  - {say: Hello.}
"""


@contextlib.asynccontextmanager
async def at_the_table(**settings: Any) -> AsyncIterator[tuple[Client, DiceServer]]:
    """A client whose session has a real server's tools, all listed."""
    async with (
        dice_server() as dice,
        serving(replies=REPLIES, mcp_private_hosts=["127.0.0.1"]) as server,
        server.connect() as client,
    ):
        await client.update(output_modalities=["text"], tools=[tool(dice.url, **settings)])
        await client.until("mcp_list_tools.completed")
        await done(client, "mcp_list_tools")
        yield client, dice


def tool(url: str, **settings: Any) -> Event:
    return {"type": "mcp", "server_label": "dice", "server_url": url, **settings}


async def done(client: Client, kind: str) -> Event:
    """The item of the next `conversation.item.done` of this type."""
    while True:
        event = await client.until("conversation.item.done")
        if event["item"]["type"] == kind:
            item: Event = event["item"]
            return item


async def about(client: Client, item_id: str) -> list[str]:
    """The events about an item that is part of a response, in order, up to its last."""

    def closed() -> bool:
        return any(e["item"]["id"] == item_id for e in client.of("response.output_item.done"))

    while not closed():
        await client.until("response.output_item.done")
    return [
        event["type"]
        for event in client.events
        if item_id in (event.get("item_id"), event.get("item", {}).get("id"))
    ]


def end_of_call(how: str) -> list[str]:
    """The last events of a call."""
    return [f"response.mcp_call.{how}", "conversation.item.done", "response.output_item.done"]


async def asks(client: Client, text: str) -> list[Event]:
    """A user's message and the response to it."""
    await client.say(text)
    await client.send("response.create")
    return await client.all_until("response.done")


async def answers(client: Client, request: Event, *, approve: bool) -> None:
    answer = {
        "type": "mcp_approval_response",
        "approval_request_id": request["id"],
        "approve": approve,
    }
    item = answer if approve else {**answer, "reason": "No gambling."}
    await client.send("conversation.item.create", previous_item_id=request["id"], item=item)


async def test_row_116_tools_are_listed() -> None:
    async with at_the_table() as (client, _):
        kinds = client.kinds()
        assert kinds[1:] == [
            "session.updated",
            "conversation.item.added",
            "mcp_list_tools.in_progress",
            "mcp_list_tools.completed",
            "conversation.item.done",
        ]
        item = client.events[-1]["item"]
        assert item["server_label"] == "dice"
        assert [each["name"] for each in item["tools"]] == ["roll", "look", "drop", "wait", "talk"]
        assert all(isinstance(each["description"], str) for each in item["tools"])
        assert item["tools"][1]["annotations"] == {"readOnlyHint": True}


async def test_row_116_a_listing_that_fails_says_so() -> None:
    async with (
        serving(mcp_private_hosts=["127.0.0.1"]) as server,
        server.connect() as client,
    ):
        await client.update(tools=[tool("http://127.0.0.1:9/mcp")])
        await client.until("mcp_list_tools.failed")
        assert (await done(client, "mcp_list_tools"))["tools"] == []
        error = await client.error()
        assert error["code"] == "mcp_list_tools_failed"
        assert "cannot be reached" in error["message"]
        await client.say("Hello?")
        await client.send("response.create")
        assert (await client.until("response.done"))["response"]["status"] == "completed"


async def test_row_117_a_call_that_needs_no_approval_runs_by_itself() -> None:
    async with at_the_table(require_approval="never") as (client, dice):
        await asks(client, "roll the die")
        call = next(
            event["item"]
            for event in client.of("response.output_item.added")
            if event["item"]["type"] == "mcp_call"
        )
        assert (await about(client, call["id"]))[-3:] == end_of_call("completed")
        assert dice.rolled == [6]
        delta = client.of("response.mcp_call_arguments.delta")[0]
        assert delta["obfuscation"]
        (whole,) = client.of("response.mcp_call_arguments.done")
        assert whole["item_id"] == call["id"]
        finished = client.of("response.output_item.done")[-1]["item"]
        assert finished["output"] == "A die with 6 sides shows 6."
        assert finished["error"] is None
        await client.nothing_new()
        assert len(client.of("response.created")) == 1
        await client.send("response.create")
        (said,) = (await client.until("response.done"))["response"]["output"]
        assert said["content"][0]["text"] == "It says: A die with 6 sides shows 6."


async def test_row_118_an_approved_call_runs() -> None:
    async with at_the_table() as (client, dice):
        events = await asks(client, "roll the die")
        (request,) = (
            event["item"]
            for event in events
            if event["type"] == "conversation.item.done"
            and event["item"]["type"] == "mcp_approval_request"
        )
        assert (request["name"], request["arguments"]) == ("roll", '{"sides": 6}')
        assert dice.rolled == []
        await answers(client, request, approve=True)
        await client.until("response.mcp_call.in_progress")
        call = await done(client, "mcp_call")
        assert (await about(client, call["id"]))[-3:] == end_of_call("completed")
        assert call["approval_request_id"] == request["id"]
        assert call["output"] == "A die with 6 sides shows 6."
        assert dice.rolled == [6]


async def test_row_118_a_call_that_is_not_approved_never_runs() -> None:
    async with at_the_table() as (client, dice):
        await asks(client, "roll the die")
        request = next(
            event["item"]
            for event in client.of("conversation.item.done")
            if event["item"]["type"] == "mcp_approval_request"
        )
        await answers(client, request, approve=False)
        await client.until("response.mcp_call.failed")
        call = await done(client, "mcp_call")
        assert call["error"] == {
            "type": "tool_execution_error",
            "message": "The call was not approved. No gambling.",
        }
        assert call["output"] is None
        assert (await about(client, call["id"]))[-3:] == end_of_call("failed")
        assert dice.rolled == []


async def test_row_117_a_tool_that_fails_gives_a_tool_execution_error() -> None:
    async with at_the_table(require_approval="never") as (client, _):
        await asks(client, "break it")
        added = client.of("response.output_item.added")
        (call,) = (e["item"] for e in added if e["item"]["type"] == "mcp_call")
        assert (await about(client, call["id"]))[-3:] == end_of_call("failed")
        call = client.of("response.output_item.done")[-1]["item"]
        assert call["error"]["type"] == "tool_execution_error"
        assert call["output"] is None


async def test_row_119_a_label_that_is_used_twice_is_refused() -> None:
    async with serving() as server, server.connect() as client:
        tools = [tool("https://dice.example"), tool("https://cards.example")]
        await client.send("session.update", session={"type": "realtime", "tools": tools})
        error = await client.error()
        assert (error["type"], error["code"]) == ("invalid_request_error", "invalid_value")
        assert error["param"] == "session.tools[1].server_label"
        assert "'dice'" in error["message"]
        assert (await client.update(instructions="Be brief."))["session"]["tools"] == []
