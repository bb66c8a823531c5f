"""Pipecat's service for the Realtime API in a pipeline with nothing but its context."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from loguru import logger
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    LLMFullResponseEndFrame,
    LLMRunFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
)
from pipecat.observers.base_observer import BaseObserver, FramePushed
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.llm_service import FunctionCallParams
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.workers.runner import WorkerRunner

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

HEARD_MS = 1_000


async def get_weather(params: FunctionCallParams, city: str) -> None:
    """Look up the weather for a city.

    Args:
        city: The city.
    """
    assert city == "London"
    await params.result_callback(WEATHER)


class Output(BaseObserver):
    """Collects the frames of the answers as they leave the service."""

    def __init__(self, service: OpenAIRealtimeLLMService) -> None:
        super().__init__()
        self.frames: asyncio.Queue[Frame] = asyncio.Queue()
        self._service = service

    async def on_push_frame(self, data: FramePushed) -> None:
        """Collect a frame."""
        if data.source is self._service and data.direction is FrameDirection.DOWNSTREAM:
            self.frames.put_nowait(data.frame)


class Conversation:
    """A pipeline, and the frames of its service."""

    def __init__(self, worker: PipelineWorker, output: Output, received: list[str]) -> None:
        self.received = received
        """The types of the server's events."""
        self._worker = worker
        self._frames = output.frames

    async def ask(self) -> None:
        """Have what is in the context answered."""
        await self._worker.queue_frame(LLMRunFrame())

    async def speak(self, pcm: bytes) -> None:
        """Say something."""
        await self._worker.queue_frame(
            InputAudioRawFrame(audio=pcm, sample_rate=RATE, num_channels=1)
        )

    async def listen(self, ms: int) -> None:
        """Read up to so much of the answer's audio."""
        heard = 0
        while heard < ms * RATE // 1000 * 2:
            frame = await self._frames.get()
            heard += len(frame.audio) if isinstance(frame, TTSAudioRawFrame) else 0

    async def ended(self) -> None:
        """Read up to the end of the answer."""
        while not isinstance(await self._frames.get(), LLMFullResponseEndFrame):
            pass

    async def answer(self) -> tuple[str, int]:
        """The text of the next answer that has one, and how many samples of audio came."""
        text, audio = "", 0
        while True:
            frame = await self._frames.get()
            if isinstance(frame, LLMTextFrame):
                text += frame.text
            elif isinstance(frame, TTSAudioRawFrame):
                audio += len(frame.audio) // 2
            elif isinstance(frame, LLMFullResponseEndFrame) and text:
                return text, audio


@contextlib.contextmanager
def watching(sighting: Sighting) -> Iterator[list[str]]:
    """Note what the service has no model for; gives the types of all events that it reads."""
    received: list[str] = []
    parse = events.parse_server_event

    def noting(frame: str) -> Any:
        kind = json.loads(frame)["type"]
        received.append(kind)
        parsed = parse(frame)
        if parsed is None:
            sighting.unknown.add(kind)
        return parsed

    events.parse_server_event = noting
    try:
        yield received
    finally:
        events.parse_server_event = parse


@contextlib.asynccontextmanager
async def conversing(
    url: str, sighting: Sighting, modality: Any, *texts: str
) -> AsyncIterator[Conversation]:
    """A pipeline whose errors are complaints, with these messages of the user in its context."""
    logger.remove()
    logger.add(lambda line: sighting.complaints.append(str(line).strip()), level="WARNING")
    service = OpenAIRealtimeLLMService(
        api_key="none",
        base_url=f"{url.replace('http', 'ws', 1)}/realtime",
        settings=OpenAIRealtimeLLMService.Settings(
            session_properties=events.SessionProperties(
                output_modalities=[modality],
                audio=events.AudioConfiguration(
                    input=events.AudioInput(transcription=events.InputAudioTranscription())
                ),
            )
        ),
    )
    context = LLMContext(
        [{"role": "user", "content": text} for text in texts],
        ToolsSchema(standard_tools=[get_weather]),
    )
    around = LLMContextAggregatorPair(context)
    output = Output(service)
    worker = PipelineWorker(
        Pipeline([around.user(), service, around.assistant()]), observers=[output]
    )

    @worker.event_handler("on_pipeline_error")
    async def complain(_: PipelineWorker, frame: ErrorFrame) -> None:
        sighting.complaints.append(frame.error)

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    with watching(sighting) as received:
        running = asyncio.create_task(runner.run())
        try:
            yield Conversation(worker, output, received)
        finally:
            await runner.cancel()
            await running


async def written(url: str, sighting: Sighting) -> None:
    """A written turn."""
    async with conversing(url, sighting, "text", GREETING) as conversation:
        await conversation.ask()
        assert await conversation.answer() == (GREETED, 0)


async def spoken(url: str, sighting: Sighting) -> None:
    """A spoken turn."""
    async with conversing(url, sighting, "audio") as conversation:
        await conversation.speak(SPEECH)
        await conversation.speak(PAUSE)
        assert await conversation.answer() == (GREETED, len(GREETED) * 60 * RATE // 1000)


async def called(url: str, sighting: Sighting) -> None:
    """A turn with a tool, which the service runs."""
    async with conversing(url, sighting, "text", FORECAST) as conversation:
        await conversation.ask()
        text, _ = await conversation.answer()
        assert text == FORECAST_GIVEN, text


async def interrupted(url: str, sighting: Sighting) -> None:
    """An answer that the user speaks over: the service truncates it."""
    async with conversing(url, sighting, "audio", STORY) as conversation:
        await conversation.ask()
        await conversation.listen(HEARD_MS)
        await conversation.speak(SPEECH)
        await conversation.ended()
        await conversation.speak(PAUSE)
        text, _ = await conversation.answer()
        assert text == GREETED, text
        assert "conversation.item.truncated" in conversation.received


if __name__ == "__main__":
    run(
        "Pipecat",
        "pipecat-ai",
        {"text": written, "spoken": spoken, "tool": called, "barge-in": interrupted},
    )
