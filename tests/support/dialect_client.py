"""Clients of both dialects, under one vocabulary: that of GA.

    async with connect(replies=REPLIES) as client:
        await client.update(audio={"input": {"turn_detection": None}})
        assert client.shown("audio.input.turn_detection") is None

A test names events, settings and content types as GA does. A client of the beta dialect says, and
waits for, what protocol 2.7 makes of them. What it receives stays as it came, and is judged by the
types of its own dialect. The tables are the tests' own, not those of the server.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import aiohttp

from support.beta_judge import BETA, BetaJudge
from support.sdk_types import assert_valid_event
from support.server import Client, Event, LiveServer

EVENTS = {
    "conversation.item.added": "conversation.item.created",
    **{
        f"response.output_{part}.{step}": f"response.{part}.{step}"
        for part in ("text", "audio", "audio_transcript")
        for step in ("delta", "done")
    },
}
"""The beta dialect's names of events that have another one there."""

UNSENT = frozenset({"conversation.item.done", "input_audio_buffer.timeout_triggered"})
"""What the beta dialect does not have."""

SETTINGS = {
    "output_modalities": "modalities",
    "audio.input.format": "input_audio_format",
    "audio.input.transcription": "input_audio_transcription",
    "audio.input.noise_reduction": "input_audio_noise_reduction",
    "audio.input.turn_detection": "turn_detection",
    "audio.output.format": "output_audio_format",
    "audio.output.voice": "voice",
    "audio.output.speed": "speed",
    "max_output_tokens": "max_response_output_tokens",
}
"""The beta dialect's names of settings."""

