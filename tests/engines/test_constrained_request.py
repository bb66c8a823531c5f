import json
from typing import Any

import jsonschema
import pytest

from vivavoce.engines.llm.answer_options import NoAction
from vivavoce.engines.llm.constrained_request import (
    answer_schema,
    answering_tool,
    callable_tools,
    constrained_prompt,
)
from vivavoce.protocol.prompt import FunctionTool, Message, Prompt, ToolCall

WEATHER = FunctionTool(
    name="get_weather",
    description="The weather in a city.",
    parameters={
        "type": "object",
        "properties": {"city": {"$ref": "#/$defs/City"}},
        "required": ["city"],
        "$defs": {"City": {"type": "string"}},
    },
)
PING = FunctionTool(name="ping")
ROME = {"name": "get_weather", "arguments": {"city": "Rome"}}
HELLO = {"name": "answer", "arguments": {"message": "Hello."}}


def is_allowed(value: Any, no_action: NoAction = NoAction(), **fields: Any) -> bool:  # noqa: B008
    prompt = Prompt(**{"tools": (WEATHER, PING), **fields})
    schema = answer_schema(
        callable_tools(prompt),
        answering_tool(prompt, no_action),
        parallel=prompt.parallel_tool_calls is True,
    )
    return bool(jsonschema.Draft202012Validator(schema).is_valid(value))


def test_a_call_or_an_answer_may_be_given() -> None:
    assert is_allowed(ROME)
    assert is_allowed({"name": "ping", "arguments": {}})
    assert is_allowed(HELLO)


@pytest.mark.parametrize(
    "value",
    [
        {"name": "answer", "arguments": {}},
        {"name": "get_weather", "arguments": {"city": 7}},
        {"name": "other", "arguments": {}},
        {"name": "ping", "arguments": {"extra": 1}},
        {"name": "ping"},
        "ping",
    ],
)
def test_nothing_else_may_be_given(value: Any) -> None:
    assert not is_allowed(value)


def test_who_must_call_cannot_just_answer() -> None:
    assert not is_allowed(HELLO, tool_choice="required")
    assert is_allowed(ROME, tool_choice="required")


def test_a_forced_tool_is_the_only_choice() -> None:
    assert is_allowed(ROME, forced_tool="get_weather")
    assert not is_allowed({"name": "ping", "arguments": {}}, forced_tool="get_weather")
    assert not is_allowed(HELLO, forced_tool="get_weather")


def test_just_answering_can_be_disabled() -> None:
    assert not is_allowed(HELLO, NoAction(enabled=False))


def test_just_answering_can_be_renamed() -> None:
    assert is_allowed({**HELLO, "name": "say"}, NoAction(name="say"))


def test_a_tool_of_the_same_name_keeps_it() -> None:
    prompt = Prompt(tools=(FunctionTool(name="answer"),))
    answering = answering_tool(prompt, NoAction())
    assert answering is not None
    assert answering.name == "answer_"


def test_calls_are_an_array_where_they_may_be_parallel() -> None:
    assert is_allowed([ROME, ROME], parallel_tool_calls=True)
    assert is_allowed(HELLO, parallel_tool_calls=True)
    assert not is_allowed([HELLO], parallel_tool_calls=True)
    assert not is_allowed([], parallel_tool_calls=True)
    assert not is_allowed([ROME, ROME])


def written(**fields: Any) -> Prompt:
    prompt = Prompt(**{"tools": (WEATHER, PING), **fields})
    return constrained_prompt(prompt, answering_tool(prompt, NoAction()))


def test_the_tools_are_described_behind_the_instructions() -> None:
    prompt = written(instructions="Be kind.")
    assert prompt.instructions.startswith("Be kind.\n\n")
    for words in ("The weather in a city.", '"ping"', json.dumps({"message": "Hello!"})):
        assert words in prompt.instructions
    assert prompt.tools == ()


def test_who_may_call_nothing_is_told_of_nothing() -> None:
    assert written(instructions="Be kind.", tool_choice="none").instructions == "Be kind."


def test_calls_and_results_become_messages_that_take_turns() -> None:
    calls = (
        ToolCall("c1", "get_weather", '{"city": "Rome"}'),
        ToolCall("c2", "ping", ""),
    )
    messages = (
        Message(role="user", text="Weather?"),
        Message(role="assistant", text="One moment."),
        Message(role="assistant", tool_calls=calls),
        Message(role="tool", call_id="c1", text="sunny"),
        Message(role="tool", call_id="c2", text="pong"),
    )
    assert written(messages=messages).messages == (
        Message(role="user", text="Weather?"),
        Message(
            role="assistant",
            text=f'One moment.\n[{json.dumps(ROME)}, {{"name": "ping", "arguments": {{}}}}]',
        ),
        Message(role="user", text="The function returned: sunny\nThe function returned: pong"),
    )
