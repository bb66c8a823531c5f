"""A seeded world around one session: a tape, engines, a clock, clients; all of it imaginary.

Time is virtual and audio is only positions. The world performs every output as the runtime does:
it keeps the tape, has windows scored, lets engines answer after a while, and fires the timer that
the session asks for. Half of the results of cancelled jobs arrive all the same.
"""

import random
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count, cycle

import msgspec

from support import moves
from support.client import Known, client_event
from support.imagined_engines import ImaginedEngines, Temper
from support.moves import Move
from support.oracle import Oracle
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.protocol.errors import ErrorDetail
from vivavoce.protocol.ids import Ids
from vivavoce.protocol.server_events import ResponseCreated
from vivavoce.protocol.session_config import (
    Audio,
    AudioInput,
    RealtimeSession,
    SemanticVad,
    ServerVad,
    SessionConfig,
    TranscriptionConfig,
)
from vivavoce.protocol.tools import McpApproval, McpFilter, McpTool, Tool
from vivavoce.session.barge_in_policy import BargeInPolicy
from vivavoce.session.inputs import (
    AnyInput,
    AudioAppended,
    EngineFailed,
    EventReceived,
    FrameRefused,
    LoadChanged,
    PeerJoined,
    PeerLeft,
    SpeechScored,
    TimerFired,
)
from vivavoce.session.machine import Session
from vivavoce.session.outputs import AnyOutput, Cancel, Disconnect, Listen, Send
from vivavoce.session.state import Limits

RATE = 24_000
WINDOW = 768
PEERS = (1, 2)

TALKATIVE = RealtimeSession(
    id="sess_world",
    model="m",
    audio=Audio(input=AudioInput(transcription=TranscriptionConfig(model="w"))),
)
IDLE = msgspec.structs.replace(
    TALKATIVE,
    audio=Audio(
        input=AudioInput(
            transcription=TranscriptionConfig(model="w"),
            turn_detection=ServerVad(idle_timeout_ms=5000),
        )
    ),
)
"""Speaks up by itself after 5 s of silence."""
WITH_TOOLS = msgspec.structs.replace(
    TALKATIVE, tools=(Tool(name="book", parameters={"type": "object"}), Tool(name="look"))
)
DICE = McpTool(
    server_label="dice",
    server_url="https://dice.example/mcp",
    require_approval=McpApproval(never=McpFilter(read_only=True)),
)
CARDS = McpTool(
    server_label="cards", server_url="https://cards.example/mcp", require_approval="never"
)
LOOK = Tool(name="look")
WITH_SERVERS = msgspec.structs.replace(
    TALKATIVE, output_modalities=("text",), tools=(DICE, CARDS, LOOK)
)
ATTENTIVE = msgspec.structs.replace(
    TALKATIVE,
    audio=Audio(
        input=AudioInput(
            transcription=TranscriptionConfig(model="w"),
            turn_detection=SemanticVad(eagerness="high"),
        )
    ),
)
"""Ends turns by their sense, where there is a turn detector."""
SHORT_LEAD = Limits(lifetime_s=None, max_lead_ms=300)
"""Answers are held back soon, so that there is something to hold back."""

CHUNKS = (WINDOW, WINDOW, 480, 2400)
"""Samples in one append of audio."""


@dataclass(frozen=True)
class Step:
    """One call of the session."""

    now: float
    happened: AnyInput
    outputs: tuple[AnyOutput, ...]


@dataclass
class Listener:
    """The stream that scores the tape: its job, where its next window ends, its latest result."""

    job: int
    next_end: int
    lags: random.Random
    latest: float = 0.0


