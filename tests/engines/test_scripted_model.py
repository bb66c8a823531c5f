"""The engine: streaming, limits, times, failures; and the conversation that is built in."""

import asyncio
import json
import re
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.virtual_time import run_in_virtual_time
from vivavoce.engines.base import EngineError, Generated, ModelOutput, TextDelta, ToolCallDelta
from vivavoce.engines.llm.reply_script import ReplyScriptError
from vivavoce.engines.llm.scripted import ScriptedModel
from vivavoce.protocol.prompt import INAUDIBLE, FunctionTool, Message, Prompt, ToolCall

WEATHER = FunctionTool(
    name="get_weather",
    description="Get the current weather.",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
)


@pytest.fixture
def built_in() -> ScriptedModel:
    model = ScriptedModel(clock=lambda: datetime(2026, 3, 1, 14, 5))
    model.load()
    return model


def scripted(folder: Path, script: str) -> ScriptedModel:
    path = folder / "replies.yaml"
    path.write_text(script, "utf-8")
    model = ScriptedModel.from_spec(str(path))
    model.load()
    return model


def asked(*texts: str) -> Prompt:
    """A prompt with these messages, by the user and the assistant in turn."""
    roles = ("user", "assistant") * len(texts)
    return Prompt(messages=tuple(map(message, roles, texts)))


def message(role: str, text: str) -> Message:
    return Message(role="user" if role == "user" else "assistant", text=text)


async def collect(model: ScriptedModel, prompt: Prompt) -> list[ModelOutput]:
    async with aclosing(model.generate(prompt)) as outputs:
        return [output async for output in outputs]


def text_of(outputs: list[ModelOutput]) -> str:
    return "".join(output.text for output in outputs if isinstance(output, TextDelta))


# --- the engine --------------------------------------------------------------------------------


async def test_words_are_streamed_one_by_one_and_join_exactly(tmp_path: Path) -> None:
    text = "One  two,\nthree — four. "
    model = scripted(tmp_path, json.dumps({"rules": [{"say": text}]}))
    outputs = await collect(
        model, Prompt(instructions="Be brief.", messages=(message("user", "Hi you."),))
    )
    assert outputs == [
        TextDelta("One"),
        TextDelta("  two,"),
        TextDelta("\nthree"),
        TextDelta(" —"),
        TextDelta(" four. "),
        Generated(input_tokens=4, output_tokens=5),
    ]


async def test_calls_stream_their_arguments_behind_the_text(tmp_path: Path) -> None:
    model = scripted(
        tmp_path,
        "rules: [{say: Wait., call: [{tool: get_weather, arguments: {city: Rome}}, {tool: ping}]}]",
    )
    prompt = Prompt(messages=(message("user", "go"),), tools=(WEATHER, FunctionTool(name="ping")))
    assert await collect(model, prompt) == [
        TextDelta("Wait."),
        ToolCallDelta(index=0, name="get_weather", arguments='{"'),
        ToolCallDelta(index=0, arguments="city"),
        ToolCallDelta(index=0, arguments='":'),
        ToolCallDelta(index=0, arguments=' "'),
        ToolCallDelta(index=0, arguments="Rome"),
        ToolCallDelta(index=0, arguments='"}'),
        ToolCallDelta(index=1, name="ping", arguments="{}"),
        Generated(input_tokens=1, output_tokens=8),
    ]


@pytest.mark.parametrize(
    "arguments",
    [{"city": '  Saint-Denis \n"sur Loire" '}, {"n": [-1.5e-7, None], "é": {"": "…"}}, {"a": " "}],
)
async def test_streamed_arguments_join_exactly(tmp_path: Path, arguments: dict[str, Any]) -> None:
    rule = {"call": {"tool": "ping", "arguments": arguments}}
    model = scripted(tmp_path, json.dumps({"rules": [rule]}))
    prompt = Prompt(messages=(message("user", "go"),), tools=(FunctionTool(name="ping"),))
    *pieces, end = await collect(model, prompt)
    calls = [each for each in pieces if isinstance(each, ToolCallDelta)]
    assert [each.name for each in calls] == ["ping"] + [None] * (len(calls) - 1)
    assert "".join(each.arguments for each in calls) == json.dumps(arguments, ensure_ascii=False)
    assert end == Generated(input_tokens=1, output_tokens=len(calls))


