"""A stage for scenarios: one session, one client, a microphone and engines, in virtual time.

    stage = Stage()
    stage.silence(960)
    stage.speech(1024)
    assert stage.news() == ["speech_started item1 660"]

Nothing here waits or runs by itself. Audio goes on in windows of 32 ms, and time goes on with it;
`advance` lets time pass without audio. Engines are played by hand (`stage.heard("hello")`), or by
a `Cast`.
"""

import heapq
import itertools
import random
from typing import Any, TypeVar

import msgspec

from support.cast import BYTES_PER_MS, Cast
from support.rendering import Names, render
from vivavoce.protocol import client_events as client
from vivavoce.protocol import server_events as ev
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.protocol.errors import ErrorDetail
from vivavoce.protocol.ids import Ids
from vivavoce.protocol.items import Item, McpError, McpListedTool
from vivavoce.protocol.prompt import Prompt
from vivavoce.protocol.session_config import (
    RealtimeSession,
    SessionConfig,
    TranscriptionSession,
    merge,
)
from vivavoce.protocol.voices import Voices
from vivavoce.session import inputs as inp
from vivavoce.session import outputs as out
from vivavoce.session.machine import Session
from vivavoce.session.speculation import Load
from vivavoce.session.state import Limits

E = TypeVar("E", bound=ev.BaseServerEvent)

PEER = 1
WINDOW = 768
WINDOW_S = 0.032
SPEECH, SILENCE = 0.95, 0.02
HOUSEKEEPING = ("TrimAudio", "EndAudio", "Interrupted", "Measured", "Speculated")
TRANSCRIBED: dict[str, Any] = {"audio": {"input": {"transcription": {"model": "any"}}}}
"""Settings of a client that wants to read what it said."""


def realtime_session(**settings: Any) -> RealtimeSession:
    """Defaults, with `settings` merged as a `session.update` would."""
    session = RealtimeSession(id="sess_1", model="any", expires_at=3600)
    merged = merge(session, {"type": "realtime", **settings})
    assert isinstance(merged, RealtimeSession)
    return merged