class World:
    """Drives one session and checks it after every step."""

    def __init__(
        self,
        seed: int,
        *,
        pace: int = 0,
        config: SessionConfig = TALKATIVE,
        limits: Limits = SHORT_LEAD,
        temper: Temper | None = None,
        vad_lag_s: float = 0.05,
        chunks: Sequence[int] = CHUNKS,
        abilities: HearingAbilities | None = None,
    ) -> None:
        """`seed` is for contents and ids, `pace` for times; audio is appended in `chunks`."""
        self.now = 0.0
        self.log: list[Step] = []
        self.oracle = Oracle(
            max_lead_s=limits.max_lead_ms / 1000,
            barge_in_waits=limits.barge_in != BargeInPolicy(),
        )
        self.closed = False
        self.session = Session(
            config, ids=Ids(random.Random(seed).getrandbits), limits=limits, abilities=abilities
        )
        self._limits = limits
        self._engines = ImaginedEngines(seed, pace, temper or Temper())
        self._chance = random.Random(f"{seed} {pace}")
        self._vad_lag_s = vad_lag_s
        self._chunks = cycle(chunks)
        self._due: list[tuple[float, int, int, AnyInput]] = []
        self._order = count()
        self._numbers = count(1)
        self._cancelled: set[int] = set()
        self._tape: list[int] = []
        self._probabilities: list[float] = []
        self._listener: Listener | None = None
        self._responses: list[str] = []
        self._known = Known(self.oracle.conversation, self._responses)
        for peer in PEERS:
            self.step(PeerJoined(peer))

    # --- the session -----------------------------------------------------------------------------

    def step(self, happened: AnyInput) -> tuple[AnyOutput, ...]:
        """Give the session one input, check what it does, and do it."""
        outputs = self.session.receive(happened, self.now)
        self.log.append(Step(self.now, happened, outputs))
        if self.closed:
            assert outputs == (), "a closed session does something"
            return outputs
        self.oracle.step(happened, outputs, self.now)
        for output in outputs:
            self._perform(output)
        if isinstance(happened, PeerLeft):
            self.closed = True
        if self.closed:
            self.oracle.closed()
        return outputs

    def _perform(self, output: AnyOutput) -> None:
        match output:
            case Listen(job=job, start=start):
                self._listener = Listener(job, start + WINDOW, random.Random(job))
                self._score(self.now, self.appended)
            case Cancel(job=job):
                self._cancelled.add(job)
                if self._listener is not None and self._listener.job == job:
                    self._listener = None
            case Disconnect():
                self.closed = True
            case Send(event=ResponseCreated(response=response)):
                self._responses.append(response.id)
            case _:
                for delay, reply in self._engines.answer(output):
                    self._later(self.now + delay, output.job, reply)  # type: ignore[union-attr]

    # --- time ------------------------------------------------------------------------------------

    def _later(self, time: float, job: int, happened: AnyInput) -> None:
        heappush(self._due, (time, next(self._order), job, happened))

    def until(self, time: float) -> None:
        """Let everything happen that is due by then."""
        idle_timers = 0
        while True:
            deadline = self._deadline()
            due = self._due[0][0] if self._due else None
            if deadline is not None and deadline <= time and (due is None or deadline <= due):
                self.now = max(self.now, deadline)
                idle_timers = 0 if self.step(TimerFired()) else idle_timers + 1
                assert idle_timers < 3, "the timer spins"
            elif due is not None and due <= time:
                self._arrive()
                idle_timers = 0
            else:
                break
        self.now = max(self.now, time)

    def _arrive(self) -> None:
        due, _, job, happened = heappop(self._due)
        self.now = max(self.now, due)
        if job not in self._cancelled or self._chance.random() < 0.5:
            self.step(happened)

    def _deadline(self) -> float | None:
        return None if self.closed else self.session.next_deadline()

    def settle(self) -> None:
        """Let every engine answer and every timer fire, short of the end of the session's life.

        A session that speaks up in silence would never come to rest, so that is switched off.
        """
        if not self.closed and speaks_up(self.session.config):
            self.make(moves.Update(moves.server_vad(idle_timeout_ms=None)))
        for _ in range(10_000):
            times = [self._due[0][0]] if self._due else []
            deadline = self._deadline()
            if deadline is not None and deadline != self._limits.lifetime_s:
                times.append(deadline)
            if not times:
                break
            self.until(max(self.now, min(times)))
        else:
            raise AssertionError("the session never comes to rest")
        if not self.closed:
            self.oracle.settled()

    # --- audio -----------------------------------------------------------------------------------

    @property
    def appended(self) -> int:
        """Samples on the tape so far."""
        return self._tape[-1] if self._tape else 0

    def sound(self, samples: int, probability: float) -> None:
        """Append audio at the pace of speech; each chunk comes when its first sample sounds.

        Times are reckoned from where the sound begins, so that chunks do not move windows.
        """
        begun_at, begun = self.now, self.appended
        while self.appended < begun + samples:
            size = min(next(self._chunks), begun + samples - self.appended)
            self._tape.append(self.appended + size)
            self._probabilities.append(probability)
            self.step(AudioAppended(self.appended))
            self._score(begun_at, begun)
            self.until(begun_at + (self.appended - begun) / RATE)

    def _score(self, begun_at: float, begun: int) -> None:
        """Have each window scored a little after it has sounded."""
        listener = self._listener
        while listener is not None and listener.next_end <= self.appended:
            middle = bisect_left(self._tape, listener.next_end - WINDOW // 2)
            scored = SpeechScored(listener.job, listener.next_end, self._probabilities[middle])
            sounded_at = begun_at + (listener.next_end - begun) / RATE
            lag = listener.lags.uniform(0, self._vad_lag_s)
            listener.latest = max(listener.latest, self.now, sounded_at) + lag
            self._later(listener.latest, listener.job, scored)
            listener.next_end += WINDOW

    # --- moves -----------------------------------------------------------------------------------

    def make(self, move: Move) -> None:
        """Do this to the session."""
        match move:
            case moves.Sound(windows=windows, probability=probability):
                self.sound(windows * WINDOW, probability)
            case moves.Pass(seconds=seconds):
                self.until(self.now + seconds)
            case moves.Garble():
                detail = ErrorDetail(code="invalid_json", message="Not JSON.")
                self.step(FrameRefused(PEERS[0], detail))
            case moves.ChangeLoad(load=load):
                self.step(LoadChanged(load))
            case moves.VadFails():
                if self._listener is not None:
                    job, self._listener = self._listener.job, None
                    self.step(EngineFailed(job, "server_error", "The detector broke."))
            case _:
                number = next(self._numbers)
                peer = PEERS[number % len(PEERS)]
                self.step(EventReceived(peer, client_event(move, number, self._known)))

    def leave(self) -> None:
        """The client's connection ends; what is under way may still arrive."""
        for peer in PEERS:
            self.step(PeerLeft(peer))
            self.until(self.now + 60)


def speaks_up(config: SessionConfig) -> bool:
    """Whether an idle timeout is set."""
    detection = config.audio.input.turn_detection
    return isinstance(detection, ServerVad) and detection.idle_timeout_ms is not None
