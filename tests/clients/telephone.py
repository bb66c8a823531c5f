"""A bridge between a telephone's media stream and the server, with 8 kHz μ-law both ways.

It does what the bridges of telephone companies' samples do: it passes the frames of the call on as
they are, clears the caller's line when the caller speaks, and truncates what was not played. The
call itself is played here: frames of 20 ms, each with its time in the stream.
"""

import base64
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from clients.turns import (
    FORECAST,
    FORECAST_GIVEN,
    GREETED,
    GREETING,
    STORY,
    WEATHER,
    Sighting,
    run,
)

RATE = 8_000
FRAME_BYTES = 160
"""20 ms."""

LOUD = (b"\x90" * 8 + b"\x10" * 8) * 5
"""10 ms of a square wave of 500 Hz, in μ-law."""
QUIET = b"\xff"
"""Silence."""

FILTER_SAMPLES = 16
"""2 ms: how long the echo of an answer's last sample is in the filter from 24 to 8 kHz."""

MULAW = {"format": {"type": "audio/pcmu"}}

SPEECH = QUIET * (RATE * 320 // 1000) + LOUD * 50
PAUSE = QUIET * RATE


class Bridge:
    """Both ends: frames of the call go to the server, and the server's audio to the call."""

    def __init__(self, server: ClientConnection, sighting: Sighting) -> None:
        self.played = b""
        """What the caller's line was sent since it was last cleared."""
        self.transcript = ""
        """What was said or written in the last answer."""
        self.call: Any = None
        """The last function call."""
        self._server = server
        self._sighting = sighting
        self._clock_ms = 0
        self._answer: tuple[str, int] | None = None

    async def send(self, kind: str, **fields: Any) -> None:
        """Send an event to the server."""
        await self._server.send(json.dumps({"type": kind, **fields}))

    async def say(self, audio: bytes) -> None:
        """The caller's next frames."""
        for start in range(0, len(audio), FRAME_BYTES):
            payload = base64.b64encode(audio[start : start + FRAME_BYTES]).decode()
            self._clock_ms += 20
            await self.send("input_audio_buffer.append", audio=payload)

    async def write(self, item: dict[str, Any]) -> None:
        """Put an item into the conversation, and have it answered."""
        await self.send("conversation.item.create", item=item)
        await self.send("response.create")

    async def ask(self, text: str) -> None:
        """A user's message in writing, as samples send it to have the call greeted."""
        content = [{"type": "input_text", "text": text}]
        await self.write({"type": "message", "role": "user", "content": content})

    async def until(self, kind: str) -> Any:
        """Handle the server's events up to one of this type."""
        async for frame in self._server:
            event = json.loads(frame)
            await self._handle(event)
            if event["type"] == kind:
                return event
        raise EOFError(f"the server closed before {kind}")

    async def _handle(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "response.output_audio.delta":
                self._answer = self._answer or (event["item_id"], self._clock_ms)
                self.played += base64.b64decode(event["delta"], validate=True)
            case "response.output_audio_transcript.done":
                self.transcript = event["transcript"]
            case "response.function_call_arguments.done":
                self.call = event
            case "input_audio_buffer.speech_started":
                await self._clear()
            case "response.created":
                self._answer, self.played, self.transcript = None, b"", ""
            case "error":
                self._sighting.complaints.append(event["error"]["message"])

    async def _clear(self) -> None:
        """The caller speaks: what was not played by now will not be."""
        if self._answer is not None:
            item_id, began_ms = self._answer
            self._answer = None
            await self.send(
                "conversation.item.truncate",
                item_id=item_id,
                content_index=0,
                audio_end_ms=self._clock_ms - began_ms,
            )
        self.played = b""


@contextlib.asynccontextmanager
async def calling(url: str, sighting: Sighting, **session: Any) -> AsyncIterator[Bridge]:
    """A call."""
    address = f"{url.replace('http', 'ws', 1)}/realtime?model=gpt-realtime"
    async with connect(address, max_size=None) as server:
        bridge = Bridge(server, sighting)
        audio = {
            "input": {**MULAW, "transcription": {"model": "whisper-1"}},
            "output": MULAW,
        }
        await bridge.send("session.update", session={"type": "realtime", "audio": audio, **session})
        await bridge.until("session.updated")
        yield bridge


def assert_heard(bridge: Bridge, text: str) -> None:
    """The caller heard this text, in as many samples as it takes and what the filter adds."""
    assert bridge.transcript == text, bridge.transcript
    expected = len(text) * 60 * RATE // 1000
    surplus = len(bridge.played) - expected
    assert 0 <= surplus <= FILTER_SAMPLES, f"{surplus} samples too many"


async def written(url: str, sighting: Sighting) -> None:
    """The greeting of a call."""
    async with calling(url, sighting) as bridge:
        await bridge.ask(GREETING)
        await bridge.until("response.done")
        assert_heard(bridge, GREETED)


async def spoken(url: str, sighting: Sighting) -> None:
    """A spoken turn, and its transcript."""
    async with calling(url, sighting) as bridge:
        await bridge.say(SPEECH + PAUSE)
        heard = await bridge.until("conversation.item.input_audio_transcription.completed")
        assert heard["transcript"] == GREETING
        await bridge.until("response.done")
        assert_heard(bridge, GREETED)


async def called(url: str, sighting: Sighting) -> None:
    """A turn with a tool."""
    tool = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}
    async with calling(url, sighting, tools=[tool]) as bridge:
        await bridge.ask(FORECAST)
        await bridge.until("response.done")
        await bridge.write(
            {
                "type": "function_call_output",
                "call_id": bridge.call["call_id"],
                "output": WEATHER,
            }
        )
        await bridge.until("response.done")
        assert_heard(bridge, FORECAST_GIVEN)


async def interrupted(url: str, sighting: Sighting) -> None:
    """An answer that the caller speaks over: the time of the call's frames says where."""
    async with calling(url, sighting) as bridge:
        await bridge.ask(STORY)
        await bridge.until("response.output_audio.delta")
        while len(bridge.played) < RATE:
            await bridge.until("response.output_audio.delta")
        await bridge.say(SPEECH)
        truncated = await bridge.until("conversation.item.truncated")
        assert truncated["audio_end_ms"] == len(SPEECH) * 1000 // RATE
        assert not bridge.played, f"{len(bridge.played)} bytes after the line was cleared"
        await bridge.say(PAUSE)
        await bridge.until("response.created")
        await bridge.until("response.done")
        assert_heard(bridge, GREETED)


if __name__ == "__main__":
    run(
        "telephone bridge (μ-law)",
        "websockets",
        {"text": written, "spoken": spoken, "tool": called, "barge-in": interrupted},
        silent=True,
    )
