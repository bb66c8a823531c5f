"""A model that hears and speaks by itself, over a real socket."""

import base64
import contextlib
import io
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from support.chat_server import (
    DONE,
    Behaviour,
    ChatServer,
    answers,
    breaks_off,
    chunk,
    event,
    refuses,
    running_chat_server,
)
from support.server import Client, LiveServer
from support.sound import BYTES_PER_MS, tone, utterance
from vivavoce.app import running
from vivavoce.config import read_settings
from vivavoce.mock.server import MockOptions, mocking

REPLIES = """
rules:
  - {when: weather, call: {tool: get_weather, arguments: {}}, after_tool: "It is {result}."}
  - {say: "I heard: {heard}."}
"""

ANSWER = tone(1000)
SPOKEN = (
    chunk(audio={"id": "audio_1", "transcript": "Good day."}),
    chunk(audio={"data": base64.b64encode(ANSWER).decode()}),
    chunk(finish="stop"),
    event({"choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": 30}}),
    DONE,
)


@contextlib.asynccontextmanager
async def configured(tmp_path: Path, speech: str, more: str = "") -> AsyncIterator[LiveServer]:
    """A server with one model, which is native."""
    tmp_path.joinpath("replies.yaml").write_text(REPLIES)
    file = tmp_path / "vivavoce.yaml"
    model = f"{{name: native, speech: {speech}, pipeline: {{vad: scripted}}}}"
    file.write_text(f"stt: {{engine: scripted}}\nmodels: [{model}]\n{more}")
    settings = read_settings(file, {"port": 0})
    async with aiohttp.ClientSession() as http, running(settings) as live:
        yield LiveServer(live.url, http)


@contextlib.asynccontextmanager
async def on_a_chat_server(
    tmp_path: Path, *behaviours: Behaviour
) -> AsyncIterator[tuple[Client, ChatServer]]:
    """A client of a server whose native model is behind a chat completions server."""
    async with (
        running_chat_server(*behaviours) as upstream,
        configured(tmp_path, f'"{upstream.base_url}#omni"') as server,
        server.connect("model=native") as client,
    ):
        yield client, upstream


def audio_of(client: Client) -> bytes:
    """The sound of all answers."""
    deltas = client.of("response.output_audio.delta")
    return b"".join(base64.b64decode(delta["delta"]) for delta in deltas)


def recordings(request: dict[str, Any]) -> list[bytes]:
    """The speech in a chat request, as PCM."""
    found = []
    for message in request["messages"]:
        parts = message["content"] if isinstance(message["content"], list) else []
        for part in (part for part in parts if part["type"] == "input_audio"):
            with wave.open(io.BytesIO(base64.b64decode(part["input_audio"]["data"]))) as file:
                found.append(file.readframes(file.getnframes()))
    return found


async def test_speech_goes_there_and_speech_comes_back(tmp_path: Path) -> None:
    async with on_a_chat_server(tmp_path, answers(*SPOKEN)) as (client, upstream):
        await client.append(utterance(500))
        done = await client.until("response.done")
        (heard,) = recordings(upstream.requests[0])
    assert done["response"]["status"] == "completed"
    assert done["response"]["output"][0]["content"][0]["transcript"] == "Good day."
    assert audio_of(client) == ANSWER
    assert tone(500)[960:-960] in heard
    assert upstream.requests[0]["audio"]["voice"] == "alloy"


async def test_what_was_said_before_is_heard_again(tmp_path: Path) -> None:
    async with on_a_chat_server(tmp_path, answers(*SPOKEN), answers(*SPOKEN)) as (
        client,
        upstream,
    ):
        await client.append(utterance(500))
        answer = (await client.until("response.done"))["response"]["output"][0]["id"]
        played = {"item_id": answer, "content_index": 0, "audio_end_ms": 1000}
        await client.send("conversation.item.truncate", **played)
        await client.append(utterance(700))
        await client.until("response.done")
        first, second = recordings(upstream.requests[1])
    assert first == recordings(upstream.requests[0])[0]
    assert len(second) > len(first)
    roles = [message["role"] for message in upstream.requests[1]["messages"]]
    assert roles == ["user", "assistant", "user"]
    assert upstream.requests[1]["messages"][1]["content"] == "Good day."


async def test_the_draft_of_the_pause_hears_what_the_response_hears(tmp_path: Path) -> None:
    async with on_a_chat_server(tmp_path, answers(*SPOKEN)) as (client, upstream):
        speech = utterance(500)
        await client.append(speech[: -300 * BYTES_PER_MS])
        await upstream.arrived.wait()
        await client.append(speech[-300 * BYTES_PER_MS :])
        done = await client.until("response.done")
    assert done["response"]["status"] == "completed"
    assert len(upstream.requests) == 1


async def test_speech_that_came_in_an_item_is_heard(tmp_path: Path) -> None:
    async with on_a_chat_server(tmp_path, answers(*SPOKEN)) as (client, upstream):
        audio = base64.b64encode(tone(400)).decode()
        content = [{"type": "input_audio", "audio": audio}]
        item = {"type": "message", "role": "user", "content": content}
        await client.send("conversation.item.create", item=item)
        await client.send("response.create")
        await client.until("response.done")
    assert recordings(upstream.requests[0]) == [tone(400)]


