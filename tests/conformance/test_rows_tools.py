"""Tools: rows 112 to 115."""

import json
from typing import Any

import pytest

from support.cued_model import CuedModel
from support.dialect_client import Connect, DialectClient
from support.items import call_output, message
from support.orders import CALL, ITEM, WRITTEN_ANSWER, told
from support.server import Event


def function(name: str) -> Event:
    """A tool of the client's."""
    properties = {"city": {"type": "string"}}
    return {
        "type": "function",
        "name": name,
        "description": "Look it up.",
        "parameters": {"type": "object", "properties": properties, "required": ["city"]},
    }


TOOLS = [function("get_weather"), function("get_time")]


async def ask(client: DialectClient, text: str, **settings: Any) -> list[Event]:
    """Ask this of a model that has tools; gives the events of its answer."""
    await client.update(output_modalities=["text"], tools=TOOLS)
    await client.create(message(text))
    return await client.respond(**settings)


def calls_of(done: Event) -> list[tuple[str, str]]:
    """The calls of a response: names and cities."""
    return [
        (item["name"], json.loads(item["arguments"])["city"])
        for item in done["response"]["output"]
        if item["type"] == "function_call"
    ]


async def test_row_112_a_function_call_is_told_in_order(connect: Connect) -> None:
    async with connect(llm=CuedModel()) as client:
        events = await ask(client, "the weather in london")
        assert told(events) == CALL.of(client.dialect)
        (arguments,) = client.of("response.function_call_arguments.done")
        (closed,) = client.of("response.output_item.done")
        deltas = client.of("response.function_call_arguments.delta")
        assert json.loads(arguments["arguments"]) == {"city": "London"}
        assert "".join(event["delta"] for event in deltas) == arguments["arguments"]
        assert closed["item"]["arguments"] == arguments["arguments"]
        assert (closed["item"]["name"], closed["item"]["status"]) == ("get_weather", "completed")
        assert arguments.get("name") == (None if client.beta else "get_weather")
        ids = {event["call_id"] for event in (*deltas, arguments, closed["item"])}
        assert len(ids) == 1


async def test_row_112_a_call_begins_without_arguments(connect: Connect) -> None:
    async with connect(llm=CuedModel()) as client:
        await ask(client, "the weather in london")
        (opened,) = client.of("response.output_item.added")
        assert (opened["item"]["status"], opened["item"]["arguments"]) == ("in_progress", "")


async def test_row_112_the_output_of_a_call_is_answered_when_it_is_asked_for(
    connect: Connect,
) -> None:
    async with connect(llm=CuedModel()) as client:
        *_, done = await ask(client, "the weather in london")
        (call,) = done["response"]["output"]
        await client.create(call_output(call["call_id"], "foggy"))
        await client.nothing_new()
        events = await client.respond()
        assert told(events) == WRITTEN_ANSWER.of(client.dialect)
        text = events[-1]["response"]["output"][0]["content"][0]["text"]
        assert text == "In London it is foggy."


async def test_row_113_an_early_output_appears_behind_the_response(connect: Connect) -> None:
    model = CuedModel()
    async with connect(llm=model) as client:
        await client.update(tools=TOOLS)
        await client.create(message("carefully"))
        await client.send("response.create")
        call = (await client.until("response.function_call_arguments.delta"))["call_id"]
        await client.send("conversation.item.create", item=call_output(call, "foggy"))
        await client.nothing_new()
        model.cue.set()
        await client.until("response.done")
        shown = [await client.next() for _ in ITEM.of(client.dialect)]
        assert told(shown) == ITEM.of(client.dialect)
        assert {event["item"]["call_id"] for event in shown} == {call}


@pytest.mark.parametrize(
    ("choice", "calls"),
    [
        ("none", []),
        ("auto", []),
        ("required", ["get_weather"]),
        ({"type": "function", "name": "get_time"}, ["get_time"]),
    ],
    ids=["none", "auto", "required", "named"],
)
async def test_row_114_a_tool_choice_is_obeyed(
    connect: Connect, choice: Any, calls: list[str]
) -> None:
    async with connect(llm=CuedModel()) as client:
        *_, done = await ask(client, "good morning", tool_choice=choice)
        assert done["response"]["status"] == "completed"
        assert [name for name, _ in calls_of(done)] == calls


async def test_row_114_a_call_can_be_forbidden(connect: Connect) -> None:
    async with connect(llm=CuedModel()) as client:
        *_, done = await ask(client, "the weather in london", tool_choice="none")
        (item,) = done["response"]["output"]
        assert item["content"][0]["text"] == "I heard: the weather in london."


async def test_row_115_parallel_calls_are_told_apart(connect: Connect) -> None:
    async with connect(llm=CuedModel()) as client:
        *_, done = await ask(client, "both")
        assert calls_of(done) == [("get_weather", "Rome"), ("get_weather", "Oslo")]
        arguments = client.of("response.function_call_arguments.done")
        closed = client.of("response.output_item.done")
        for events in (client.of("response.output_item.added"), arguments, closed):
            assert [event["output_index"] for event in events] == [0, 1]
        call_ids = [event["call_id"] for event in arguments]
        assert len(set(call_ids)) == 2
        assert [event["item"]["call_id"] for event in closed] == call_ids
        assert [item["call_id"] for item in done["response"]["output"]] == call_ids
        for event in client.of("response.function_call_arguments.delta"):
            assert event["call_id"] == call_ids[event["output_index"]]
