"""The engine against a server that fails on demand, and against a real llama.cpp."""

import asyncio
import socket
import traceback
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from support.chat_server import (
    DONE,
    Behaviour,
    ChatServer,
    answers,
    breaks_off,
    chunk,
    event,
    hangs,
    refuses,
    running_chat_server,
    speaks_no_http,
)
from support.llama import running_llama_server
from support.tiny_gguf import ARGUMENT, CONTEXT, SENTENCE
from vivavoce.engines.base import EngineError, Generated, ModelOutput, TextDelta, ToolCallDelta
from vivavoce.engines.llm.chat_client import Timeouts
from vivavoce.engines.llm.openai_compatible import OpenAICompatibleModel, is_openais
from vivavoce.protocol.prompt import FunctionTool, Message, Prompt, ToolCall

KEY = "sk-not-to-be-seen-anywhere"
HELLO = Prompt(messages=(Message(role="user", text="Hello."),))
GOOD_DAY = answers(chunk(content="Good"), chunk(content=" day."), chunk(finish="stop"), DONE)
AT_ONCE = Timeouts(retry_pauses=(0.0, 0.0))
WEATHER = FunctionTool(
    name="get_weather",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
)


@asynccontextmanager
async def using(
    base_url: str, *, timeouts: Timeouts = AT_ONCE, **options: Any
) -> AsyncIterator[OpenAICompatibleModel]:
    model = OpenAICompatibleModel(base_url, "tiny", timeouts=timeouts, **options)
    try:
        yield model
    finally:
        await model.close()


async def collect(model: OpenAICompatibleModel, prompt: Prompt = HELLO) -> list[ModelOutput]:
    async with aclosing(model.generate(prompt)) as outputs:
        return [output async for output in outputs]


def text_of(outputs: list[ModelOutput]) -> str:
    return "".join(output.text for output in outputs if isinstance(output, TextDelta))


async def failure_of(*behaviours: Behaviour, **options: Any) -> tuple[EngineError, ChatServer]:
    """The error of one answer from a server that behaves like this."""
    async with (
        running_chat_server(*behaviours) as server,
        using(server.base_url, **options) as model,
    ):
        with pytest.raises(EngineError) as caught:
            await collect(model)
    assert server.base_url in str(caught.value)
    return caught.value, server


# --- what is asked for ---------------------------------------------------------------------------


