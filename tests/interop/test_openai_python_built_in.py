"""OpenAI's own Python SDK talks to the engines that need no download: recorded speech is heard
by pocketsphinx, answered by the reply script and spoken by espeak-ng."""

import contextlib
from collections.abc import AsyncIterator, Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from support.sdk_client import SdkClient, sdk_client
from support.sound import BYTES_PER_MS, silence
from vivavoce.app import running
from vivavoce.config import Settings
from vivavoce.speech import clip

COMPLETED = "conversation.item.input_audio_transcription.completed"

WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "get_weather",
    "description": "Look up the weather for a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


@pytest.fixture(autouse=True)
def built_in_engines(require_module: Callable[..., ModuleType]) -> None:
    require_module("pocketsphinx", reason="it has no wheel for this Python")
    require_module("espeakng_loader", reason="pip install 'vivavoce[demo]' brings it")


@contextlib.asynccontextmanager
async def talking(**session: Any) -> AsyncIterator[SdkClient]:
    """The SDK, connected to a server with the built-in engines; transcripts are wanted."""
    hearing = {"input": {"transcription": {"model": "whisper-1"}}}
    wanted: Any = {"type": "realtime", "audio": hearing, **session}
    async with running(Settings(port=0)) as server, sdk_client(server.url) as client:
        assert server.notices == ()
        await client.api.session.update(session=wanted)
        yield client


def recording(name: str) -> bytes:
    """A recorded sentence, and the silence that ends a turn."""
    return clip(name).pcm + silence(640)


def loudness(pcm: bytes) -> float:
    """The root mean square of samples."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    return float(np.sqrt(np.mean(samples**2)))


@pytest.mark.client("openai (Python)", "spoken")
async def test_a_spoken_question_at_the_pace_of_life() -> None:
    async with talking() as client:
        await client.append(recording("sum"), pace=1.0)
        events = await client.turn()
        (heard,) = [event for event in events if event.type == COMPLETED]
        assert heard.transcript == "what is six times seven"
        (said,) = client.of("response.output_audio_transcript.done")
        assert said.transcript == "6 times 7 is 42."
        started = client.of("input_audio_buffer.speech_started")[0].audio_start_ms
        stopped = client.of("input_audio_buffer.speech_stopped")[0].audio_end_ms
        sum_ = clip("sum")
        assert started <= sum_.onset_ms
        assert stopped >= sum_.offset_ms
        seconds = len(client.spoken()) / 1000 / BYTES_PER_MS
        assert seconds > 1.0
        assert loudness(client.spoken()) > 300, "it is audible"


@pytest.mark.client("openai (Python)", "tool")
async def test_a_spoken_question_that_needs_a_tool() -> None:
    async with talking(tools=[WEATHER]) as client:
        await client.append(recording("weather"))
        call = (await client.turn())[-1].response.output[-1]
        assert (call.type, call.name) == ("function_call", "get_weather")
        assert "london" in call.arguments.lower()
        await client.api.conversation.item.create(
            item={"type": "function_call_output", "call_id": call.call_id, "output": "foggy"}
        )
        await client.api.response.create()
        await client.turn()
        said = client.of("response.output_audio_transcript.done")[-1].transcript
        assert "foggy" in said.lower()
        assert client.spoken()


@pytest.mark.client("openai (Python)", "barge-in")
async def test_a_story_that_is_interrupted() -> None:
    async with talking() as client:
        await client.append(recording("story"))
        story = await client.until("response.output_audio.delta")
        await client.append(recording("stop"))
        interrupted = (await client.turn())[-1].response
        assert interrupted.status_details.reason == "turn_detected"
        whole = interrupted.output[0].content[0].transcript
        await client.api.conversation.item.truncate(
            item_id=story.item_id, content_index=0, audio_end_ms=1000
        )
        await client.until("conversation.item.truncated")
        assert whole.startswith("Once upon a time")
        assert not whole.endswith("hear her still.")
        while len(client.of(COMPLETED)) < 2:
            await client.next()
        assert client.of(COMPLETED)[1].transcript == "stop please"


@pytest.mark.client("openai (Python)", "text")
async def test_a_written_turn_is_written_back() -> None:
    async with talking(output_modalities=["text"]) as client:
        await client.say("my name is Ada")
        await client.api.response.create()
        await client.turn()
        assert client.of("response.output_text.done")[0].text == "Nice to meet you, Ada."


async def test_a_manual_turn() -> None:
    manual = {"transcription": {"model": "whisper-1"}, "turn_detection": None}
    async with talking(audio={"input": manual}) as client:
        await client.append(clip("hello").pcm)
        await client.api.input_audio_buffer.commit()
        assert (await client.until(COMPLETED)).transcript == "hello there"
        await client.api.response.create()
        assert (await client.turn())[-1].response.status == "completed"


async def test_a_transcription_session() -> None:
    async with (
        running(Settings(port=0)) as server,
        sdk_client(server.url, transcription=True) as client,
    ):
        await client.api.session.update(
            session={
                "type": "transcription",
                "audio": {"input": {"transcription": {"model": "whisper-1"}}},
            }
        )
        for name in ("hello", "repeat"):
            await client.append(recording(name))
            words = "".join(c for c in clip(name).text.lower() if c.isalpha() or c == " ")
            assert (await client.until(COMPLETED)).transcript == words
