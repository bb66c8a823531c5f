"""A program of the beta's days, unchanged but for its URL: OpenAI's own SDK, version 1.109.1.

    python beta_script.py URL

It holds a written, a spoken and a tool turn, interrupts an answer, and asks for secrets over HTTP.
Each event is judged when it is read. At the end it writes what came, as JSON, by turn.
"""

import asyncio
import base64
import json
import sys
from typing import Any

from openai import AsyncOpenAI
from openai.resources.beta.realtime.realtime import AsyncRealtimeConnection

from support.beta_types import problem
from support.sound import silence, tone, utterance

MODEL: Any = "gpt-4o-realtime-preview"

WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "Look up the weather for a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}

Events = list[dict[str, Any]]


class Program:
    """A connection of the SDK, and what came over it since the last turn ended."""

    def __init__(self, api: AsyncRealtimeConnection) -> None:
        self.api = api
        self.events: Events = []

    async def until(self, kind: str) -> dict[str, Any]:
        """The next event of this type; all are valid, and read by the SDK without loss."""
        while True:
            frame = await self.api.recv_bytes()
            sent: dict[str, Any] = json.loads(frame)
            assert not problem(sent), f"{problem(sent)}\n{sent}"
            assert self.api.parse_event(frame).to_dict(mode="json") == sent
            self.events.append(sent)
            if sent["type"] == kind:
                return sent

    async def turn(self) -> Events:
        """All up to the end of the next response."""
        await self.until("response.done")
        events, self.events = self.events, []
        return events

    async def say(self, text: str) -> None:
        """A user's message in writing, and the request to answer it."""
        await self.api.conversation.item.create(
            item={
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": text}],
            }
        )
        await self.api.response.create()

    async def append(self, pcm: bytes) -> None:
        """Speech."""
        await self.api.input_audio_buffer.append(audio=base64.b64encode(pcm).decode())

    async def written(self) -> Events:
        """A written turn."""
        await self.api.session.update(session={"modalities": ["text"], "temperature": 0.7})
        await self.say("good morning")
        return await self.turn()

    async def called(self) -> Events:
        """A turn with a tool."""
        await self.api.session.update(session={"tools": [WEATHER], "tool_choice": "auto"})
        await self.say("the weather in london please")
        events = await self.turn()
        call = events[-1]["response"]["output"][0]
        await self.api.conversation.item.create(
            item={"type": "function_call_output", "call_id": call["call_id"], "output": "foggy"}
        )
        await self.api.response.create()
        return events + await self.turn()

    async def spoken(self) -> Events:
        """A spoken turn."""
        await self.api.session.update(
            session={
                "modalities": ["audio", "text"],
                "input_audio_transcription": {"model": "whisper-1"},
                "turn_detection": {"type": "server_vad", "silence_duration_ms": 500},
            }
        )
        await self.append(utterance())
        return await self.turn()

    async def interrupted(self) -> Events:
        """An answer that the user speaks over."""
        await self.say("a story please")
        item_id = (await self.until("response.audio.delta"))["item_id"]
        await self.append(silence(320) + tone(500))
        events = await self.turn()
        await self.api.conversation.item.truncate(
            item_id=item_id, content_index=0, audio_end_ms=1000
        )
        await self.append(silence(640))
        return events + await self.turn()


async def main(url: str) -> None:
    """All turns on one connection, and then the secrets."""
    # This version opens `wss` also where the base URL has `http`, unless it is told otherwise.
    sockets = url.replace("http", "ws", 1)
    async with AsyncOpenAI(base_url=url, websocket_base_url=sockets, api_key="none") as openai:
        async with openai.beta.realtime.connect(model=MODEL) as connection:
            program = Program(connection)
            await program.until("session.created")
            turns: dict[str, Any] = {
                "written": await program.written(),
                "called": await program.called(),
                "spoken": await program.spoken(),
                "interrupted": await program.interrupted(),
            }
        session = await openai.beta.realtime.sessions.create(model=MODEL, voice="ash")
        hearing = await openai.beta.realtime.transcription_sessions.create(
            input_audio_transcription={"model": "whisper-1"}
        )
        turns["secrets"] = [session.to_dict(mode="json"), hearing.to_dict(mode="json")]
    print(json.dumps(turns))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
