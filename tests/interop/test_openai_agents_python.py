"""OpenAI's Agents SDK for Python, unmodified but for its URL, drives each kind of turn."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from agents import function_tool
from agents.realtime import (
    RealtimeAgent,
    RealtimePlaybackTracker,
    RealtimeRunner,
    RealtimeSession,
    RealtimeSessionModelSettings,
)
from agents.realtime.openai_realtime import DEFAULT_REALTIME_MODEL

from support.sdk_client import CHUNK_BYTES
from support.sdk_types import assert_valid_event
from support.server import PATIENCE_S, Event, LiveServer, serving
from support.sound import BYTES_PER_MS, silence, tone
from vivavoce.engines.stt.scripted import ScriptedRecognizer

REPLIES = """
rules:
  - {event: inaudible, say: "Pardon?"}
  - when: story
    say: >-
      Once upon a time there was a lighthouse on a small rock, far out in the grey sea. Its keeper
      was an old woman called Marta, and every evening she climbed two hundred and twelve steps to
      light the lamp. One autumn night a fog came in, so thick that even the great lamp could not
      be seen from the water, and a ship was coming towards the rock.
  - when: weather in (?P<city>\\w+)
    call: {tool: get_weather, arguments: {city: "{city:title}"}}
    after_tool: "In {city:title} it is {result}."
  - {say: "I heard: {heard}."}
"""

CEILING_MS = 4_000
"""How long the `semantic_vad` that the SDK asks for may wait in silence (`eagerness: auto`)."""


HEARD_MS = 1_500
"""How much of an answer was played when the user speaks over it."""


class Conversation:
    """A session of the SDK, and all that came over it: nothing may be an error to the SDK."""

    def __init__(self, session: RealtimeSession) -> None:
        self.session = session
        self.received: list[Event] = []
        """The server's own events."""
        self.history: list[Any] = []
        """The conversation, as the SDK has it."""
        self._stream = aiter(session)

    async def until(self, kind: str) -> Any:
        """The SDK's next event of this type."""
        while True:
            async with asyncio.timeout(PATIENCE_S):
                event: Any = await anext(self._stream)
            assert event.type != "error", event.error
            if event.type == "raw_model_event":
                self._examine(event.data)
            if event.type == "history_updated":
                self.history = event.history
            if event.type == kind:
                return event

    async def until_received(self, kind: str) -> Event:
        """The server's next event of this type."""
        while True:
            await self.until("raw_model_event")
            if self.received and self.received[-1]["type"] == kind:
                return self.received[-1]

    async def speak(self, pcm: bytes) -> None:
        """Send audio in pieces, as fast as the server takes them."""
        for start in range(0, len(pcm), CHUNK_BYTES):
            await self.session.send_audio(pcm[start : start + CHUNK_BYTES])

    def of(self, kind: str) -> list[Event]:
        """All of the server's events of this type."""
        return [event for event in self.received if event["type"] == kind]

    def _examine(self, event: Any) -> None:
        assert event.type != "exception", event.exception
        if event.type == "raw_server_event":
            assert_valid_event(event.data)
            self.received.append(event.data)


@contextlib.asynccontextmanager
async def conversing(
    server: LiveServer, agent: RealtimeAgent[None], **model: Any
) -> AsyncIterator[Conversation]:
    """The SDK's runner with this agent, after the server has taken its settings and its tracing."""
    # The SDK repeats the name of its model in `session.update`, where another one than the URL's is
    # refused, as by the live service.
    url = f"{server.url.replace('http', 'ws', 1)}/realtime?model={DEFAULT_REALTIME_MODEL}"
    runner = RealtimeRunner(agent)
    async with await runner.run(
        model_config={"url": url, "api_key": "none", **model}  # type: ignore[arg-type]
    ) as session:
        conversation = Conversation(session)
        await conversation.until_received("session.updated")
        traced = await conversation.until_received("session.updated")
        assert traced["session"]["tracing"] == "auto"
        yield conversation