async def test_the_limit_cuts_a_call_in_its_arguments(tmp_path: Path) -> None:
    model = scripted(tmp_path, "rules: [{call: {tool: ping, arguments: {a: 1}}}]")
    prompt = Prompt(
        messages=(message("user", "go"),), tools=(FunctionTool(name="ping"),), max_output_tokens=3
    )
    assert await collect(model, prompt) == [
        ToolCallDelta(index=0, name="ping", arguments='{"'),
        ToolCallDelta(index=0, arguments="a"),
        ToolCallDelta(index=0, arguments='":'),
        Generated(reason="length", input_tokens=1, output_tokens=3),
    ]


@pytest.mark.parametrize(("limit", "reason"), [(1, "length"), (2, "length"), (3, "stop")])
async def test_the_limit_cuts_the_answer(tmp_path: Path, limit: int, reason: str) -> None:
    model = scripted(tmp_path, "rules: [{say: one two three}]")
    prompt = Prompt(messages=(message("user", "go"),), max_output_tokens=limit)
    outputs = await collect(model, prompt)
    assert text_of(outputs) == " ".join(["one", "two", "three"][:limit])
    assert outputs[-1] == Generated(reason=reason, input_tokens=1, output_tokens=limit)


def test_delay_and_pace_are_kept_to_the_millisecond(tmp_path: Path) -> None:
    model = scripted(tmp_path, "token_ms: 40\nrules: [{say: one two three, delay_ms: 2000}]")

    async def times() -> list[float]:
        now = asyncio.get_running_loop().time
        return [now() async for _ in model.generate(asked("go"))]

    assert run_in_virtual_time(times()) == pytest.approx([2.0, 2.04, 2.08, 2.08])


async def test_a_failure_comes_behind_what_is_said(tmp_path: Path) -> None:
    model = scripted(tmp_path, "rules: [{say: I am, fail: {code: out, message: Out of memory.}}]")
    outputs = model.generate(asked("go"))
    assert [await anext(outputs), await anext(outputs)] == [TextDelta("I"), TextDelta(" am")]
    with pytest.raises(EngineError, match=r"Out of memory\.") as caught:
        await anext(outputs)
    assert caught.value.code == "out"


@pytest.mark.parametrize(
    "rules", ["- {when: bird, say: Tweet.}", "- {call: {tool: fly}}", "- {fail: {message: No.}}"]
)
async def test_the_path_of_the_script_is_told_to_the_log_only(
    tmp_path: Path, rules: str, caplog: pytest.LogCaptureFixture
) -> None:
    model = scripted(tmp_path, f"rules:\n  {rules}")
    with pytest.raises(EngineError) as failed:
        await collect(model, asked("dog"))
    assert str(tmp_path) not in str(failed.value)
    assert (str(tmp_path) in caplog.text) == ("fail" not in rules)


async def test_an_answer_can_be_left_in_a_pause(tmp_path: Path) -> None:
    model = scripted(tmp_path, "rules: [{say: one two, token_ms: 600000}]")
    outputs = model.generate(asked("go"))
    assert await anext(outputs) == TextDelta("one")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await anext(outputs)
    with pytest.raises(StopAsyncIteration):
        await anext(outputs)


def test_a_script_is_checked_when_it_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(ReplyScriptError, match="rule 1"):
        scripted(tmp_path, "rules: [{}]")


# --- the built-in conversation -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("Hello.", r"Hello! How can I help you\?"),
        ("what is seven times six", r"7 times 6 is 42\."),
        ("What's 12 + 30?", r"12 plus 30 is 42\."),
        ("twelve plus thirty", r"12 plus 30 is 42\."),
        ("divide seven by zero", r"Nothing can be divided by zero\."),
        ("what time is it", r"It is 2:05 PM\."),
        ("Could you tell me the time?", r"It is 2:05 PM\."),
        ("what is the date today", r"Today is Sunday, March 1, 2026\."),
        ("What day is it?", r"Today is Sunday, March 1, 2026\."),
        ("repeat after me the quick brown fox", r"the quick brown fox"),
        ("Repeat after me: Hello, what time is it?", r"Hello, what time is it\?"),
        ("what is my name", r"You have not told me your name yet\."),
        ("My name is Ann.", r"Nice to meet you, Ann\."),
        ("who are you", r"I am the scripted voice.*"),
        ("how are you", r"I am well, thank you.*"),
        ("what can you do", r"I can tell you the time.*"),
        ("Thank you very much!", r"You are welcome\."),
        ("okay, goodbye", r"Goodbye! .*"),
        ("one more time please", r"I did not understand.*"),
    ],
)
async def test_the_built_in_conversation(built_in: ScriptedModel, said: str, answer: str) -> None:
    assert re.fullmatch(answer, text_of(await collect(built_in, asked(said))))


