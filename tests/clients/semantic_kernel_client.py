"""Semantic Kernel's client for the Realtime API over a WebSocket."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from openai import AsyncOpenAI
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai import FunctionChoiceBehavior
from semantic_kernel.connectors.ai.open_ai import (
    ListenEvents,
    OpenAIRealtimeExecutionSettings,
    OpenAIRealtimeWebsocket,
    SendEvents,
)
from semantic_kernel.contents import (
    AudioContent,
    RealtimeAudioEvent,
    RealtimeTextEvent,
    TextContent,
)
from semantic_kernel.contents.realtime_events import RealtimeEvent
from semantic_kernel.functions import kernel_function

from clients.turns import (
    FORECAST_GIVEN,
    GREETED,
    GREETING,
    PAUSE,
    RATE,
    SPEECH,
    STORY,
    WEATHER,
    Sighting,
    run,
)

HEARD_MS = 1_000
FORECAST = "the forecast for london please"
"""It asks for a tool with the name of the plugin in its own."""


class Weather:
    """A plugin."""

    @kernel_function(name="get_weather", description="Look up the weather for a city.")
    def get_weather(self, city: str) -> str:
        """Look up the weather for a city."""
        assert city == "London"
        return WEATHER


class Conversation:
    """A session, and what it has received."""

    def __init__(self, client: OpenAIRealtimeWebsocket, sighting: Sighting) -> None:
        self.client = client
        self.text = ""
        """All text, or transcripts, of the answers."""
        self.samples = 0
        """How much audio came."""
        self._sighting = sighting
        self._events = client.receive()

    async def until(self, kind: str) -> Any:
        """Read up to the next event of this type."""
        async for event in self._events:
            self._note(event)
            if event.service_type == kind:
                return event.service_event
        raise EOFError(f"the session ended before {kind}")

    def _note(self, event: Any) -> None:
        if event.service_type not in (*ListenEvents, *SendEvents):
            self._sighting.unknown.add(event.service_type)
        if isinstance(event, RealtimeTextEvent):
            self.text += event.text.text
        elif isinstance(event, RealtimeAudioEvent):
            self.samples += len(event.audio.data) // 2

    async def ask(self, text: str) -> None:
        """Write a message and have it answered."""
        written = TextContent(text=text)
        await self.client.send(
            RealtimeTextEvent(service_type=SendEvents.CONVERSATION_ITEM_CREATE, text=written)
        )
        await self.client.send(RealtimeEvent(service_type=SendEvents.RESPONSE_CREATE))

    async def speak(self, pcm: bytes) -> None:
        """Say something."""
        audio = AudioContent(data=pcm, data_format="base64", mime_type="audio/pcm")
        await self.client.send(
            RealtimeAudioEvent(service_type=SendEvents.INPUT_AUDIO_BUFFER_APPEND, audio=audio)
        )


@contextlib.asynccontextmanager
async def conversing(url: str, sighting: Sighting, modality: Any) -> AsyncIterator[Conversation]:
    """A session with the plugin."""
    kernel = Kernel()
    kernel.add_plugin(Weather(), "guide")
    settings = OpenAIRealtimeExecutionSettings(
        output_modalities=[modality],
        input_audio_transcription={"model": "whisper-1"},
        function_choice_behavior=FunctionChoiceBehavior.Auto(),
    )
    async with AsyncOpenAI(base_url=url, api_key="none") as openai:
        client = OpenAIRealtimeWebsocket(ai_model_id="gpt-realtime", client=openai)
        await client.create_session(settings=settings, kernel=kernel)
        try:
            yield Conversation(client, sighting)
        finally:
            await client.close_session()


async def written(url: str, sighting: Sighting) -> None:
    """A written turn."""
    async with conversing(url, sighting, "text") as conversation:
        await conversation.ask(GREETING)
        await conversation.until("response.done")
        assert conversation.text == GREETED, conversation.text


async def spoken(url: str, sighting: Sighting) -> None:
    """A spoken turn, and its transcript."""
    async with conversing(url, sighting, "audio") as conversation:
        await conversation.speak(SPEECH + PAUSE)
        heard = await conversation.until("conversation.item.input_audio_transcription.completed")
        assert heard.transcript == GREETING
        await conversation.until("response.done")
        assert conversation.text == GREETED, conversation.text
        assert conversation.samples == len(GREETED) * 60 * RATE // 1000, conversation.samples


async def called(url: str, sighting: Sighting) -> None:
    """A turn with a tool, which the kernel runs."""
    async with conversing(url, sighting, "text") as conversation:
        await conversation.ask(FORECAST)
        await conversation.until("response.output_text.done")
        assert conversation.text == FORECAST_GIVEN, conversation.text


async def interrupted(url: str, sighting: Sighting) -> None:
    """An answer that the user speaks over; the application truncates it."""
    async with conversing(url, sighting, "audio") as conversation:
        await conversation.ask(STORY)
        item = (await conversation.until("response.output_item.added")).item
        while conversation.samples < HEARD_MS * RATE // 1000:
            await conversation.until("response.output_audio.delta")
        await conversation.speak(SPEECH)
        await conversation.until("input_audio_buffer.speech_started")
        await conversation.client.send(
            RealtimeEvent(
                service_type=SendEvents.CONVERSATION_ITEM_TRUNCATE,
                service_event={"item_id": item.id, "audio_end_ms": HEARD_MS},
            )
        )
        truncated = await conversation.until("conversation.item.truncated")
        assert truncated.audio_end_ms == HEARD_MS
        conversation.text = ""
        await conversation.speak(PAUSE)
        await conversation.until("response.done")
        assert conversation.text == GREETED, conversation.text


if __name__ == "__main__":
    run(
        "Semantic Kernel",
        "semantic-kernel",
        {"text": written, "spoken": spoken, "tool": called, "barge-in": interrupted},
    )
