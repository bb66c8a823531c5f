"""Clients through OpenAI's own Python SDK, whose every event is judged when it is received."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from openai import AsyncOpenAI, omit
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeServerEvent

from support.sdk_types import assert_valid_event
from support.server import PATIENCE_S

CHUNK_BYTES = 1920
"""40 ms of 24 kHz PCM."""


class SdkClient:
    """A connection of the SDK, `api`, and all events that came over it, as the SDK's objects."""

    def __init__(self, api: AsyncRealtimeConnection) -> None:
        self.api = api
        self.events: list[Any] = []

    async def next(self) -> Any:
        """The next event: valid, and read by the SDK without loss."""
        async with asyncio.timeout(PATIENCE_S):
            frame = await self.api.recv_bytes()
        sent = json.loads(frame)
        assert_valid_event(sent)
        event: RealtimeServerEvent = self.api.parse_event(frame)
        assert event.to_dict(mode="json") == sent
        self.events.append(event)
        return event

    async def until(self, kind: str) -> Any:
        """The next event of this type."""
        while True:
            event = await self.next()
            if event.type == kind:
                return event

    async def turn(self) -> list[Any]:
        """All events up to the end of the next response."""
        begin = len(self.events)
        await self.until("response.done")
        return self.events[begin:]

    async def say(self, text: str) -> None:
        """A user's message in writing."""
        await self.api.conversation.item.create(
            item={
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": text}],
            }
        )

    async def append(self, pcm: bytes, *, pace: float | None = None) -> None:
        """Speak: at `pace` times the speed of life, or as fast as the server takes it."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for start in range(0, len(pcm), CHUNK_BYTES):
            if pace is not None:
                await asyncio.sleep(begin + start / 48_000 / pace - loop.time())
            chunk = base64.b64encode(pcm[start : start + CHUNK_BYTES]).decode()
            await self.api.input_audio_buffer.append(audio=chunk)

    def of(self, kind: str) -> list[Any]:
        """All events of this type."""
        return [event for event in self.events if event.type == kind]

    def spoken(self) -> bytes:
        """All audio that the server has sent."""
        return b"".join(base64.b64decode(e.delta) for e in self.of("response.output_audio.delta"))


@contextlib.asynccontextmanager
async def sdk_client(
    url: str, *, transcription: bool = False, api_key: str = "none"
) -> AsyncIterator[SdkClient]:
    """The SDK, connected to the server at this base URL, after `session.created`."""
    async with (
        AsyncOpenAI(base_url=url, api_key=api_key) as openai,
        openai.realtime.connect(
            model=omit if transcription else "gpt-realtime",
            extra_query={"intent": "transcription"} if transcription else {},
        ) as connection,
    ):
        client = SdkClient(connection)
        assert (await client.next()).type == "session.created"
        yield client