async def test_it_remembers_a_name(built_in: ScriptedModel) -> None:
    prompt = asked("my name is ann", "Nice to meet you, Ann.", "What is my name?")
    assert text_of(await collect(built_in, prompt)) == "Your name is Ann."


async def test_its_story_gives_time_to_interrupt(built_in: ScriptedModel) -> None:
    story = text_of(await collect(built_in, asked("Please tell me a story.")))
    assert len(story.split()) > 150


async def test_what_it_does_not_understand_says_how_to_set_a_model(built_in: ScriptedModel) -> None:
    answer = text_of(await collect(built_in, asked("who wrote hamlet")))
    assert "no language model is configured" in answer
    assert "vivavoce serve --llm http://localhost:11434/v1#qwen3" in answer
    again = text_of(await collect(built_in, asked("who wrote hamlet", answer, "and macbeth")))
    assert again != answer


async def test_it_says_that_it_could_not_hear(built_in: ScriptedModel) -> None:
    answer = text_of(await collect(built_in, asked(INAUDIBLE)))
    assert "could not make out any words" in answer


async def test_it_speaks_first_when_asked_to(built_in: ScriptedModel) -> None:
    assert text_of(await collect(built_in, Prompt())).startswith("Hello!")


async def test_it_calls_an_offered_tool_and_speaks_its_result(built_in: ScriptedModel) -> None:
    question = message("user", "what is the weather in london")
    prompt = Prompt(messages=(question,), tools=(WEATHER,))
    calls = [each for each in await collect(built_in, prompt) if isinstance(each, ToolCallDelta)]
    assert calls[0].name == "get_weather"
    arguments = "".join(call.arguments for call in calls)
    assert json.loads(arguments) == {"city": "London"}

    made = Message(role="assistant", tool_calls=(ToolCall("c1", "get_weather", arguments),))
    answer = Message(role="tool", call_id="c1", text='{"sky": "clear", "degrees": 18}')
    prompt = Prompt(messages=(question, made, answer), tools=(WEATHER,))
    assert text_of(await collect(built_in, prompt)) == "The sky is clear and the degrees is 18."


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("what is six times seven", r"6 times 7 is 42\."),
        ("six times seven", r"6 times 7 is 42\."),
        ("please tell me a story", r"Once upon a time .*"),
        ("hello again", r"Hello! .*"),
        ("what day is it", r"Today is .*"),
    ],
)
@pytest.mark.parametrize("wanted", ["minutes", "city"])
async def test_something_new_is_no_answer_to_what_it_asked(
    built_in: ScriptedModel, said: str, answer: str, wanted: str
) -> None:
    prompt = asked("please set a timer", f"Which {wanted} should I use?", said)
    prompt = msgspec.structs.replace(prompt, tools=(timer(wanted),))
    assert re.fullmatch(answer, text_of(await collect(built_in, prompt)))


@pytest.mark.parametrize("said", ["ten", "ten minutes", "ten please", "Make it ten, please."])
async def test_a_short_answer_completes_the_call(built_in: ScriptedModel, said: str) -> None:
    asking = msgspec.structs.replace(asked("please set a timer"), tools=(timer("minutes"),))
    question = text_of(await collect(built_in, asking))
    prompt = asked("please set a timer", question, said)
    prompt = msgspec.structs.replace(prompt, tools=(timer("minutes"),))
    calls = [each for each in await collect(built_in, prompt) if isinstance(each, ToolCallDelta)]
    assert json.loads("".join(call.arguments for call in calls)) == {"minutes": 10}


def timer(parameter: str) -> FunctionTool:
    kind = "integer" if parameter == "minutes" else "string"
    schema = {"properties": {parameter: {"type": kind}}, "required": [parameter]}
    return FunctionTool(name="set_timer", parameters=schema)


async def test_without_a_tool_it_does_not_pretend(built_in: ScriptedModel) -> None:
    answer = text_of(await collect(built_in, asked("what is the weather in london")))
    assert "no language model is configured" in answer