async def test_it_posts_the_prompt_and_streams_the_answer() -> None:
    async with running_chat_server(GOOD_DAY) as server, using(server.base_url) as model:
        assert await collect(model) == [TextDelta("Good"), TextDelta(" day."), Generated()]
    assert server.requests == [
        {
            "model": "tiny",
            "messages": [{"role": "user", "content": "Hello."}],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ]
    assert "Authorization" not in server.headers[0]


async def test_it_sends_the_key_the_temperature_and_the_extra_body() -> None:
    options: dict[str, Any] = {"api_key": KEY, "temperature": 0.3, "extra_body": {"top_k": 5}}
    async with running_chat_server(GOOD_DAY) as server, using(server.base_url, **options) as model:
        await collect(model)
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert (server.requests[0]["temperature"], server.requests[0]["top_k"]) == (0.3, 5)


async def test_answers_in_a_row_share_a_connection() -> None:
    async with running_chat_server(GOOD_DAY, GOOD_DAY) as server, using(server.base_url) as model:
        await collect(model)
        await collect(model)
    assert len(server.connections) == 1


async def test_an_answer_needs_neither_usage_nor_an_end_marker() -> None:
    short = answers(chunk(content="Yes.", finish="stop"))
    async with running_chat_server(short) as server, using(server.base_url) as model:
        assert await collect(model) == [TextDelta("Yes."), Generated()]


async def test_at_most_so_many_connections_are_open() -> None:
    async with (
        running_chat_server(GOOD_DAY, GOOD_DAY, GOOD_DAY) as server,
        using(server.base_url, connections=1) as model,
    ):
        outputs = await asyncio.gather(*[collect(model) for _ in range(3)])
    assert [text_of(each) for each in outputs] == ["Good day."] * 3
    assert len(server.connections) == 1


CALL = '{"name": "get_weather", "arguments": {"city": "Rome"}}'
WITH_TOOL = msgspec.structs.replace(HELLO, tools=(WEATHER,))


def with_call(outputs: list[ModelOutput]) -> list[tuple[int, str | None, str]]:
    return [(o.index, o.name, o.arguments) for o in outputs if isinstance(o, ToolCallDelta)]


async def test_a_call_written_inside_the_text_is_made_and_not_said() -> None:
    written = answers(
        chunk(content="One moment. <tool"),
        chunk(content=f"_call>{CALL}</tool_call>"),
        chunk(tool_calls=[{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}]),
        chunk(finish="stop"),
    )
    async with running_chat_server(written) as server, using(server.base_url) as model:
        outputs = await collect(model, WITH_TOOL)
    assert text_of(outputs) == "One moment. "
    assert with_call(outputs) == [(0, "get_weather", '{"city": "Rome"}'), (1, "f", "{}")]


async def test_without_tools_such_text_is_said() -> None:
    written = answers(chunk(content=f"<tool_call>{CALL}</tool_call>", finish="stop"))
    async with running_chat_server(written) as server, using(server.base_url) as model:
        assert text_of(await collect(model)) == f"<tool_call>{CALL}</tool_call>"


async def test_constrained_tools_are_asked_for_by_a_schema() -> None:
    said = '{"name": "say", "arguments": {"message": "Good day."}}'
    options: dict[str, Any] = {"tools": "constrained", "no_action": {"name": "say"}}
    async with (
        running_chat_server(answers(chunk(content=said, finish="stop"))) as server,
        using(server.base_url, **options) as model,
    ):
        assert await collect(model, WITH_TOOL) == [TextDelta("Good day."), Generated()]
    request = server.requests[0]
    assert "tools" not in request
    assert '"get_weather"' in request["messages"][0]["content"]
    schema = request["response_format"]["json_schema"]["schema"]
    names = [each["properties"]["name"]["const"] for each in schema["anyOf"]]
    assert names == ["say", "get_weather"]


async def test_a_server_that_ignores_the_schema_is_told_of() -> None:
    plain = answers(chunk(content="Good day.", finish="stop"))
    async with (
        running_chat_server(plain) as server,
        using(server.base_url, tools="constrained") as model,
    ):
        with pytest.raises(EngineError, match="set tools: native"):
            await collect(model, WITH_TOOL)


# --- leaving early -------------------------------------------------------------------------------


async def test_closing_the_answer_closes_the_connection() -> None:
    endless = hangs(chunk(content="Once"), chunk(content=" upon"))
    async with running_chat_server(endless, GOOD_DAY) as server, using(server.base_url) as model:
        async with aclosing(model.generate(HELLO)) as outputs:
            assert await anext(outputs) == TextDelta("Once")
        await server.left.wait()
        assert text_of(await collect(model)) == "Good day."


@pytest.mark.parametrize("begun", [(), (chunk(content="Once"),)], ids=["before", "after"])
async def test_cancelling_the_task_closes_the_connection(begun: tuple[bytes, ...]) -> None:
    async with running_chat_server(hangs(*begun)) as server, using(server.base_url) as model:
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(collect(model))
            await server.arrived.wait()
            reading.cancel()
        await server.left.wait()


@pytest.mark.parametrize("begun", [(), (chunk(content="Once"),)], ids=["before", "after"])
async def test_closing_the_engine_ends_the_answers_under_way(begun: tuple[bytes, ...]) -> None:
    async with running_chat_server(hangs(*begun)) as server:
        model = OpenAICompatibleModel(server.base_url, "tiny", timeouts=AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(failing(model))
            await server.arrived.wait()
            await model.close()
        assert reading.result().code == "engine_closed"
    assert len(server.requests) == 1


async def failing(model: OpenAICompatibleModel) -> EngineError:
    with pytest.raises(EngineError, match="the engine was closed") as caught:
        await collect(model)
    return caught.value


# --- trying again --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        refuses(429),
        refuses(503),
        refuses(429, Retry_After="0"),
        refuses(429, Retry_After="Wed, 21 Oct 2026 07:28:00 GMT"),
        breaks_off(),
        answers(),
    ],
    ids=["limit", "loading", "seconds", "date", "reset", "empty"],
)
async def test_before_the_first_token_it_tries_again(fault: Behaviour) -> None:
    async with (
        running_chat_server(fault, fault, GOOD_DAY) as server,
        using(server.base_url) as model,
    ):
        assert text_of(await collect(model)) == "Good day."
    assert len(server.requests) == 3


async def test_after_three_attempts_it_gives_up() -> None:
    error, server = await failure_of(*[refuses(429, '{"error":{"message":"slow down"}}')] * 3)
    assert error.code == "rate_limit_exceeded"
    assert "HTTP status 429" in str(error)
    assert "slow down" in str(error)
    assert len(server.requests) == 3


async def test_it_does_not_wait_as_long_as_a_minute() -> None:
    error, server = await failure_of(refuses(429, Retry_After="60"))
    assert error.code == "rate_limit_exceeded"
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 500])
async def test_what_will_fail_again_is_not_tried_again(status: int) -> None:
    _, server = await failure_of(refuses(status))
    assert len(server.requests) == 1


