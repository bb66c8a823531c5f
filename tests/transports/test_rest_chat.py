"""`POST /v1/chat/completions`, asked by OpenAI's own client: answered by a model of our own, and
passed through to a server."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from openai import APIError, APIStatusError, AsyncOpenAI, BadRequestError
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from support.chat_server import (
    DONE,
    Behaviour,
    ChatServer,
    answers,
    breaks_off,
    chunk,
    hangs,
    refuses,
    running_chat_server,
)
from support.cued_model import CuedModel
from support.rest import openai_client, told
from support.server import LiveServer, serving
from support.telltale_engines import ReluctantModel, StuckModel
from vivavoce.engines.base import EngineError, Generated, TextDelta, ToolCallDelta
from vivavoce.engines.llm.openai_compatible import OpenAICompatibleModel
from vivavoce.engines.llm.scripted import ScriptedModel
from vivavoce.protocol.prompt import FunctionTool, Message, Prompt, ToolCall
from vivavoce.transports.rest.bodies import MAX_JSON_BYTES

WEATHER: Any = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object"}},
}
KEY = "sk-upstream"


def ask(text: str) -> Any:
    """What a user writes."""
    return [{"role": "user", "content": text}]


async def post(server: LiveServer, body: Any) -> tuple[int, Any]:
    """Post by hand; gives the status and the document."""
    async with server.http.post(f"{server.url}/chat/completions", json=body) as answer:
        return answer.status, await answer.json()


async def test_a_model_answers_at_once() -> None:
    async with serving(llm=CuedModel()) as server, openai_client(server) as client:
        answer = await client.chat.completions.create(model="any", messages=ask("good day"))
        ChatCompletion.model_validate(answer.model_dump())
        assert answer.model == "any"
        (choice,) = answer.choices
        assert choice.message.content == "I heard: good day."
        assert choice.finish_reason == "stop"
        assert answer.usage is not None
        assert answer.usage.total_tokens == (
            answer.usage.prompt_tokens + answer.usage.completion_tokens
        )


async def test_a_model_answers_in_chunks() -> None:
    async with serving(llm=CuedModel()) as server, openai_client(server) as client:
        stream = await client.chat.completions.create(
            model="any",
            messages=ask("good day"),
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [one async for one in stream]
        for one in chunks:
            ChatCompletionChunk.model_validate(one.model_dump())
        assert len({one.id for one in chunks}) == 1
        *pieces, counted = chunks
        assert pieces[0].choices[0].delta.role == "assistant"
        text = "".join(one.choices[0].delta.content or "" for one in pieces)
        assert text == "I heard: good day."
        assert [one.choices[0].finish_reason for one in pieces[-2:]] == [None, "stop"]
        assert counted.choices == []
        assert counted.usage is not None
        assert counted.usage.completion_tokens > 0


@pytest.mark.parametrize("stream", [False, True])
async def test_a_tool_is_called_and_its_result_is_spoken_of(stream: bool) -> None:
    model = CuedModel()
    async with serving(llm=model) as server, openai_client(server) as client:
        talk = ask("weather in rome")
        call = await called(client, talk, stream)
        assert call["function"] == {"name": "get_weather", "arguments": '{"city": "Rome"}'}
        talk += [
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": call["id"], "content": "sunny"},
        ]
        answer = await client.chat.completions.create(model="any", messages=talk, tools=[WEATHER])
        assert answer.choices[0].message.content == "In Rome it is sunny."
        assert answer.choices[0].finish_reason == "stop"


async def called(client: Any, talk: Any, stream: bool) -> dict[str, Any]:
    """The one call that the model makes, as the next request has it."""
    create = client.chat.completions.create
    if not stream:
        answer = await create(model="any", messages=talk, tools=[WEATHER])
        assert answer.choices[0].finish_reason == "tool_calls"
        assert answer.choices[0].message.content is None
        (call,) = answer.choices[0].message.tool_calls
        made: dict[str, Any] = call.model_dump()
        return made
    async with client.chat.completions.stream(model="any", messages=talk, tools=[WEATHER]) as run:
        answer = await run.get_final_completion()
    assert answer.choices[0].finish_reason == "tool_calls"
    (call,) = answer.choices[0].message.tool_calls
    function = {"name": call.function.name, "arguments": call.function.arguments}
    return {"id": call.id, "type": "function", "function": function}


async def test_the_model_reads_what_the_client_wrote() -> None:
    model = CuedModel()
    async with serving(llm=model) as server, openai_client(server) as client:
        messages: Any = [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": "{}"},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
            {"role": "system", "content": "Hurry."},
            {"role": "user", "content": "hello"},
        ]
        await client.chat.completions.create(
            model="any",
            messages=messages,
            tools=[WEATHER],
            tool_choice={"type": "function", "function": {"name": "get_weather"}},
            parallel_tool_calls=False,
            max_completion_tokens=50,
            temperature=0.2,
            user="somebody",
            seed=1,
        )
    assert model.prompts == [
        Prompt(
            instructions="Be brief.\n\nBe kind.",
            messages=(
                Message(role="user", text="What is this?", images=("data:image/png;base64,AA==",)),
                Message(role="assistant", tool_calls=(ToolCall("call_1", "get_weather", "{}"),)),
                Message(role="tool", text="rain", call_id="call_1"),
                Message(role="system", text="Hurry."),
                Message(role="user", text="hello"),
            ),
            tools=(FunctionTool(name="get_weather", parameters={"type": "object"}),),
            forced_tool="get_weather",
            parallel_tool_calls=False,
            max_output_tokens=50,
            temperature=0.2,
        )
    ]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "judge", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0]"),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "image_url", "image_url": {"url": "http://x/y.png"}}],
                    }
                ]
            },
            "messages[0].content",
        ),
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"stop": ["x"]}, "stop"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice"),
        ({"temperature": 3}, "temperature"),
        ({"model": None}, "model"),
    ],
)
async def test_what_the_model_cannot_do_is_refused(fields: dict[str, Any], param: str) -> None:
    async with serving() as server:
        status, document = await post(server, {"model": "any", "messages": ask("hi"), **fields})
        assert status == 400
        assert document["error"]["param"] == param
        assert document["error"]["type"] == "invalid_request_error"


async def test_a_body_that_is_too_large_or_no_json_is_refused() -> None:
    async with serving() as server:
        url = f"{server.url}/chat/completions"
        async with server.http.post(url, data=b"{") as answer:
            assert answer.status == 400
            assert (await answer.json())["error"]["code"] == "invalid_json"
        async with server.http.post(url, data=io.BytesIO(bytes(MAX_JSON_BYTES + 1))) as answer:
            assert answer.status == 413
            assert (await answer.json())["error"]["code"] == "request_too_large"


async def test_an_answer_that_fails_in_the_middle_says_why() -> None:
    async with serving(llm=CuedModel()) as server, openai_client(server) as client:
        with pytest.raises(APIStatusError) as failed:
            await client.chat.completions.create(model="any", messages=ask("break"))
        assert failed.value.status_code == 502
        assert told(failed.value)["code"] == "server_error"
        stream = await client.chat.completions.create(
            model="any", messages=ask("break"), stream=True
        )
        assert (await anext(stream)).choices[0].delta.role == "assistant"
        with pytest.raises(APIError, match="out of memory"):
            _ = [one async for one in stream]


async def test_a_model_that_cannot_be_loaded_is_told_of_and_tried_again() -> None:
    model = ReluctantModel(2, EngineError("the file is gone"))
    async with serving(llm=model) as server, openai_client(server) as client:
        with pytest.raises(APIStatusError) as failed:
            await client.chat.completions.create(model="any", messages=ask("hi"))
        assert failed.value.status_code == 503
        assert told(failed.value)["code"] == "model_load_error"
        assert "The server's log says why" in told(failed.value)["message"]
        assert "the file is gone" not in told(failed.value)["message"]
        assert (await client.chat.completions.create(model="any", messages=ask("hi"))).choices


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_goes_away_stops_the_model(stream: bool) -> None:
    model = StuckModel()
    async with serving(llm=model) as server:
        body = {"model": "any", "messages": ask("hi"), "stream": stream}
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(post(server, body))
            await model.begun.wait()
            asking.cancel()
        await model.stopped.wait()


# --- passed through ------------------------------------------------------------------------------


@asynccontextmanager
async def relaying(
    *behaviours: Behaviour, **options: Any
) -> AsyncIterator[tuple[LiveServer, ChatServer]]:
    """A server whose language model is another server, which behaves like this."""
    async with running_chat_server(*behaviours) as upstream:
        model = OpenAICompatibleModel(
            upstream.base_url, "house-model", api_key=KEY, connections=4, **options
        )
        async with serving(llm=model, api_keys=["sk-ours"]) as server:
            yield server, upstream


@asynccontextmanager
async def asked(
    *behaviours: Behaviour, **options: Any
) -> AsyncIterator[tuple[AsyncOpenAI, ChatServer]]:
    """The same, with OpenAI's client in front."""
    async with (
        relaying(*behaviours, **options) as (server, upstream),
        openai_client(server, "sk-ours") as client,
    ):
        yield client, upstream