@function_tool
def get_weather(city: str) -> str:
    """Look up the weather for a city."""
    return f"foggy over {city}"


WRITTEN: RealtimeSessionModelSettings = {"output_modalities": ["text"]}


@pytest.mark.client("openai-agents (Python)", "text")
async def test_a_written_turn_of_an_agent() -> None:
    agent = RealtimeAgent[None](name="Guide", instructions="Answer.")
    async with (
        serving(replies=REPLIES) as server,
        conversing(server, agent, initial_model_settings=WRITTEN) as conversation,
    ):
        await conversation.session.send_message("good morning")
        await conversation.until("agent_end")
        (written,) = conversation.of("response.output_text.done")
        assert written["text"] == "I heard: good morning."
        assert [item.role for item in conversation.history] == ["user", "assistant"]
        assert conversation.history[-1].content[0].text == "I heard: good morning."


@pytest.mark.client("openai-agents (Python)", "spoken")
async def test_a_spoken_turn_of_an_agent() -> None:
    heard = ScriptedRecognizer("good morning", deltas=True)
    async with (
        serving(replies=REPLIES, stt=heard) as server,
        conversing(server, RealtimeAgent[None](name="Guide")) as conversation,
    ):
        await conversation.speak(silence(320) + tone(500) + silence(CEILING_MS + 500))
        audio = await conversation.until("audio")
        assert audio.audio.data
        await conversation.until("agent_end")
        (said,) = conversation.of("response.output_audio_transcript.done")
        assert said["transcript"] == "I heard: good morning."
        (turn,) = conversation.of("input_audio_buffer.committed")
        (words,) = conversation.of("conversation.item.input_audio_transcription.completed")
        assert (words["item_id"], words["transcript"]) == (turn["item_id"], "good morning")


@pytest.mark.client("openai-agents (Python)", "tool")
async def test_a_tool_that_the_sdk_runs() -> None:
    agent = RealtimeAgent[None](name="Guide", tools=[get_weather])
    async with (
        serving(replies=REPLIES) as server,
        conversing(server, agent, initial_model_settings=WRITTEN) as conversation,
    ):
        await conversation.session.send_message("the weather in london please")
        ended = await conversation.until("tool_end")
        assert (ended.tool.name, ended.output) == ("get_weather", "foggy over London")
        await conversation.until_received("response.output_text.done")
        (answer,) = conversation.of("response.output_text.done")
        assert answer["text"] == "In London it is foggy over London."


@pytest.mark.client("openai-agents (Python)", "barge-in")
async def test_the_sdk_truncates_what_was_not_heard() -> None:
    playback = RealtimePlaybackTracker()
    async with (
        serving(replies=REPLIES) as server,
        conversing(
            server, RealtimeAgent[None](name="Guide"), playback_tracker=playback
        ) as conversation,
    ):
        await conversation.session.send_message("a story please")
        received_bytes = 0
        while received_bytes < HEARD_MS * BYTES_PER_MS:
            audio = await conversation.until("audio")
            received_bytes += len(audio.audio.data)
        # More of the story was written than may be sent ahead, so it is still being told.
        playback.on_play_ms(audio.item_id, audio.content_index, HEARD_MS)
        await conversation.speak(silence(320) + tone(500))
        interrupted = await conversation.until("audio_interrupted")
        assert interrupted.item_id == audio.item_id
        truncated = await conversation.until_received("conversation.item.truncated")
        assert (truncated["item_id"], truncated["audio_end_ms"]) == (audio.item_id, HEARD_MS)
        await conversation.until_received("conversation.item.retrieved")
        (cancelled,) = conversation.of("response.done")
        assert cancelled["response"]["status_details"]["reason"] == "turn_detected"
        await conversation.speak(silence(CEILING_MS + 500))
        answered = await conversation.until_received("response.done")
        assert answered["response"]["status"] == "completed"
