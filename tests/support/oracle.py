"""What must be true after every step of a session, whatever happened in it.

The oracle knows the protocol, not the machine: it reads inputs and outputs only. Each ledger
keeps books on one matter and raises `AssertionError` at the first step that breaks a rule.
"""

from collections.abc import Iterable

import msgspec

from support.answer_ledger import AnswerLedger
from support.audio_ledger import AudioLedger
from support.conversation_ledger import ConversationLedger
from support.playout_ledger import PlayoutLedger
from support.reply_ledger import ReplyLedger
from support.speculation_ledger import SpeculationLedger
from support.speech_ledger import SpeechLedger
from support.tool_ledger import ToolLedger
from vivavoce.session.inputs import (
    AnyInput,
    EngineFailed,
    EventReceived,
    GenerationFinished,
    SpeechFinished,
    ToolReturned,
    ToolServerFailed,
    ToolsListed,
    Transcribed,
    TurnJudged,
)
from vivavoce.session.outputs import (
    AnyOutput,
    CallTool,
    Cancel,
    Follow,
    Generate,
    Hear,
    HearClip,
    JudgeTurn,
    Listen,
    ListTools,
    Send,
    SendAudio,
    SendRetrieved,
    Speak,
)

Job = Listen | JudgeTurn | Follow | Hear | HearClip | Generate | Speak | ListTools | CallTool
LAST_RESULTS = (
    Transcribed
    | TurnJudged
    | GenerationFinished
    | SpeechFinished
    | ToolsListed
    | ToolReturned
    | ToolServerFailed
    | EngineFailed
)
"""With these a job is over."""


class JobLedger:
    """Jobs are started once, cancelled at most once, and seen by engines as frozen values."""

    def __init__(self) -> None:
        self.running: dict[int, Job] = {}
        self._frozen: dict[int, bytes] = {}
        self._cancelled: set[int] = set()

    def happened(self, happened: AnyInput) -> None:
        """An engine is done with its job."""
        if isinstance(happened, LAST_RESULTS):
            self._ended(happened.job)

    def done(self, output: AnyOutput) -> None:
        """The session starts or stops a job."""
        if isinstance(output, Job):
            assert output.job not in self._frozen, f"job {output.job} is started twice"
            self._frozen[output.job] = msgspec.json.encode(output)
            self.running[output.job] = output
        elif isinstance(output, Cancel):
            assert output.job in self._frozen, f"job {output.job} was never started"
            assert output.job not in self._cancelled, f"job {output.job} is cancelled twice"
            self._cancelled.add(output.job)
            self._ended(output.job)

    def _ended(self, job: int) -> None:
        request = self.running.pop(job, None)
        if request is not None:
            assert msgspec.json.encode(request) == self._frozen[job], "a request was changed"

    def answering(self) -> list[Job]:
        """The jobs that make an answer."""
        return [job for job in self.running.values() if isinstance(job, Generate | Speak)]

    def hearing_since(self, start: int) -> list[Job]:
        """The jobs that hear what is on the tape behind `start`."""
        return [
            job
            for job in self.running.values()
            if isinstance(job, Follow) or (isinstance(job, Hear | JudgeTurn) and job.end > start)
        ]


class Oracle:
    """Sees every step; `closed` and `settled` are asked at the end."""

    def __init__(self, *, max_lead_s: float, barge_in_waits: bool = False) -> None:
        """With `barge_in_waits` speech may begin over an answer that goes on."""
        self._barge_in_waits = barge_in_waits
        self.jobs = JobLedger()
        self.audio = AudioLedger()
        self.speech = SpeechLedger()
        self.tools = ToolLedger()
        self.answers = AnswerLedger(self.tools)
        self.speculation = SpeculationLedger(
            self.audio, self.answers, barge_in_waits=barge_in_waits
        )
        self.conversation = ConversationLedger()
        self.replies = ReplyLedger()
        self.playout = PlayoutLedger(max_lead_s)
        self._event_ids: set[str] = set()

    def step(self, happened: AnyInput, outputs: Iterable[AnyOutput], now: float) -> None:
        """One input, and what the session wants done about it."""
        self.jobs.happened(happened)
        self.audio.happened(happened)
        self.speech.happened(happened)
        self.answers.happened(happened)
        self.speculation.happened(happened)
        if isinstance(happened, EventReceived):
            self.replies.asked(happened)
        for output in outputs:
            self._event_id_is_new(output)
            self.jobs.done(output)
            self.audio.done(output)
            self.speech.done(output)
            self.answers.done(output)
            self.conversation.done(output)
            self.tools.done(output)
            self.replies.done(output)
            self.playout.done(output, now)
            self.speculation.done(output)
        self.audio.step_over()
        self.answers.step_over()
        self.replies.step_over(response_runs=self.answers.active is not None)
        self._barge_in_was_whole()
        self._nothing_answers_nobody()
        self._a_refused_turn_leaves_no_jobs()

    def closed(self) -> None:
        """The peer has left, or the session's time was over."""
        assert not self.jobs.running, f"still running: {self.jobs.running}"
        self.speculation.closed()

    def settled(self) -> None:
        """All engines have answered and all timers have fired."""
        assert self.answers.active is None, "a response never ended"
        assert not self.answers.beside, "an out-of-band response never ended"
        assert not self.replies.waiting, f"never answered: {self.replies.waiting}"
        left = [job for job in self.jobs.running.values() if not isinstance(job, Listen | Follow)]
        assert not left, f"nobody waits for {left}"
        self.tools.settled()
        self.conversation.settled(waiting=self.tools.calls.keys())

    def _event_id_is_new(self, output: AnyOutput) -> None:
        if isinstance(output, Send | SendAudio | SendRetrieved):
            event_id = output.event.event_id
            assert event_id not in self._event_ids, f"{event_id} is given twice"
            assert event_id, "an event without an id"
            self._event_ids.add(event_id)

    def _barge_in_was_whole(self) -> None:
        """Who speaks over an answer stops it before anything else happens."""
        if self.audio.began_with_interrupt and not self._barge_in_waits:
            assert self.answers.active is None, "speech has begun, and the answer goes on"

    def _a_refused_turn_leaves_no_jobs(self) -> None:
        """Nobody hears a turn that the conversation has no room for."""
        if self.audio.refused_from is not None:
            left = self.jobs.hearing_since(self.audio.refused_from)
            assert not left, f"for a turn that was refused: {left}"

    def _nothing_answers_nobody(self) -> None:
        """Models and voices work for a response, or for a turn that may be over."""
        if self.answers.active is None and not self.answers.beside and not self.audio.turn:
            assert not self.jobs.answering(), f"for nobody: {self.jobs.answering()}"