async def test_a_request_goes_through_as_it_is_and_so_do_the_bytes() -> None:
    pieces = (
        chunk(role="assistant", content=""),
        chunk(reasoning_content="Hm."),
        chunk(content="Good day.", finish="stop"),
        b": a comment\n\n",
        DONE,
    )
    async with relaying(answers(*pieces)) as (server, upstream):
        body = {
            "model": "any",
            "messages": [{"role": "user", "content": [{"type": "video", "url": "x"}]}],
            "stream": True,
            "a_field_of_tomorrow": {"x": [1, None]},
        }
        headers = {"Authorization": "Bearer sk-ours"}
        url = f"{server.url}/chat/completions"
        async with server.http.post(url, json=body, headers=headers) as answer:
            assert answer.status == 200
            assert answer.content_type == "text/event-stream"
            assert await answer.read() == b"".join(pieces)
        assert upstream.requests == [{**body, "model": "house-model"}]
        assert upstream.headers[0]["Authorization"] == f"Bearer {KEY}"


async def test_what_the_operator_has_set_fills_in() -> None:
    done = refuses(200, '{"choices": []}')
    options = {"temperature": 0.3, "top_p": 0.9, "extra_body": {"keep_alive": -1}}
    async with asked(done, **options) as (client, upstream):
        await client.chat.completions.create(
            model="any", messages=ask("hi"), temperature=0.7, extra_body={"keep_alive": 5}
        )
        (request,) = upstream.requests
        del request["messages"]
        assert request == {
            "model": "house-model",
            "temperature": 0.7,
            "top_p": 0.9,
            "keep_alive": -1,
        }


