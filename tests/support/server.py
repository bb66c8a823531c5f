"""A real server on a free port of this machine, and a client that forgets nothing.

    async with serving(replies=REPLIES) as server, server.connect() as client:
        await client.send("response.create")
        done = await client.until("response.done")

The server is the product's own, from the composition root on, in this process. Its engines are
scripted ones unless a test brings others. Every event is held against the SDK's types when it is
received, so no test can forget that.
"""

import asyncio
import base64
import contextlib
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

from support.own_events import MEASURED, assert_valid_measures
from support.sdk_types import assert_valid_event
from vivavoce.app import serving as serving_engines
from vivavoce.config import Settings
from vivavoce.engines.base import (
    LanguageModel,
    NoiseReducer,
    SpeechRecognizer,
    SpeechSynthesizer,
    TurnDetector,
    VoiceActivityDetector,
)
from vivavoce.engines.llm.scripted import ScriptedModel
from vivavoce.engines.stt.scripted import ScriptedRecognizer
from vivavoce.engines.tts.scripted import ScriptedSynthesizer
from vivavoce.engines.vad.scripted import ScriptedDetector
from vivavoce.reloading import ReadAgain
from vivavoce.runtime.catalogue import Catalogue, Engines

PATIENCE_S = 30.0
"""A test that waits for longer than this has failed; what it received is then shown."""

REPLIES = """
rules:
  - {event: inaudible, say: "Pardon?"}
  - {event: opening, say: Hello.}
  - {say: "I heard: {heard}."}
"""

Event = dict[str, Any]


class Closed(Exception):  # noqa: N818 - often the expected end
    """The server has closed the connection."""

    def __init__(self, code: int | None, reason: str) -> None:
        super().__init__(f"closed with {code}: {reason}")
        self.code = code
        self.reason = reason


