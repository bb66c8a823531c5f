"""An agent of Pydantic AI in a realtime session."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from pydantic_ai import Agent, SpeechPart, TextPart
from pydantic_ai.messages import ModelResponse
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.realtime import (
    RealtimeInputSpeechStartEvent,
    RealtimeSession,
    RealtimeSessionErrorEvent,
    RealtimeTurnCompleteEvent,
)
from pydantic_ai.realtime.openai import OpenAIRealtimeModel

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

HEARD_CHUNKS = 3

agent = Agent()


@agent.tool_plain
def get_weather(city: str) -> str:
    """Look up the weather for a city."""
    assert city == "London"
    return WEATHER


class Conversation:
    """A session whose errors are complaints."""

    def __init__(self, session: RealtimeSession, sighting: Sighting) -> None:
        self.session = session
        self._sighting = sighting
        self._events = aiter(session)

    async def until(self, kind: type) -> None:
        """Read up to an event of this kind."""
        async for event in self._events:
            if isinstance(event, RealtimeSessionErrorEvent):
                self._sighting.complaints.append(str(event))
            if isinstance(event, kind):
                return

    def answers(self) -> list[Any]:
        """The parts of all answers."""
        messages = self.session.all_messages()
        return [part for each in messages if isinstance(each, ModelResponse) for part in each.parts]


@contextlib.asynccontextmanager
async def conversing(url: str, sighting: Sighting, **settings: Any) -> AsyncIterator[Conversation]:
    """The agent in a session."""
    model = OpenAIRealtimeModel(
        "gpt-realtime", provider=OpenAIProvider(base_url=url, api_key="none")
    )
    bound = agent.realtime(model, model_settings=settings)
    async with bound.session(handle_barge_in=True) as session:
        yield Conversation(session, sighting)


async def written(url: str, sighting: Sighting) -> None:
    """A written turn."""
    async with conversing(url, sighting, output_modality="text") as conversation:
        await conversation.session.send(GREETING)
        await conversation.until(RealtimeTurnCompleteEvent)
        assert conversation.answers() == [TextPart(GREETED)], conversation.answers()


async def spoken(url: str, sighting: Sighting) -> None:
    """A spoken turn, and its transcript."""
    async with conversing(url, sighting) as conversation:
        audio = conversation.session.stream_audio()
        await conversation.session.send_audio(SPEECH + PAUSE)
        await conversation.until(RealtimeTurnCompleteEvent)
        (answer,) = conversation.answers()
        assert isinstance(answer, SpeechPart)
        assert answer.transcript == GREETED
        heard, expected = 0, len(GREETED) * 60 * 2 * RATE // 1000
        while heard < expected:
            heard += len(await anext(audio))
        assert heard == expected, heard


async def called(url: str, sighting: Sighting) -> None:
    """A turn with a tool, which the agent runs."""
    async with conversing(url, sighting, output_modality="text") as conversation:
        await conversation.session.send(FORECAST)
        await conversation.until(RealtimeTurnCompleteEvent)
        assert conversation.answers()[-1].content == FORECAST_GIVEN, conversation.answers()


async def interrupted(url: str, sighting: Sighting) -> None:
    """An answer that the user speaks over: the session truncates what was not played."""
    async with conversing(url, sighting) as conversation:
        audio = conversation.session.stream_audio()
        await conversation.session.send(STORY)
        for _ in range(HEARD_CHUNKS):
            await anext(audio)
        await conversation.session.send_audio(SPEECH)
        await conversation.until(RealtimeInputSpeechStartEvent)
        await conversation.until(RealtimeTurnCompleteEvent)
        (answer,) = conversation.answers()
        assert answer.interrupted_at_ms, answer
        await conversation.session.send_audio(PAUSE)
        await conversation.until(RealtimeTurnCompleteEvent)
        assert conversation.answers()[-1].transcript == GREETED, conversation.answers()


if __name__ == "__main__":
    run(
        "Pydantic AI",
        "pydantic-ai-slim",
        {"text": written, "spoken": spoken, "tool": called, "barge-in": interrupted},
        silent=True,
    )