async def test_speech_in_a_responses_own_input_takes_nothing_of_the_conversations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vivavoce.runtime.recordings.KEPT_S", 0.5)
    kept, own = tone(400), tone(300)
    items = [
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_audio", "audio": base64.b64encode(pcm).decode()}],
        }
        for pcm in (kept, own)
    ]
    async with on_a_chat_server(tmp_path, answers(*SPOKEN), answers(*SPOKEN)) as (
        client,
        upstream,
    ):
        await client.send("conversation.item.create", item=items[0])
        beside = {"conversation": "none", "input": items[1:]}
        await client.send("response.create", response=beside)
        await client.until("response.done")
        await client.send("response.create")
        await client.until("response.done")
    assert [recordings(request) for request in upstream.requests] == [[own], [kept]]


async def test_a_server_that_breaks_off_fails_one_response_only(tmp_path: Path) -> None:
    broken = breaks_off(*SPOKEN[:2])
    async with on_a_chat_server(tmp_path, broken, answers(*SPOKEN)) as (client, _):
        await client.append(utterance(500))
        done = await client.until("response.done")
        assert done["response"]["status"] == "failed"
        assert done["response"]["output"][0]["status"] == "incomplete"
        await client.append(utterance(500))
        done = await client.until("response.done")
        assert done["response"]["status"] == "completed"


async def test_what_a_server_refuses_is_told(tmp_path: Path) -> None:
    refusal = refuses(400, '{"error": {"message": "This model has no audio."}}')
    async with on_a_chat_server(tmp_path, refusal) as (client, _):
        await client.say("hello")
        await client.send("response.create")
        done = await client.until("response.done")
    assert "This model has no audio." in done["response"]["status_details"]["error"]["message"]


# --- the scripted one ----------------------------------------------------------------------------


def scripted(tmp_path: Path, hears: str) -> str:
    script = tmp_path / "replies.yaml"
    return f"{{engine: scripted-speech, script: {script}, hears: {hears}}}"


async def test_a_whole_conversation_with_the_scripted_one(tmp_path: Path) -> None:
    hears = "[hello, the weather]"
    weather = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}
    async with (
        configured(tmp_path, scripted(tmp_path, hears)) as server,
        server.connect("model=native") as client,
    ):
        await client.update(tools=[weather])
        await client.append(utterance(500))
        done = await client.until("response.done")
        content = done["response"]["output"][0]["content"]
        assert content == [{"type": "output_audio", "transcript": "I heard: hello."}]
        assert len(audio_of(client)) == len("I heard: hello.") * 60 * BYTES_PER_MS
        await client.append(utterance(500))
        call = (await client.until("response.done"))["response"]["output"][0]
        assert call["name"] == "get_weather"
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "fine"}
        await client.send("conversation.item.create", item=output)
        await client.send("response.create")
        done = await client.until("response.done")
        transcript = done["response"]["output"][0]["content"][0]["transcript"]
        assert transcript == "It is fine."
    usage = done["response"]["usage"]
    assert usage["input_token_details"]["audio_tokens"] > 0
    assert usage["output_token_details"]["audio_tokens"] == 11 * 60 // 50
    assert not client.of("conversation.item.input_audio_transcription.completed")


async def test_a_transcript_is_made_for_those_who_ask(tmp_path: Path) -> None:
    async with (
        configured(tmp_path, scripted(tmp_path, "hello")) as server,
        server.connect("model=native") as client,
    ):
        await client.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
        await client.append(utterance(500))
        completed = "conversation.item.input_audio_transcription.completed"
        events = await client.all_until("response.done")
        if completed not in [event["type"] for event in events]:
            await client.until(completed)
    assert "milliseconds of speech" in client.of(completed)[0]["transcript"]
    assert client.of("response.done")[0]["response"]["output"][0]["content"][0]["transcript"] == (
        "I heard: hello."
    )


async def test_who_interrupts_it_stops_it(tmp_path: Path) -> None:
    async with (
        configured(tmp_path, scripted(tmp_path, "hello")) as server,
        server.connect("model=native") as client,
    ):
        await client.say("a " * 400)
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        await client.append(utterance(500))
        done = await client.until("response.done")
        assert done["response"]["status"] == "cancelled"
        item = done["response"]["output"][0]
        await client.send(
            "conversation.item.truncate", item_id=item["id"], content_index=0, audio_end_ms=300
        )
        await client.until("conversation.item.truncated")
        await client.until("response.done")


async def test_an_answer_may_be_had_in_text(tmp_path: Path) -> None:
    async with (
        configured(tmp_path, scripted(tmp_path, "hello")) as server,
        server.connect("model=native") as client,
    ):
        await client.update(output_modalities=["text"])
        await client.append(utterance(500))
        done = await client.until("response.done")
    content = done["response"]["output"][0]["content"]
    assert content == [{"type": "output_text", "text": "I heard: hello."}]
    assert not client.of("response.output_audio.delta")


@pytest.mark.parametrize("pace", ["instant", "real"])
async def test_the_mock_may_be_one(tmp_path: Path, pace: Any) -> None:
    script = tmp_path / "turns.yaml"
    keys = "speech_to_speech: true\nhears: [hello, null]\nvoice: {ms_per_char: 5}\n"
    script.write_text(keys + REPLIES)
    async with (
        aiohttp.ClientSession() as http,
        mocking(MockOptions(script=script, seed=7, pace=pace)) as mock,
        LiveServer(mock.url, http).connect() as client,
    ):
        await client.append(utterance(500))
        done = await client.until("response.done")
    transcript = done["response"]["output"][0]["content"][0]["transcript"]
    assert transcript == "I heard: hello."