@pytest.mark.parametrize("ending", [breaks_off, answers], ids=["reset", "closed"])
async def test_an_answer_that_has_begun_is_not_begun_again(ending: Any) -> None:
    behaviour = ending(chunk(content="Good"))
    async with running_chat_server(behaviour) as server, using(server.base_url) as model:
        outputs = model.generate(HELLO)
        assert await anext(outputs) == TextDelta("Good")
        with pytest.raises(EngineError, match="before the answer was complete") as caught:
            await anext(outputs)
    assert caught.value.code == "connection_lost"
    assert len(server.requests) == 1


# --- failures, in words --------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_says_where_to_put_one(status: int) -> None:
    error, _ = await failure_of(refuses(status, '{"error":{"message":"bad key"}}'))
    assert error.code == "authentication_error"
    assert "VIVAVOCE_LLM_API_KEY" in str(error)
    assert "bad key" in str(error)


async def test_an_unknown_model_is_named() -> None:
    error, _ = await failure_of(refuses(404, '{"error":"model not found"}'))
    assert error.code == "model_not_found"
    assert "'tiny'" in str(error)


@pytest.mark.parametrize(
    "body",
    [
        '{"error":{"message":"no such field"}}',
        '{"error":"no such field"}',
        '{"message":"no such field"}',
        '{"detail":[{"msg":"no such field"}]}',
        "no such field",
    ],
)
async def test_what_the_server_said_is_repeated(body: str) -> None:
    error, _ = await failure_of(refuses(400, body))
    assert error.code == "invalid_request"
    assert "no such field" in str(error)


async def test_a_page_of_error_is_cut() -> None:
    error, _ = await failure_of(refuses(500, "stack trace\n" * 10_000, content_type="text/plain"))
    assert error.code == "server_error"
    assert len(str(error)) < 700


@pytest.mark.parametrize(
    ("status", "content_type"), [(502, "text/html"), (200, "text/html"), (500, "text/plain")]
)
async def test_of_a_web_page_only_the_text_is_repeated(status: int, content_type: str) -> None:
    page = """
        <!DOCTYPE html><html><head><title>502 Bad Gateway</title><style>h1 { color: red }</style>
        <script type="x">if (1 < 2) alert("</p>")</script></head><!-- <b>nginx</b> -->
        <body class="a"><h1>Try again</h1><p>in 5&nbsp;minutes &amp; not before.</p>"""
    error, _ = await failure_of(refuses(status, page, content_type=content_type))
    assert "The server said: 502 Bad Gateway Try again in 5 minutes & not" in str(error)


@pytest.mark.parametrize("body", ["word " * 1000, "<p>" + "word " * 1000, "<script>" * 5000])
async def test_at_most_200_characters_of_a_body_are_repeated(body: str) -> None:
    error, _ = await failure_of(refuses(500, body, content_type="text/html"))
    _, _, said = str(error).partition("The server said: ")
    assert len(said) <= 200


async def test_tags_in_an_api_s_own_message_stay() -> None:
    error, _ = await failure_of(refuses(400, '{"error":{"message":"no </think> was found"}}'))
    assert "no </think> was found" in str(error)


async def test_no_server_is_said_plainly() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    async with using(f"http://127.0.0.1:{port}/v1") as model:
        with pytest.raises(
            EngineError, match=r"connection refused\. Is the server running"
        ) as caught:
            await collect(model)
    assert caught.value.code == "connection_failed"


async def test_a_web_page_is_no_answer() -> None:
    page = refuses(200, "<h1>Welcome</h1>", content_type="text/html")
    error, _ = await failure_of(page)
    assert error.code == "invalid_response"
    assert "text/html" in str(error)


async def test_a_redirect_is_not_followed() -> None:
    error, _ = await failure_of(refuses(307, Location="http://127.0.0.1:1/"))
    assert error.code == "invalid_response"


async def test_what_is_no_http_is_an_error() -> None:
    error, _ = await failure_of(speaks_no_http())
    assert error.code == "invalid_response"


async def test_an_event_that_is_no_chunk_is_an_error() -> None:
    error, _ = await failure_of(answers(b"data: <oops>\n\n"))
    assert error.code == "invalid_response"


async def test_an_endless_event_is_an_error() -> None:
    error, _ = await failure_of(answers(b"data: ", *[bytes(1024 * 1024)] * 5))
    assert error.code == "invalid_response"