async def test_a_refusal_of_the_clients_request_goes_through_without_our_key() -> None:
    refusal = '{"error": {"message": "too long for sk-upstream", "code": "context_length"}}'
    async with asked(refuses(400, refusal)) as (client, _):
        with pytest.raises(BadRequestError) as refused:
            await client.chat.completions.create(model="any", messages=ask("hi"))
        assert refused.value.response.json() == {
            "error": {"message": "too long for ***", "code": "context_length"}
        }


@pytest.mark.parametrize(
    ("upstream_status", "status", "code"),
    [
        (401, 502, "authentication_error"),
        (404, 502, "model_not_found"),
        (429, 503, "rate_limit_exceeded"),
        (500, 502, "server_error"),
        (503, 502, "server_error"),
    ],
)
async def test_a_server_that_fails_is_no_fault_of_the_client(
    upstream_status: int, status: int, code: str
) -> None:
    async with asked(refuses(upstream_status, "{}", Retry_After="7")) as (client, _):
        with pytest.raises(APIStatusError) as failed:
            await client.chat.completions.create(model="any", messages=ask("hi"))
        assert failed.value.status_code == status
        error = told(failed.value)
        assert (error["type"], error["code"]) == ("server_error", code)
        assert KEY not in error["message"]
        if upstream_status == 429:
            assert failed.value.response.headers["retry-after"] == "7"