class Client:
    """A WebSocket client of which every test sees every event."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.events: list[Event] = []
        """All that was received."""
        self.asked_for_measures = False
        """Whether the one event of our own may come."""
        self._ids: set[str] = set()

    async def send(self, kind: str, **fields: Any) -> None:
        """Send an event."""
        await self.socket.send_str(json.dumps({"type": kind, **fields}))

    async def append(self, audio: bytes, chunk: int | None = None) -> None:
        """Append audio, in chunks of so many bytes, as fast as the server takes it."""
        size = chunk or max(len(audio), 1)
        for start in range(0, len(audio), size):
            encoded = base64.b64encode(audio[start : start + size]).decode()
            await self.send("input_audio_buffer.append", audio=encoded)

    async def say(self, text: str) -> None:
        """A user's message."""
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        await self.send("conversation.item.create", item=item)

    async def update(self, kind: str = "realtime", **session: Any) -> Event:
        """Change the session; gives `session.updated`."""
        await self.send("session.update", session={"type": kind, **session})
        return await self.until("session.updated")

    async def next(self) -> Event:
        """The next event, valid by the SDK's types. Raises `Closed`."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                message = await self.socket.receive()
        except TimeoutError:
            raise AssertionError(f"nothing came after {self.kinds()}") from None
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise Closed(self.socket.close_code, message.extra or "")
        assert len(message.data) < 8 * 1024 * 1024, "a frame is too large for known clients"
        event: Event = json.loads(message.data)
        if self.asked_for_measures and event["type"] == MEASURED:
            assert_valid_measures(event)
        else:
            self.judge(event)
        assert event["event_id"] not in self._ids, "an event id was used twice"
        self._ids.add(event["event_id"])
        self.events.append(event)
        return event

    def judge(self, event: Event) -> None:
        """Fails if the event is not valid."""
        assert_valid_event(event)

    async def until(self, kind: str, **wanted: Any) -> Event:
        """The next event of this kind in which these fields have these values."""
        while True:
            event = await self.next()
            if event["type"] == kind and wanted.items() <= event.items():
                return event

    async def all_until(self, kind: str) -> list[Event]:
        """What comes up to the next event of this kind, this one included."""
        begin = len(self.events)
        await self.until(kind)
        return self.events[begin:]

    async def error(self) -> Event:
        """The next event, which must be an error; gives its `error`."""
        event = await self.next()
        assert event["type"] == "error", event
        detail: Event = event["error"]
        return detail

    async def until_closed(self) -> Closed:
        """How the server closes."""
        try:
            while True:
                await self.next()
        except Closed as closed:
            return closed

    async def nothing_new(self) -> None:
        """The server answers, and has had nothing else to say: commands are handled in order."""
        await self.send("conversation.item.retrieve", item_id="nobody")
        assert (await self.error())["code"] == "item_retrieve_invalid_item_id"

    def kinds(self) -> list[str]:
        """The types of all events."""
        return [event["type"] for event in self.events]

    def of(self, kind: str) -> list[Event]:
        """All events of this type."""
        return [event for event in self.events if event["type"] == kind]


class LiveServer:
    """A server that listens on this machine."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self.url = url
        """The base URL for clients, `http://127.0.0.1:PORT/v1`."""
        self.http = http

    @contextlib.asynccontextmanager
    async def connect(
        self,
        query: str = "model=test",
        *,
        protocols: tuple[str, ...] = (),
        headers: dict[str, str] | None = None,
        greeted: bool = True,
    ) -> AsyncIterator[Client]:
        """A client, at first after `session.created` (where `greeted`); closed at the end."""
        url = f"{self.url}/realtime?{query}"
        async with self.http.ws_connect(
            url, protocols=protocols, headers=headers, max_msg_size=0
        ) as socket:
            client = Client(socket)
            if greeted:
                first = await client.next()
                assert first["type"] == "session.created", first
            yield client

    async def sessions(self) -> int:
        """How many sessions the server holds."""
        async with self.http.get(f"{self.url.removesuffix('/v1')}/health") as answer:
            health = await answer.json()
        count: int = health["sessions"]
        return count

    async def until_sessions(self, count: int) -> None:
        """Returns when the server holds so many sessions."""
        async with asyncio.timeout(PATIENCE_S):
            while await self.sessions() != count:
                pass

    async def until_idle(self) -> None:
        """Returns when the server holds no session any more."""
        await self.until_sessions(0)


@contextlib.asynccontextmanager
async def serving(
    *,
    replies: str = REPLIES,
    vad: VoiceActivityDetector | None = None,
    stt: SpeechRecognizer | None = None,
    llm: LanguageModel | None = None,
    tts: SpeechSynthesizer | None = None,
    turn: TurnDetector | None = None,
    noise: NoiseReducer | None = None,
    **settings: Any,
) -> AsyncIterator[LiveServer]:
    """A server with these engines, and scripted ones in the other slots that have to be filled;
    `settings` as an operator's, `replies` for the scripted model."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as script:
        script.write(replies)
        script.flush()
        engines = Engines(
            vad=vad or ScriptedDetector(),
            stt=stt or ScriptedRecognizer(),
            llm=llm or ScriptedModel(Path(script.name)),
            tts=tts or ScriptedSynthesizer(),
            turn=turn,
            noise=noise,
        )
        async with (
            aiohttp.ClientSession() as http,
            serving_engines(engines.catalogue(), Settings(port=0, **settings)) as server,
        ):
            yield LiveServer(server.url, http)


@contextlib.asynccontextmanager
async def serving_models(
    models: Catalogue, read_again: ReadAgain | None = None, **settings: Any
) -> AsyncIterator[LiveServer]:
    """A server with named models; a reload asks `read_again`."""
    configured = Settings(port=0, **settings)
    async with (
        aiohttp.ClientSession() as http,
        serving_engines(models, configured, read_again=read_again) as server,
    ):
        yield LiveServer(server.url, http)
