"""LiveKit's model for the Realtime API, without a LiveKit server.

Only with `LK_OPENAI_DEBUG=1` in its environment it tells which events it has nothing for.
"""

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

from livekit import rtc
from livekit.agents import function_tool, llm
from livekit.plugins.openai.realtime import RealtimeModel, RealtimeSession

from clients.turns import (
    FORECAST,
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

UNHANDLED = re.compile(r"unhandled event: (\S+)")
HEARD_MS = 1_000


class Unhandled(logging.Filter):
    """Notes the events that the client has nothing for."""

    def __init__(self, sighting: Sighting) -> None:
        super().__init__()
        self._sighting = sighting

    def filter(self, record: logging.LogRecord) -> bool:
        """Note it, and let it pass."""
        if match := UNHANDLED.match(record.getMessage()):
            self._sighting.unknown.add(match[1])
        return True


@function_tool
async def get_weather(city: str) -> str:
    """Look up the weather for a city."""
    assert city == "London"
    return WEATHER


@contextlib.asynccontextmanager
async def session(url: str, sighting: Sighting, *modalities: Any) -> AsyncIterator[RealtimeSession]:
    """A session whose errors are complaints."""
    logger = logging.getLogger("livekit.agents")
    logger.setLevel(logging.DEBUG)
    watch = Unhandled(sighting)
    logger.addFilter(watch)
    model = RealtimeModel(base_url=url, api_key="none", modalities=list(modalities))
    opened = model.session()
    opened.on("error", lambda error: sighting.complaints.append(str(error.error)))
    try:
        yield opened
    finally:
        await opened.aclose()
        await model.aclose()
        logger.removeFilter(watch)


async def ask(opened: RealtimeSession, text: str) -> llm.GenerationCreatedEvent:
    """Write a message and have it answered."""
    context = opened.chat_ctx.copy()
    context.add_message(role="user", content=text)
    await opened.update_chat_ctx(context)
    return await opened.generate_reply()


def speak(opened: RealtimeSession, pcm: bytes) -> None:
    """Say something."""
    opened.push_audio(
        rtc.AudioFrame(
            data=pcm, sample_rate=RATE, num_channels=1, samples_per_channel=len(pcm) // 2
        )
    )


async def read(generation: llm.GenerationCreatedEvent) -> str:
    """The text of an answer."""
    pieces: list[str] = []
    async for message in generation.message_stream:
        pieces += [str(piece) async for piece in message.text_stream]
    return "".join(pieces)


def next_event(opened: RealtimeSession, name: str) -> asyncio.Future[Any]:
    """The next event of the session that has this name."""
    coming: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    opened.once(name, coming.set_result)
    return coming


def on_server_event(opened: RealtimeSession, kind: str, then: Callable[[Any], None]) -> None:
    """Have a server event of this type handled."""

    def handle(event: dict[str, Any]) -> None:
        if event["type"] == kind:
            then(event)

    opened.on("openai_server_event_received", handle)


async def written(url: str, sighting: Sighting) -> None:
    """A written turn."""
    async with session(url, sighting, "text") as opened:
        assert await read(await ask(opened, GREETING)) == GREETED


async def spoken(url: str, sighting: Sighting) -> None:
    """A spoken turn, and its transcript."""
    async with session(url, sighting, "text", "audio") as opened:
        answered = next_event(opened, "generation_created")
        transcribed = next_event(opened, "input_audio_transcription_completed")
        speak(opened, SPEECH + PAUSE)
        generation = await answered
        heard = 0
        async for message in generation.message_stream:
            async for frame in message.audio_stream:
                heard += frame.samples_per_channel
            assert "".join([str(piece) async for piece in message.text_stream]) == GREETED
        assert heard == len(GREETED) * 60 * RATE // 1000, heard
        assert (await transcribed).transcript == GREETING


async def called(url: str, sighting: Sighting) -> None:
    """A turn with a tool."""
    async with session(url, sighting, "text") as opened:
        await opened.update_tools([get_weather])
        generation = await ask(opened, FORECAST)
        (call,) = [call async for call in generation.function_stream]
        assert (call.name, call.arguments) == ("get_weather", '{"city": "London"}')
        context = opened.chat_ctx.copy()
        context.items.append(
            llm.FunctionCallOutput(
                call_id=call.call_id, name=call.name, output=WEATHER, is_error=False
            )
        )
        await opened.update_chat_ctx(context)
        assert await read(await opened.generate_reply()) == FORECAST_GIVEN


async def interrupted(url: str, sighting: Sighting) -> None:
    """An answer that the user speaks over: what was not heard is truncated."""
    async with session(url, sighting, "text", "audio") as opened:
        truncated: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        on_server_event(opened, "conversation.item.truncated", truncated.set_result)
        started = next_event(opened, "input_speech_started")
        generation = await ask(opened, STORY)
        async for message in generation.message_stream:
            heard = 0
            async for frame in message.audio_stream:
                heard += frame.samples_per_channel * 1000 // RATE
                if heard >= HEARD_MS and not started.done():
                    speak(opened, SPEECH)
                    await started
                    opened.interrupt()
                    opened.truncate(
                        message_id=message.message_id, modalities=["audio"], audio_end_ms=HEARD_MS
                    )
        assert (await truncated)["audio_end_ms"] == HEARD_MS
        answered = next_event(opened, "generation_created")
        speak(opened, PAUSE)
        assert await read(await answered) == GREETED


if __name__ == "__main__":
    run(
        "LiveKit Agents",
        "livekit-plugins-openai",
        {"text": written, "spoken": spoken, "tool": called, "barge-in": interrupted},
    )