async def test_text_before_an_error_in_the_stream_is_given() -> None:
    broken = answers(chunk(content="Well,") + event({"error": {"message": "out of memory"}}))
    async with running_chat_server(broken) as server, using(server.base_url) as model:
        outputs = model.generate(HELLO)
        assert await anext(outputs) == TextDelta("Well,")
        with pytest.raises(EngineError, match="out of memory"):
            await anext(outputs)


async def test_a_server_that_says_nothing_is_given_up() -> None:
    silent = hangs(b": still loading\n\n", chunk(role="assistant", content=""))
    error, server = await failure_of(silent, timeouts=Timeouts(first_token=0.2))
    assert error.code == "timeout"
    assert "no token within 0.2 s" in str(error)
    assert server.left.is_set()


async def test_a_server_that_falls_silent_is_given_up() -> None:
    error, _ = await failure_of(
        hangs(chunk(content="Well,")), timeouts=Timeouts(between_tokens=0.2)
    )
    assert error.code == "timeout"
    assert "nothing came for 0.2 s" in str(error)


# --- the key stays secret ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        refuses(401, f'{{"error":{{"message":"{KEY} is no key"}}}}'),
        refuses(500, KEY * 100),
        answers(event({"error": f"{KEY} is no key"})),
        answers(f"data: {KEY}\n\n".encode()),
        speaks_no_http(),
        breaks_off(chunk(content="Well,")),
    ],
)
async def test_the_key_shows_in_no_error(fault: Behaviour) -> None:
    error, server = await failure_of(fault, api_key=KEY)
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert KEY not in "".join(traceback.format_exception(error))
    assert KEY not in repr((error, error.__cause__))
    assert KEY[:12] not in str(error)


def test_the_key_shows_in_no_repr() -> None:
    model = OpenAICompatibleModel("http://localhost/v1", "m", api_key=KEY)
    assert repr(model) == "OpenAICompatibleModel('http://localhost/v1/chat/completions', 'm')"


# --- configuration -------------------------------------------------------------------------------


def test_a_spec_is_a_url_and_a_model() -> None:
    model = OpenAICompatibleModel.from_spec("http://localhost:11434/v1/#org/qwen3:8b")
    assert repr(model) == (
        "OpenAICompatibleModel('http://localhost:11434/v1/chat/completions', 'org/qwen3:8b')"
    )


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("qwen3", "not the URL"),
        ("localhost:11434/v1#qwen3", "not the URL"),
        ("ftp://localhost#qwen3", "not the URL"),
        ("http://#qwen3", "not the URL"),
        ("http://localhost:99999/v1#qwen3", "not the URL"),
        ("http://localhost:11434/v1", "names no model"),
        ("http://localhost:11434/v1# ", "names no model"),
        ("http://me:secret@localhost/v1#qwen3", "a user name or a password"),
        ("http://localhost/v1?key=secret#qwen3", "a query"),
        ("http://localhost/v1/chat/completions#qwen3", "leave out /chat/completions"),
    ],
)
def test_a_wrong_spec_says_what_would_be_right(spec: str, problem: str) -> None:
    with pytest.raises(EngineError, match=problem) as caught:
        OpenAICompatibleModel.from_spec(spec)
    assert caught.value.code == "invalid_configuration"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("key", ["", " ", "sk-secret\n", "sk-sécret"])