async def test_a_stream_that_breaks_off_between_events_ends_with_an_error() -> None:
    async with asked(breaks_off(chunk(content="Good "))) as (client, _):
        stream = await client.chat.completions.create(model="any", messages=ask("hi"), stream=True)
        assert (await anext(stream)).choices[0].delta.content == "Good "
        with pytest.raises(APIError, match="before the answer was complete"):
            await anext(stream)


async def test_a_stream_that_breaks_off_within_an_event_is_cut_off() -> None:
    half = chunk(content="Good ")[:20]
    async with relaying(breaks_off(chunk(content="Well. "), half)) as (server, _):
        headers = {"Authorization": "Bearer sk-ours"}
        body = {"model": "any", "messages": ask("hi"), "stream": True}
        url = f"{server.url}/chat/completions"
        async with server.http.post(url, json=body, headers=headers) as answer:
            assert answer.status == 200
            with pytest.raises(aiohttp.ClientError):
                await answer.read()


@pytest.mark.parametrize("pieces", [(), (chunk(content="Well,"),)])
async def test_a_client_that_goes_away_stops_the_server_behind(pieces: tuple[bytes, ...]) -> None:
    async with asked(hangs(*pieces)) as (client, upstream):
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(read_on(client))
            await upstream.arrived.wait()
            reading.cancel()
        await upstream.left.wait()


async def read_on(client: Any) -> None:
    """Ask, and read for as long as something comes."""
    stream = await client.chat.completions.create(model="any", messages=ask("hi"), stream=True)
    async with stream:
        async for _ in stream:
            pass


# --- our own adapter as the client ---------------------------------------------------------------


async def outputs(server: LiveServer, prompt: Prompt) -> list[Any]:
    """What our adapter makes of what our server answers."""
    model = OpenAICompatibleModel(server.url, "any")
    try:
        return [output async for output in model.generate(prompt)]
    finally:
        await model.close()


async def test_our_own_adapter_understands_the_answers() -> None:
    async with serving(llm=CuedModel()) as server:
        prompt = Prompt(messages=(Message(role="user", text="good day"),))
        *texts, end = await outputs(server, prompt)
        assert "".join(piece.text for piece in texts) == "I heard: good day."
        assert all(isinstance(piece, TextDelta) for piece in texts)
        assert isinstance(end, Generated)
        assert end.reason == "stop"
        assert end.input_tokens is not None


async def test_our_own_adapter_understands_calls() -> None:
    async with serving(llm=CuedModel()) as server:
        tool = FunctionTool(name="get_weather", parameters={"type": "object"})
        prompt = Prompt(messages=(Message(role="user", text="both"),), tools=(tool,))
        calls = [one for one in await outputs(server, prompt) if isinstance(one, ToolCallDelta)]
        arguments = {
            index: "".join(one.arguments for one in calls if one.index == index) for index in (0, 1)
        }
        assert arguments == {0: '{"city": "Rome"}', 1: '{"city": "Oslo"}'}
        assert [one.name for one in calls if one.name] == ["get_weather", "get_weather"]


async def test_our_own_adapter_is_told_of_a_failure() -> None:
    async with serving(llm=CuedModel()) as server:
        prompt = Prompt(messages=(Message(role="user", text="break"),))
        with pytest.raises(EngineError, match="out of memory"):
            await outputs(server, prompt)


async def test_one_server_can_stand_behind_another() -> None:
    async with serving(llm=ScriptedModel()) as behind:
        model = OpenAICompatibleModel(behind.url, "any")
        async with serving(llm=model) as server, openai_client(server) as client:
            answer = await client.chat.completions.create(model="any", messages=ask("2 plus 3"))
            assert answer.choices[0].message.content
