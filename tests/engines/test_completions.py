"""The engine for servers without a chat endpoint, against a real llama.cpp too."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.chat_server import DONE, Behaviour, answers, breaks_off, event, refuses
from support.chat_server import running_chat_server as running_server
from support.tiny_gguf import ARGUMENT, SENTENCE
from vivavoce.engines.base import EngineError, Generated, ModelOutput, TextDelta, ToolCallDelta
from vivavoce.engines.llm.chat_client import Timeouts
from vivavoce.engines.llm.completions import CompletionsModel
from vivavoce.protocol.prompt import FunctionTool, Message, Prompt

HELLO = Prompt(messages=(Message(role="user", text="Hello."),))
WEATHER = FunctionTool(
    name="get_weather", parameters={"type": "object", "properties": {"city": {"type": "string"}}}
)
WITH_TOOL = msgspec.structs.replace(HELLO, tools=(WEATHER,))


def piece(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "text": text, "finish_reason": finish}
    return event({"object": "text_completion", "choices": [choice]})


def says(*texts: str) -> Behaviour:
    return answers(*map(piece, texts), piece("", "stop"), DONE)


@asynccontextmanager
async def using(base_url: str, **options: Any) -> AsyncIterator[CompletionsModel]:
    timeouts = Timeouts(retry_pauses=(0.0, 0.0))
    model = CompletionsModel(base_url, "tiny", timeouts=timeouts, **options)
    await asyncio.to_thread(model.load)
    try:
        yield model
    finally:
        await model.close()


async def collect(model: CompletionsModel, prompt: Prompt = HELLO) -> list[ModelOutput]:
    async with aclosing(model.generate(prompt)) as outputs:
        return [output async for output in outputs]


def text_of(outputs: list[ModelOutput]) -> str:
    return "".join(output.text for output in outputs if isinstance(output, TextDelta))


async def test_it_posts_the_written_prompt_and_streams_the_answer() -> None:
    async with running_server(says("Good", " day.")) as server, using(server.base_url) as model:
        assert await collect(model) == [TextDelta("Good"), TextDelta(" day."), Generated()]
    assert server.requests == [
        {
            "model": "tiny",
            "prompt": "<|im_start|>user\nHello.<|im_end|>\n<|im_start|>assistant\n",
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": 2048,
            "stop": ["<|im_end|>"],
        }
    ]


async def test_a_template_of_ones_own_comes_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "own.jinja"
    path.write_text("{% for message in messages %}{{ message.content }}{% endfor %} Answer:")
    options: dict[str, Any] = {"template": str(path), "stop": ["Question:"], "temperature": 0.2}
    async with running_server(says("Yes.")) as server, using(server.base_url, **options) as model:
        await collect(model)
    request = server.requests[0]
    assert request["prompt"] == "Hello. Answer:"
    assert (request["stop"], request["temperature"]) == (["Question:"], 0.2)


async def test_calls_are_found_in_the_text() -> None:
    written = '<tool_call>{"name": "get_weather", "arguments": {"city": "Rome"}}</tool_call>'
    async with running_server(says(written)) as server, using(server.base_url) as model:
        outputs = await collect(model, WITH_TOOL)
    assert outputs == [
        ToolCallDelta(index=0, name="get_weather", arguments='{"city": "Rome"}'),
        Generated(),
    ]


@pytest.mark.parametrize(
    ("choice", "begun", "rest"),
    [
        ({"tool_choice": "required"}, '{"name": "', 'get_weather", "arguments": {}}'),
        ({"forced_tool": "get_weather"}, '{"name": "get_weather", "arguments": {', "}}"),
    ],
)
async def test_a_call_that_has_to_be_made_is_begun(choice: Any, begun: str, rest: str) -> None:
    prompt = msgspec.structs.replace(WITH_TOOL, **choice)
    async with running_server(says(rest)) as server, using(server.base_url) as model:
        outputs = await collect(model, prompt)
    assert server.requests[0]["prompt"].endswith(f"assistant\n<tool_call>\n{begun}")
    assert outputs[0] == ToolCallDelta(index=0, name="get_weather", arguments="{}")


async def test_before_the_first_token_it_tries_again() -> None:
    async with (
        running_server(refuses(503), breaks_off(), says("Yes.")) as server,
        using(server.base_url) as model,
    ):
        assert text_of(await collect(model)) == "Yes."


async def test_images_are_refused_and_not_left_out() -> None:
    prompt = Prompt(messages=(Message(role="user", images=("data:image/png;base64,AA==",)),))
    async with using("http://127.0.0.1:1/v1") as model:
        with pytest.raises(EngineError, match="takes no images"):
            await collect(model, prompt)


def test_constrained_tools_are_refused() -> None:
    with pytest.raises(EngineError, match="constrained"):
        CompletionsModel("http://localhost/v1", "m", tools="constrained")


def test_a_template_that_is_not_there_is_named(tmp_path: Path) -> None:
    model = CompletionsModel("http://localhost/v1", "m", template=str(tmp_path / "none.jinja"))
    with pytest.raises(EngineError, match=r"none\.jinja"):
        model.load()


async def test_llama_goes_on_from_the_template(llama_server: str) -> None:
    async with using(llama_server) as model:
        outputs = await collect(model)
    assert text_of(outputs) == SENTENCE
    assert isinstance(outputs[-1], Generated)
    assert outputs[-1].reason == "stop"
    assert outputs[-1].input_tokens


async def test_llama_finishes_a_call_that_was_begun(llama_server: str) -> None:
    prompt = msgspec.structs.replace(WITH_TOOL, forced_tool="get_weather")
    # The toy model knows nothing of JSON; a grammar leads it through.
    grammar = 'root ::= "\\"city\\": \\"" [A-Za-z]+ "\\"}}" "\\n</tool_call>"'
    async with using(llama_server, extra_body={"grammar": grammar}, temperature=0.0) as model:
        outputs = await collect(model, prompt)
    call = outputs[0]
    assert isinstance(call, ToolCallDelta)
    assert call.name == "get_weather"
    assert ARGUMENT in msgspec.json.decode(call.arguments)["city"]
