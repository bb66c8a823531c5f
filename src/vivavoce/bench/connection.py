"""One caller's connection: frames out, and the moments at which events came.

Events are read into a struct of the few fields that are needed; msgspec passes over the rest, audio
among it, without making objects of it.
"""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec
from aiohttp import WSMsgType

SPEECH_STARTED = "input_audio_buffer.speech_started"
SPEECH_STOPPED = "input_audio_buffer.speech_stopped"
COMMITTED = "input_audio_buffer.committed"
TRANSCRIBED = "conversation.item.input_audio_transcription.completed"
TRANSCRIPTION_FAILED = "conversation.item.input_audio_transcription.failed"
RESPONSE_CREATED = "response.created"
FIRST_AUDIO = "response.output_audio.delta"
RESPONSE_DONE = "response.done"
SESSION_CREATED = "session.created"
SESSION_UPDATED = "session.updated"

NOTED = frozenset(
    {SPEECH_STARTED, SPEECH_STOPPED, COMMITTED, TRANSCRIBED, RESPONSE_CREATED, RESPONSE_DONE}
    | {SESSION_CREATED, SESSION_UPDATED}
)
"""Of these every event is kept, of `FIRST_AUDIO` the first of each response."""

Errors = Counter[str]
"""What went wrong, and how often."""


class _Response(msgspec.Struct):
    id: str = ""


class _Error(msgspec.Struct):
    message: str = ""


class _Event(msgspec.Struct):
    type: str
    item_id: str = ""
    response_id: str = ""
    audio_start_ms: float | None = None
    audio_end_ms: float | None = None
    response: _Response | None = None
    error: _Error | None = None


_decode = msgspec.json.Decoder(_Event).decode


@dataclass(frozen=True, slots=True)
class Moment:
    """An event, and when it came, on `time.perf_counter`."""

    kind: str
    at: float
    position_ms: float | None = None
    """Where in the audio, by the server: `audio_start_ms` or `audio_end_ms`."""
    item_id: str = ""
    response_id: str = ""


@dataclass(slots=True)
class Connection:
    """An open connection. `listen` reads until it closes; `send` may run beside it."""

    _socket: aiohttp.ClientWebSocketResponse
    _errors: Errors
    moments: list[Moment] = field(default_factory=list)
    responding: set[str] = field(default_factory=set)
    """Responses of which audio has come."""
    done: int = 0
    """Responses that have ended."""
    lost: bool = False
    """Whether the server has closed it."""

    async def send(self, frame: bytes) -> None:
        """Send a text frame; waits while the server does not read. Does nothing when it is lost."""
        if self.lost:
            return
        try:
            await self._socket.send_frame(frame, WSMsgType.TEXT)
        except ConnectionError:
            self.lost = True  # `listen` sees it as well, and counts it

    async def listen(self) -> None:
        """Note events until the connection closes."""
        async for message in self._socket:
            if message.type is WSMsgType.TEXT:
                self._note(message.data, time.perf_counter())
        self._errors[f"the server closed the connection (code {self._socket.close_code})"] += 1
        self.lost = True

    async def close(self) -> None:
        """Close it, and wait until the server has too, ten seconds at most."""
        await self._socket.close()

    async def greet(self, session: dict[str, Any]) -> None:
        """Wait for the server's greeting, ask for this session and wait for the answer.

        Raises `ConnectionError` if it closes instead, or sends an error.
        """
        await self._until(SESSION_CREATED)
        await self.send(msgspec.json.encode({"type": "session.update", "session": session}))
        await self._until(SESSION_UPDATED)

    async def _until(self, kind: str) -> None:
        while not any(moment.kind == kind for moment in self.moments):
            message = await self._socket.receive()
            if message.type is not WSMsgType.TEXT:
                raise ConnectionError(f"closed before {kind} (code {self._socket.close_code})")
            if (refusal := self._note(message.data, time.perf_counter())) is not None:
                raise ConnectionError(f"the server refused the session: {refusal}")

    def _note(self, text: str, now: float) -> str | None:
        """Take down an event; gives the text of an error."""
        try:
            event = _decode(text)
        except msgspec.DecodeError as error:
            self._errors[f"the server sent what is no event: {error}"] += 1
            return str(error)
        kind = event.type
        if kind == FIRST_AUDIO:
            if event.response_id not in self.responding:
                self.responding.add(event.response_id)
                self.moments.append(Moment(kind, now, response_id=event.response_id))
        elif kind in NOTED:
            response_id = event.response.id if event.response else event.response_id
            start_ms, end_ms = event.audio_start_ms, event.audio_end_ms
            position_ms = end_ms if start_ms is None else start_ms
            self.moments.append(Moment(kind, now, position_ms, event.item_id, response_id))
            self.done += kind == RESPONSE_DONE
        elif kind in ("error", TRANSCRIPTION_FAILED):
            message = event.error.message if event.error else kind
            self._errors[message] += 1
            return message
        return None


async def connect(
    http: aiohttp.ClientSession, url: str, headers: dict[str, str], errors: Errors
) -> Connection:
    """Open a connection without compression, which has to be closed.

    Raises `aiohttp.ClientError` or `OSError` where there is no realtime server.
    """
    socket = await http.ws_connect(
        url, protocols=("realtime",), headers=headers, max_msg_size=0, compress=0
    )
    return Connection(socket, errors)