def test_a_key_that_cannot_be_one_is_refused_unseen(key: str) -> None:
    with pytest.raises(EngineError, match="API key") as caught:
        OpenAICompatibleModel("http://localhost/v1", "m", api_key=key)
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"temperature": "hot"}, "temperature"),
        ({"tools": "maybe"}, "tools"),
        ({"no_action": {"title": "x"}}, "title"),
        ({"tempo": 1}, "tempo"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(EngineError, match=problem) as caught:
        OpenAICompatibleModel("http://localhost/v1", "m", **options)
    assert caught.value.code == "invalid_configuration"


def test_the_extra_body_cannot_take_over_the_prompt() -> None:
    with pytest.raises(EngineError, match="'messages'"):
        OpenAICompatibleModel("http://localhost/v1", "m", extra_body={"messages": []})


# --- a real server -------------------------------------------------------------------------------


async def test_llama_says_its_sentence(llama_server: str) -> None:
    async with using(llama_server) as model:
        outputs = await collect(model)
    assert text_of(outputs) == SENTENCE
    assert len(outputs) > 20  # streamed
    end = outputs[-1]
    assert isinstance(end, Generated)
    assert end.reason == "stop"
    assert end.input_tokens
    assert end.output_tokens == len(outputs)  # the end of the turn is a token too


async def test_llama_stops_at_the_limit(llama_server: str) -> None:
    async with using(llama_server) as model:
        outputs = await collect(model, msgspec.structs.replace(HELLO, max_output_tokens=4))
    assert text_of(outputs) == "Certainly, this answer comes"
    assert isinstance(outputs[-1], Generated)
    assert (outputs[-1].reason, outputs[-1].output_tokens) == ("length", 4)


@pytest.mark.parametrize(
    "choice",
    [{"tool_choice": "required"}, {"forced_tool": "get_weather"}],
    ids=["required", "named"],
)
async def test_llama_calls_a_tool_when_it_must(llama_server: str, choice: Any) -> None:
    async with using(llama_server) as model:
        outputs = await collect(model, msgspec.structs.replace(HELLO, tools=(WEATHER,), **choice))
    calls = [output for output in outputs if isinstance(output, ToolCallDelta)]
    assert [(call.index, call.name) for call in calls if call.name] == [(0, "get_weather")]
    assert calls[0].call_id
    assert msgspec.json.decode("".join(call.arguments for call in calls)) == {"city": ARGUMENT}


async def test_llama_need_not_call_a_tool(llama_server: str) -> None:
    async with using(llama_server) as model:
        prompt = msgspec.structs.replace(HELLO, tools=(WEATHER,), tool_choice="none")
        assert text_of(await collect(model, prompt)) == SENTENCE


async def test_llama_is_held_to_the_schema_of_a_call(llama_server: str) -> None:
    prompt = msgspec.structs.replace(WITH_TOOL, tool_choice="required")
    async with using(llama_server, tools="constrained", temperature=0.0) as model:
        outputs = await collect(model, prompt)
    assert text_of(outputs) == ""
    (first, *rest) = with_call(outputs)
    assert first[:2] == (0, "get_weather")
    arguments = "".join(call[2] for call in (first, *rest))
    assert msgspec.json.decode(arguments) == {"city": ARGUMENT}


async def test_llama_just_answers_by_the_schema(llama_server: str) -> None:
    # The toy model has no preferences among names: with parallel calls it takes the object.
    prompt = msgspec.structs.replace(WITH_TOOL, parallel_tool_calls=True)
    async with using(llama_server, tools="constrained", temperature=0.0) as model:
        outputs = await collect(model, prompt)
    assert text_of(outputs) == ARGUMENT
    assert with_call(outputs) == []


async def test_llama_reads_a_whole_context(llama_server: str) -> None:
    call = ToolCall("c1", "get_weather", '{"city": "Rome"}')
    prompt = Prompt(
        instructions="Be brief.",
        messages=(
            Message(role="user", text="How is the weather in Rome?"),
            Message(role="assistant", tool_calls=(call,)),
            Message(role="tool", call_id="c1", text='{"sky": "clear"}'),
        ),
        tools=(WEATHER,),
    )
    async with using(llama_server) as model:
        assert text_of(await collect(model, prompt)) == SENTENCE


async def test_llama_stops_generating_when_the_answer_is_left(tmp_path: Path) -> None:
    # One slot, and an answer that never ends by itself: the next one comes only if that stopped.
    with running_llama_server(tmp_path, slots=1) as base_url:
        async with (
            using(base_url, extra_body={"ignore_eos": True}) as endless,
            using(base_url) as model,
        ):
            async with aclosing(endless.generate(HELLO)) as outputs:
                for _ in range(30):
                    await anext(outputs)
            assert text_of(await collect(model)) == SENTENCE
        assert 30 < await tokens_generated(base_url) < CONTEXT


async def tokens_generated(base_url: str) -> float:
    metrics = f"{base_url.removesuffix('/v1')}/metrics"
    async with aiohttp.ClientSession() as session, session.get(metrics) as response:
        lines = dict(
            line.split()
            for line in (await response.text()).splitlines()
            if not line.startswith("#")
        )
    return float(lines["llamacpp:tokens_predicted_total"])


async def test_llama_answers_ten_at_once(llama_server: str) -> None:
    async with using(llama_server) as model:
        answers_at_once = await asyncio.gather(*[collect(model) for _ in range(10)])
    assert [text_of(answer) for answer in answers_at_once] == [SENTENCE] * 10


@pytest.mark.parametrize(
    ("base_url", "theirs"),
    [
        ("https://api.openai.com/v1", True),
        ("https://eu.api.openai.com/v1", True),
        ("https://us.api.openai.com/v1", True),
        ("https://my-api.openai.com.example.org/v1", False),
        ("https://notapi.openai.com/v1", False),
        ("http://localhost:11434/v1", False),
    ],
)
def test_openais_regional_hosts_are_its_own(base_url: str, theirs: bool) -> None:
    assert is_openais(base_url) is theirs