FORMATS = {"audio/pcm": "pcm16", "audio/pcmu": "g711_ulaw", "audio/pcma": "g711_alaw"}
CONTENTS = {"output_text": "text", "output_audio": "audio"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """What GA's words are in a dialect; here they stay as they are."""

    name: str = "ga"

    @property
    def headers(self) -> dict[str, str]:
        """What asks for the dialect."""
        return {}

    def event(self, kind: str) -> str:
        """The type of an event."""
        return kind

    def events(self, kinds: Iterable[str]) -> list[str]:
        """A sequence of events, without those that the dialect lacks."""
        return list(kinds)

    def path(self, path: str) -> str:
        """The `param` of an error about a setting, such as `session.audio.output.speed`."""
        return path

    def content(self, kind: str) -> str:
        """The type of an assistant's content: `output_text` or `output_audio`."""
        return kind

    def item(self, item: Event) -> Event:
        """An item as a client sends it."""
        return item

    def settings(self, settings: Event) -> Event:
        """The settings of a session or a response, as a client sends them."""
        return settings

    def shown(self, shown: Event, path: str) -> Any:
        """A setting as a session or a response shows it, in GA's form."""
        for key in path.split("."):
            shown = shown[key]
        return shown


class BetaDialect(Dialect):
    """What they are in the beta dialect."""

    __slots__ = ()

    @property
    def headers(self) -> dict[str, str]:
        return BETA

    def event(self, kind: str) -> str:
        return EVENTS.get(kind, kind)

    def events(self, kinds: Iterable[str]) -> list[str]:
        return [self.event(kind) for kind in kinds if kind not in UNSENT]

    def path(self, path: str) -> str:
        for name, beta in SETTINGS.items():
            path = path.replace(f".{name}", f".{beta}")
        return path

    def content(self, kind: str) -> str:
        return CONTENTS[kind]

    def item(self, item: Event) -> Event:
        content = item.get("content", ())
        renamed = [{**part, "type": CONTENTS.get(part["type"], part["type"])} for part in content]
        return {**item, "content": renamed} if "content" in item else item

    def settings(self, settings: Event) -> Event:
        return {
            SETTINGS.get(path, path): old_value(path, value)
            for path, value in leaves(settings)
            if path != "type"
        }

    def shown(self, shown: Event, path: str) -> Any:
        setting = next((known for known in SETTINGS if f"{path}.".startswith(f"{known}.")), "")
        value = shown[SETTINGS[setting]] if setting else shown
        rest = path.removeprefix(setting).strip(".")
        for key in rest.split(".") if rest else ():
            value = value[key]
        return new_value(path, value)


def leaves(settings: Event, path: str = "") -> Iterable[tuple[str, Any]]:
    """All settings with their paths; of what is nested, `audio` alone is flat in beta."""
    for key, value in settings.items():
        inner = f"{path}.{key}" if path else key
        if inner in ("audio", "audio.input", "audio.output"):
            yield from leaves(value, inner)
        else:
            yield inner, value


def old_value(path: str, value: Any) -> Any:
    """The beta dialect's value of a setting."""
    if path.endswith(".format"):
        return FORMATS[value["type"]]
    if path == "output_modalities":
        return ["audio", "text"] if value == ["audio"] else value
    return value


def new_value(path: str, value: Any) -> Any:
    """GA's value of a setting of the beta dialect."""
    if path.endswith(".format"):
        name = next(name for name, beta in FORMATS.items() if beta == value)
        return {"type": name} | ({"rate": 24_000} if name == "audio/pcm" else {})
    if path == "output_modalities":
        return ["audio"] if value == ["audio", "text"] else value
    return value


GA = Dialect()
DIALECTS = {"ga": GA, "beta": BetaDialect("beta")}


class DialectClient(Client):
    """A client of a dialect. Its arguments are in the words of GA, what it gives is as received."""

    def __init__(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        dialect: Dialect,
        judge: BetaJudge | None,
        server: LiveServer,
    ) -> None:
        super().__init__(socket)
        self.dialect = dialect
        self.server = server
        self._judge = judge

    def judge(self, event: Event) -> None:
        if self._judge is None:
            assert_valid_event(event)
        else:
            self._judge.assert_valid(event)

    async def until(self, kind: str, **wanted: Any) -> Event:
        """The next event of this kind; an `error` that is not waited for is a failure."""
        name = self.dialect.event(kind)
        while True:
            event = await self.next()
            if event["type"] == name and wanted.items() <= event.items():
                return event
            assert event["type"] != "error", f"waited for {name}, and got {event['error']}"

    def of(self, kind: str) -> list[Event]:
        return super().of(self.dialect.event(kind))

    async def update(self, kind: str = "realtime", **session: Any) -> Event:
        """Change the session; gives it as it then is."""
        await self.ask_update(kind, **session)
        updated = "transcription_session" if self.beta and kind != "realtime" else "session"
        shown: Event = (await self.until(f"{updated}.updated"))["session"]
        return shown

    async def ask_update(self, kind: str = "realtime", /, **session: Any) -> None:
        """Ask for a change of the session, whatever comes of it."""
        event = "transcription_session" if self.beta and kind != "realtime" else "session"
        patch = self.dialect.settings({"type": kind, **session})
        await self.send(f"{event}.update", session=patch)

    async def refused(self, kind: str, **fields: Any) -> Event:
        """Send an event, to which the answer is an error; gives its `error`."""
        await self.send(kind, **fields)
        return await self.error()

    async def refused_update(self, kind: str = "realtime", /, **session: Any) -> Event:
        """Ask for a change that is refused; gives the `error`."""
        await self.ask_update(kind, **session)
        return await self.error()

    async def create(self, item: Event, **fields: Any) -> Event:
        """Create an item; gives the event that shows it (`conversation.item.added`)."""
        await self.send("conversation.item.create", item=self.dialect.item(item), **fields)
        added = await self.until("conversation.item.added")
        if not self.beta:
            await self.until("conversation.item.done")
        return added

    async def respond(self, **response: Any) -> list[Event]:
        """Ask for a response; gives all events up to its `response.done`."""
        asked = {"response": self.dialect.settings(response)} if response else {}
        await self.send("response.create", **asked)
        return await self.all_until("response.done")

    @property
    def beta(self) -> bool:
        """Whether this client speaks the beta dialect."""
        return self.dialect.name == "beta"

    @property
    def session(self) -> Event:
        """The session as it was shown last."""
        shown = [event["session"] for event in self.events if "session" in event]
        last: Event = shown[-1]
        return last

    def shown(self, path: str) -> Any:
        """A setting of the session as it was shown last, by GA's path and in GA's form."""
        return self.dialect.shown(self.session, path)


Connect = Callable[..., AbstractAsyncContextManager[DialectClient]]
"""What the fixture `connect` is: see `tests/conformance/conftest.py`."""


def kinds(events: Iterable[Event]) -> list[str]:
    """The types of events in order, deltas left out."""
    return [event["type"] for event in events if not event["type"].endswith(".delta")]
