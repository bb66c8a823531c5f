"""The language model against a backend that a test scripts."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import grpc
import pytest

from support.localai_backend import LocalAIBackend, fails, falls_silent, running_backend, streams
from vivavoce.engines.base import EngineError, Generated, ModelOutput, TextDelta, ToolCallDelta
from vivavoce.engines.llm.localai import LocalAIModel
from vivavoce.engines.localai.settings import BackendTimeouts
from vivavoce.protocol.prompt import FunctionTool, Message, Prompt, ToolCall

AT_ONCE = BackendTimeouts(retry_pauses=())
HELLO = Prompt(instructions="Be brief.", messages=(Message(role="user", text="Hello?"),))
WEATHER = FunctionTool(
    name="get_weather",
    description="The weather.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}},
)
WITH_TOOL = Prompt(messages=HELLO.messages, tools=(WEATHER,))
DONE = {"tokens": 3, "prompt_tokens": 12}


@asynccontextmanager
async def answering(
    behaviour: Any, **options: Any
) -> AsyncIterator[tuple[LocalAIModel, LocalAIBackend]]:
    async with running_backend(PredictStream=behaviour) as backend:
        model = LocalAIModel(backend.address, timeouts=AT_ONCE, **options)
        await asyncio.to_thread(model.load)
        try:
            yield model, backend
        finally:
            await model.close()


async def outputs_of(model: LocalAIModel, prompt: Prompt = HELLO) -> list[ModelOutput]:
    async with aclosing(model.generate(prompt)) as outputs:
        return [output async for output in outputs]


async def answer(
    *replies: dict[str, Any], prompt: Prompt = HELLO, **options: Any
) -> tuple[str, list[ModelOutput]]:
    """The text that comes of these replies, and the rest."""
    async with answering(streams("Reply", *replies), **options) as (model, _):
        outputs = await outputs_of(model, prompt)
    text = "".join(output.text for output in outputs if isinstance(output, TextDelta))
    return text, [output for output in outputs if not isinstance(output, TextDelta)]


async def request_for(prompt: Prompt, **options: Any) -> Any:
    async with answering(streams("Reply", DONE), **options) as (model, backend):
        await outputs_of(model, prompt)
    [request] = backend.requests("PredictStream")
    return request


def delta(content: str = "", **more: Any) -> dict[str, Any]:
    """A reply as backends send it that parse the answer."""
    return {"message": content.encode(), "chat_deltas": [{"content": content, **more}]}


# --- what is asked for ---------------------------------------------------------------------------


async def test_the_backend_makes_the_prompt_from_the_messages() -> None:
    prompt = Prompt(
        instructions="Be brief.",
        messages=(
            Message(role="user", text="Weather?"),
            Message(role="assistant", tool_calls=(ToolCall("call_1", "get_weather", "{}"),)),
            Message(role="tool", text="Sunny.", call_id="call_1"),
        ),
    )
    request = await request_for(prompt)
    assert (request.UseTokenizerTemplate, request.Prompt) == (True, "")
    said = [(message.role, message.content) for message in request.Messages]
    assert said == [
        ("system", "Be brief."),
        ("user", "Weather?"),
        ("assistant", ""),
        ("tool", "Sunny."),
    ]
    [call] = json.loads(request.Messages[2].tool_calls)
    assert (call["id"], call["function"]) == (
        "call_1",
        {"name": "get_weather", "arguments": "{}"},
    )
    assert request.Messages[3].tool_call_id == "call_1"


async def test_tools_and_what_to_do_with_them() -> None:
    request = await request_for(WITH_TOOL)
    [tool] = json.loads(request.Tools)
    assert tool["function"]["name"] == "get_weather"
    assert json.loads(request.ToolChoice) == "auto"
    assert (await request_for(HELLO)).Tools == ""


async def test_limits_sampling_and_thinking() -> None:
    prompt = Prompt(messages=HELLO.messages, max_output_tokens=64, temperature=0.5)
    request = await request_for(
        prompt,
        predict={"TopK": 20, "Metadata": {"mine": "yes"}},
        thinking=False,
        top_p=0.25,
        stop=["User:"],
    )
    assert (request.Tokens, request.Temperature, request.TopK) == (64, 0.5, 20)
    assert (request.TopP, list(request.StopPrompts)) == (0.25, ["User:"])
    assert request.Metadata["enable_thinking"] == "false"
    assert json.loads(request.Metadata["chat_template_kwargs"])["enable_thinking"] is False
    assert request.Metadata["mine"] == "yes"


async def test_what_nobody_says_is_as_in_localai() -> None:
    request = await request_for(HELLO)
    assert (request.Seed, request.TopK, request.Tokens) == (-1, 40, 0)
    assert (request.TypicalP, request.TopP) == (1.0, pytest.approx(0.95))
    assert dict(request.Metadata) == {}


async def test_pictures_of_the_last_message_are_sent() -> None:
    old = Message(role="user", text="And this?", images=("data:image/png;base64,b2xk",))
    new = Message(role="user", text="What is this?", images=("data:image/png;base64,bmV3",))
    request = await request_for(Prompt(messages=(old, new)))
    assert list(request.Images) == ["bmV3"]
    assert [message.content for message in request.Messages] == ["And this?", "What is this?"]


# --- what comes ----------------------------------------------------------------------------------


async def test_text_and_tokens() -> None:
    text, [end] = await answer({"message": b"Hi "}, {"message": b"there.", **DONE})
    assert text == "Hi there."
    assert end == Generated(input_tokens=12, output_tokens=3)


async def test_a_character_that_was_cut_in_two() -> None:
    data = "Grüße 🌞".encode()
    replies = [{"message": data[n : n + 1]} for n in range(len(data))]
    assert (await answer(*replies))[0] == "Grüße 🌞"


async def test_an_answer_as_long_as_it_may_be_was_cut() -> None:
    prompt = Prompt(messages=HELLO.messages, max_output_tokens=3)
    _, [end] = await answer({"message": b"And so", **DONE}, prompt=prompt)
    assert isinstance(end, Generated)
    assert end.reason == "length"


async def test_reasoning_is_not_spoken() -> None:
    assert (await answer({"message": b"<think>Hm.</think>Yes."}))[0] == "Yes."
    replies = [delta(reasoning_content="Hm."), delta("Yes.")]
    assert (await answer(*replies))[0] == "Yes."


async def test_calls_that_the_backend_found() -> None:
    def call(**fields: Any) -> dict[str, Any]:
        return delta(tool_calls=[fields])

    _, outputs = await answer(
        call(index=0, id="call_1", name="get_weather"),
        call(index=0, arguments='{"city": '),
        call(index=0, arguments='"Rome"}'),
        call(index=1, id="call_2", name="get_weather", arguments="{}"),
        DONE,
        prompt=WITH_TOOL,
    )
    calls = [output for output in outputs if isinstance(output, ToolCallDelta)]
    assert [(each.call_id, each.name) for each in calls if each.name] == [
        ("call_1", "get_weather"),
        ("call_2", "get_weather"),
    ]
    first = [each.arguments for each in calls if each.index == 0]
    assert json.loads("".join(first)) == {"city": "Rome"}


async def test_calls_that_are_written_in_the_text_are_found() -> None:
    written = b'<tool_call>{"name": "get_weather", "arguments": {"city": "Rome"}}</tool_call>'
    text, outputs = await answer({"message": written}, DONE, prompt=WITH_TOOL)
    calls = [output for output in outputs if isinstance(output, ToolCallDelta)]
    assert (text.strip(), {call.name for call in calls if call.name}) == ("", {"get_weather"})
    assert json.loads("".join(call.arguments for call in calls)) == {"city": "Rome"}


async def test_a_summary_at_the_end_is_not_said_twice() -> None:
    summary = {"chat_deltas": [{"content": "Hi there."}], **DONE}
    text, [end] = await answer(delta("Hi "), delta("there."), summary)
    assert text == "Hi there."
    assert end == Generated(input_tokens=12, output_tokens=3)


async def test_a_call_of_the_text_that_the_summary_repeats_is_made_once() -> None:
    written = '<tool_call>{"name": "get_weather", "arguments": {"city": "Rome"}}</tool_call>'
    found = {"id": "call_1", "name": "get_weather", "arguments": '{"city": "Rome"}'}
    summary = {"chat_deltas": [{"tool_calls": [found]}], **DONE}
    _, outputs = await answer(delta(written), summary, prompt=WITH_TOOL)
    assert len({each.index for each in outputs if isinstance(each, ToolCallDelta)}) == 1


async def test_deltas_without_messages_are_text() -> None:
    assert (await answer({"chat_deltas": [{"content": "Hi "}]}, delta("there.")))[0] == "Hi there."


# --- leaving early, and faults -------------------------------------------------------------------


async def test_closing_the_answer_stops_the_generation() -> None:
    replies = falls_silent("Reply", delta("Once "), delta("upon "))
    async with answering(replies) as (model, backend):
        async with aclosing(model.generate(HELLO)) as outputs:
            assert await anext(outputs) == TextDelta("Once ")
        await backend.left.wait()


async def test_cancelling_the_task_stops_the_generation() -> None:
    async with answering(falls_silent()) as (model, backend):
        async with asyncio.TaskGroup() as tasks:
            turn = tasks.create_task(outputs_of(model))
            await backend.arrived.wait()
            turn.cancel()
        await backend.left.wait()


async def test_answers_come_at_the_same_time() -> None:
    replies = streams("Reply", delta("Hi "), delta("there."))
    async with answering(replies) as (model, _), asyncio.TaskGroup() as tasks:
        turns = [tasks.create_task(outputs_of(model)) for _ in range(5)]
    for turn in turns:
        assert [each.text for each in turn.result() if isinstance(each, TextDelta)] == [
            "Hi ",
            "there.",
        ]


async def test_the_text_of_an_error_is_not_an_answer() -> None:
    said = "context is too long"
    behaviour = fails(grpc.StatusCode.INTERNAL, said, "Reply", {"message": said.encode()})
    async with answering(behaviour) as (model, _):
        with pytest.raises(EngineError, match=f"It said: {said}"):
            await anext(model.generate(HELLO))


async def test_an_error_midway_ends_the_answer() -> None:
    behaviour = fails(grpc.StatusCode.UNAVAILABLE, "gone", "Reply", delta("Once "))
    async with answering(behaviour) as (model, _):
        with pytest.raises(EngineError, match="cannot be reached"):
            await outputs_of(model)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"tools": "constrained"}, "takes no JSON schema"),
        ({"extra_body": {"a": 1}}, "set fields in predict"),
        ({"predict": {"Colour": 1}}, "PredictOptions has no field 'Colour'"),
        ({"colour": 1}, "colour"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_right(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(EngineError, match=reason) as caught:
        LocalAIModel("127.0.0.1:1", **options)
    assert caught.value.code == "invalid_configuration"