class Stage:
    """A session being played. `config` is merged into the default settings."""

    def __init__(
        self,
        *,
        cast: Cast | None = None,
        limits: Limits | None = None,
        session: SessionConfig | None = None,
        abilities: HearingAbilities | None = None,
        voices: Voices | None = None,
        **config: Any,
    ) -> None:
        self.names = Names()
        self.outputs: list[out.AnyOutput] = []
        self.now = 0.0
        self._cast = cast
        self._lines: list[str] = []
        self._due: list[tuple[float, int, inp.AnyInput]] = []
        self._order = itertools.count()
        self._tape: list[float] = []
        self._listening: tuple[int, int] | None = None
        self._lags = False
        self.session = Session(
            session or realtime_session(**config),
            ids=Ids(random.Random(1).getrandbits),
            limits=limits,
            default_transcription="house-recogniser",
            abilities=abilities,
            voices=voices,
        )
        self.step(inp.PeerJoined(PEER))

    # --- what the microphone picks up ------------------------------------------------------------

    def speech(self, ms: int, probability: float = SPEECH) -> None:
        """Somebody speaks for `ms` milliseconds, a multiple of 32, at real-time pace."""
        assert ms % 32 == 0, "audio comes in windows of 32 ms"
        for _ in range(ms // 32):
            self.advance_to(self.now + WINDOW_S)
            self.append([probability])

    def silence(self, ms: int) -> None:
        """Nobody speaks for `ms` milliseconds, a multiple of 32."""
        self.speech(ms, SILENCE)

    def append(self, windows: list[float]) -> None:
        """Windows with these probabilities arrive all at once."""
        self._tape.extend(windows)
        self.step(inp.AudioAppended(len(self._tape) * WINDOW))
        self._score()

    def lag(self) -> None:
        """The detector falls behind, until `catch_up`."""
        self._lags = True

    def catch_up(self) -> None:
        """The detector scores all that it has missed."""
        self._lags = False
        self._score()

    def _score(self) -> None:
        """The detector scores what it has not scored yet, as long as it is wanted."""
        while self._listening is not None and not self._lags:
            job, position = self._listening
            window = (position + WINDOW // 2) // WINDOW
            if window >= len(self._tape):
                return
            self._listening = job, position + WINDOW
            self.step(inp.SpeechScored(job, position + WINDOW, self._tape[window]))

    # --- what the client sends -------------------------------------------------------------------

    def client(self, event: client.ClientEvent) -> None:
        """The client sends an event."""
        self.step(inp.EventReceived(PEER, event))
        self._score()

    def update(self, **session: Any) -> None:
        """`session.update` with these keys."""
        self.client(client.SessionUpdate(session={"type": self._type, **session}))

    def update_input(self, **audio_input: Any) -> None:
        """`session.update` of `audio.input`."""
        self.update(audio={"input": audio_input})

    def commit(self) -> None:
        """`input_audio_buffer.commit`."""
        self.client(client.InputAudioBufferCommit())

    def clear(self) -> None:
        """`input_audio_buffer.clear`."""
        self.client(client.InputAudioBufferClear())

    def create(self, item: dict[str, Any], after: str | None = None, **event: Any) -> None:
        """`conversation.item.create`; `after` may be a name."""
        read = msgspec.convert(item, Item)
        previous = None if after is None else self.names.id_of(after)
        self.client(client.ConversationItemCreate(item=read, previous_item_id=previous, **event))

    def write(self, text: str, role: str = "user", *, id: str = "") -> None:  # noqa: A002
        """The client creates a message in text."""
        kind = "output_text" if role == "assistant" else "input_text"
        content = [{"type": kind, "text": text}]
        self.create({"type": "message", "id": id, "role": role, "content": content})

    def delete(self, name: str) -> None:
        """`conversation.item.delete`."""
        self.client(client.ConversationItemDelete(item_id=self.names.id_of(name)))

    def retrieve(self, name: str) -> None:
        """`conversation.item.retrieve`."""
        self.client(client.ConversationItemRetrieve(item_id=self.names.id_of(name)))

    def truncate(self, name: str, audio_end_ms: int, content_index: int = 0) -> None:
        """`conversation.item.truncate`."""
        self.client(
            client.ConversationItemTruncate(
                item_id=self.names.id_of(name),
                content_index=content_index,
                audio_end_ms=audio_end_ms,
            )
        )

    def respond(self, **params: Any) -> None:
        """`response.create`."""
        read = msgspec.convert(params, client.ResponseParams) if params else None
        self.client(client.ResponseCreate(response=read))

    def cancel(self, name: str | None = None) -> None:
        """`response.cancel`."""
        response_id = None if name is None else self.names.id_of(name)
        self.client(client.ResponseCancel(response_id=response_id))

    # --- what engines give, by hand; `job` is a name, the newest of its kind if left out ---------

    def transcript_delta(self, text: str, job: str | None = None) -> None:
        """The recogniser is sure of some more words."""
        self.step(inp.TranscriptDelta(self._job("hear", job), text))

    def heard(self, text: str, job: str | None = None, language: str | None = None) -> None:
        """The recogniser is done."""
        self.step(inp.Transcribed(self._job("hear", job), text, language=language))

    def judged(self, probability: float, job: str | None = None) -> None:
        """The turn detector has judged the pause."""
        self.step(inp.TurnJudged(self._job("judge", job), probability))

    def wrote(self, text: str, job: str | None = None) -> None:
        """The model writes some more words."""
        self.step(inp.TextGenerated(self._job("generate", job), text))

    def said(self, text: str, ms: int, job: str | None = None) -> None:
        """The model speaks some more words itself, in `ms` milliseconds."""
        sound = bytes(ms * BYTES_PER_MS)
        self.step(inp.AudioGenerated(self._job("generate", job), sound, text))

    def called(
        self,
        arguments: str,
        *,
        index: int = 0,
        name: str | None = None,
        call_id: str | None = None,
    ) -> None:
        """The model writes some more of a tool call."""
        job = self._job("generate", None)
        self.step(inp.ToolCallGenerated(job, index, arguments, name, call_id))

    def finished(self, reason: str = "stop", job: str | None = None, **tokens: int) -> None:
        """The model is done."""
        done = inp.GenerationFinished(self._job("generate", job), reason=reason, **tokens)
        self.step(done)

    def voiced(self, ms: int, job: str | None = None, *words: tuple[int, int]) -> None:
        """The voice gives `ms` milliseconds of speech; a word is its end and its time."""
        timed = tuple(inp.Word(*word) for word in words)
        audio = bytes(ms * BYTES_PER_MS)
        self.step(inp.AudioSynthesized(self._job("speak", job), audio, timed))

    def spoken(self, job: str | None = None) -> None:
        """The voice has spoken its clause."""
        self.step(inp.SpeechFinished(self._job("speak", job)))

    def listed(self, *tools: str, job: str | None = None, **more: Any) -> None:
        """An MCP server lists tools of these names, which may have more fields."""
        given = tuple(McpListedTool(name=name, **more) for name in tools)
        self.step(inp.ToolsListed(self._job("list", job), given))

    def returned(self, output: str, job: str | None = None) -> None:
        """A tool of an MCP server has done its work."""
        self.step(inp.ToolReturned(self._job("tool", job), output))

    def server_failed(self, error: McpError, job: str) -> None:
        """An MCP server could not do what it was asked."""
        self.step(inp.ToolServerFailed(self.names.job_id(job), error))

    def failed(self, job: str, code: str = "engine_error") -> None:
        """The engine of this job fails."""
        self.step(inp.EngineFailed(self.names.job_id(job), code, "It fell over."))

    def scored(self, job: str, probability: float) -> None:
        """The detector scores the next window, whether or not that is still wanted."""
        end = len(self._tape) * WINDOW + WINDOW
        self.step(inp.SpeechScored(self.names.job_id(job), end, probability))

    def load(self, load: Load) -> None:
        """The server gets more or less busy."""
        self.step(inp.LoadChanged(load))

    def _job(self, kind: str, name: str | None) -> int:
        return self.names.job_id(name or self.names.latest(kind))

    # --- time ------------------------------------------------------------------------------------

    def advance(self, ms: float) -> None:
        """Time passes; results and timers that fall due happen, in order."""
        self.advance_to(self.now + ms / 1000)

    def advance_to(self, time: float) -> None:
        """Time passes until `time`, in seconds."""
        while True:
            deadline = self.session.next_deadline()
            result_at = self._due[0][0] if self._due else None
            if result_at is not None and result_at <= min(time, deadline or time):
                self.now = max(result_at, self.now)
                self.step(heapq.heappop(self._due)[2])
            elif deadline is not None and deadline <= time:
                self.now = max(deadline, self.now)
                self.step(inp.TimerFired())
                following = self.session.next_deadline()
                assert following is None or following > self.now, "the timer spins"
            else:
                self.now = time
                return

    def step(self, happened: inp.AnyInput) -> None:
        """One input, now."""
        for output in self.session.receive(happened, self.now):
            self.outputs.append(output)
            self._lines.append(render(output, self.names))
            self._perform(output)

    def _perform(self, output: out.AnyOutput) -> None:
        match output:
            case out.Listen(job, start):
                self._listening = job, start
            case out.Cancel(job) if self._listening and job == self._listening[0]:
                self._listening = None
            case _ if self._cast is not None:
                for delay, result in self._cast.act(output):
                    due = (self.now + delay, next(self._order), result)
                    heapq.heappush(self._due, due)

    # --- what can be seen ------------------------------------------------------------------------

    def news(self) -> list[str]:
        """What the session did since the last call, in order. Housekeeping is left out."""
        lines = [line for line in self._lines if line.split()[0] not in HOUSEKEEPING]
        self._lines.clear()
        return lines

    def told(self) -> list[str]:
        """Of `news`, what the client was sent: events begin in lower case, commands do not."""
        return [line for line in self.news() if line[0].islower()]

    @property
    def events(self) -> list[ev.ServerEvent]:
        """All events that were sent so far."""
        sent = (out.Send, out.SendAudio, out.SendRetrieved)
        return [output.event for output in self.outputs if isinstance(output, sent)]

    def last(self, kind: type[E]) -> E:
        """The newest event of a type."""
        return next(event for event in reversed(self.events) if isinstance(event, kind))

    @property
    def error(self) -> ErrorDetail:
        """The newest error that the client was sent."""
        return self.last(ev.Error).error

    @property
    def prompt(self) -> Prompt:
        """What the model was asked last."""
        return next(o.prompt for o in reversed(self.outputs) if isinstance(o, out.Generate))

    def dialogue(self) -> list[tuple[str, str]]:
        """The messages of `prompt`: who, and the words."""
        return [(message.role, message.text) for message in self.prompt.messages]

    @property
    def trimmed_to(self) -> int:
        """Milliseconds of the input that were let go as useless."""
        trims = [o.before for o in self.outputs if isinstance(o, out.TrimAudio)]
        return max(trims, default=0) // 24

    @property
    def _type(self) -> str:
        return "transcription" if self._transcribes else "realtime"

    @property
    def _transcribes(self) -> bool:
        return isinstance(self.session.config, TranscriptionSession)
