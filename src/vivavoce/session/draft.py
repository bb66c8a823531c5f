"""A draft: one generation as a value in the making.

It holds the request, the jobs at work for it and the content so far: text with its clauses and
their audio, and tool calls. It writes no event, no item and no side effect. A response owns one;
a turn that pauses may own one, and whether that is ever seen is decided by comparing requests.
"""

from collections import deque
from dataclasses import dataclass, field

from vivavoce.audio.units import BYTES_PER_MS
from vivavoce.protocol.items import MAX_ID_LENGTH, FunctionCallItem
from vivavoce.protocol.prompt import Prompt
from vivavoce.protocol.tools import is_whole_json
from vivavoce.session.clauses import next_break, speakable
from vivavoce.session.inputs import (
    AudioSynthesized,
    EngineFailed,
    GenerationFinished,
    SpeechFinished,
    TextGenerated,
    ToolCallGenerated,
)
from vivavoce.session.outputs import Cancel, Generate, Speak
from vivavoce.session.response_plan import ResponsePlan
from vivavoce.session.state import State

CLAUSES_AT_WORK = 2
"""How many clauses are synthesised at a time: the next one is ready when the first ends."""

TRIAL_CLAUSES = 1
"""How much of an answer is spoken before the turn has really ended."""

DraftResult = (
    TextGenerated
    | ToolCallGenerated
    | GenerationFinished
    | AudioSynthesized
    | SpeechFinished
    | EngineFailed
)


@dataclass(slots=True)
class DraftClause:
    """A clause of the answer, and its audio that was not sent yet."""

    text: str
    chunks: deque[AudioSynthesized] = field(default_factory=deque)
    finished: bool = False

    @property
    def waiting_ms(self) -> int:
        """Milliseconds of audio that wait to be sent."""
        return sum(len(chunk.audio) for chunk in self.chunks) // BYTES_PER_MS


@dataclass(slots=True)
class DraftText:
    """Words of the answer. With a voice they are cut into clauses, `cut` characters so far."""

    text: str = ""
    complete: bool = False
    clauses: list[DraftClause] = field(default_factory=list)
    cut: int = 0


@dataclass(slots=True)
class DraftCall:
    """A tool call of the answer."""

    index: int
    name: str
    call_id: str
    arguments: str = ""
    complete: bool = False


DraftContent = DraftText | DraftCall


class Draft:
    """One generation. `begin` it, feed it results, `stop` it."""

    def __init__(self, state: State, prompt: Prompt, plan: ResponsePlan) -> None:
        self.prompt = prompt
        self.voice = (plan.voice_name, plan.speed) if plan.speaks else None
        self.contents: list[DraftContent] = []
        self.ended: GenerationFinished | None = None
        self.failure: EngineFailed | None = None
        self.trial = False
        self._state = state
        self._job: int | None = None
        self._to_speak: deque[DraftClause] = deque()
        self._at_work: dict[int, DraftClause] = {}
        self._unsent: list[DraftClause] = []
        """Clauses that are at work, or whose audio was not sent whole."""
        self._spoken = 0
        """How many clauses were given to the voice."""

    def begin(self) -> None:
        """Ask the language model."""
        self._job = self._state.out.new_job()
        self._state.out.do(Generate(self._job, self.prompt))

    def serves(self, prompt: Prompt, plan: ResponsePlan) -> bool:
        """Whether this is the answer to that request, in that voice."""
        voice = (plan.voice_name, plan.speed) if plan.speaks else None
        return self.failure is None and self.prompt == prompt and self.voice == voice

    def adopt(self) -> None:
        """The turn has really ended: go on beyond the first clause."""
        self.trial = False
        self.pump()

    def stop(self) -> None:
        """Cancel whatever is at work."""
        for job in self.jobs():
            self._state.out.do(Cancel(job))
        self._job = None
        self._at_work.clear()
        self._to_speak.clear()

    def jobs(self) -> tuple[int, ...]:
        """The jobs at work for this draft."""
        own = () if self._job is None else (self._job,)
        return (*own, *self._at_work)

    @property
    def finished(self) -> bool:
        """Whether nothing more will come."""
        return self.ended is not None and not self._at_work and not self._to_speak

    def received(self, result: DraftResult) -> bool:
        """Takes a result; False if it belongs to another draft."""
        if result.job not in self.jobs():
            return False
        match result:
            case TextGenerated(_, text):
                self._text(text)
            case ToolCallGenerated():
                self._call(result)
            case GenerationFinished():
                self._job = None
                self.ended = result
                self._complete_contents()
            case AudioSynthesized():
                self._at_work[result.job].chunks.append(result)
            case SpeechFinished(job):
                self._at_work.pop(job).finished = True
            case EngineFailed():
                self._failed(result)
        self.pump()
        return True

    def pump(self) -> None:
        """Have the next clauses spoken, not too many and not too far ahead of the listener."""
        if self.voice is None or self.failure is not None:
            return
        self._unsent = [c for c in self._unsent if c.chunks or not c.finished]
        ahead_ms = sum(clause.waiting_ms for clause in self._unsent)
        while self._to_speak and len(self._at_work) < CLAUSES_AT_WORK:
            if ahead_ms >= self._state.limits.max_lead_ms or self._trial_is_spoken:
                return
            self._speak(self._to_speak.popleft(), *self.voice)

    @property
    def _trial_is_spoken(self) -> bool:
        return self.trial and self._spoken >= TRIAL_CLAUSES

    def _speak(self, clause: DraftClause, voice: str, speed: float) -> None:
        job = self._state.out.new_job()
        self._spoken += 1
        self._at_work[job] = clause
        self._unsent.append(clause)
        self._state.out.do(Speak(job=job, text=clause.text, voice=voice, speed=speed))

    def _failed(self, failure: EngineFailed) -> None:
        """One engine failed: the others are stopped."""
        self.failure = failure
        if failure.job == self._job:
            self._job = None
        else:
            del self._at_work[failure.job]
        self.stop()

    def _text(self, text: str) -> None:
        if not text:
            return
        if not self.contents or not isinstance(self.contents[-1], DraftText):
            self._complete_contents()
            self.contents.append(DraftText())
        content = self.contents[-1]
        assert isinstance(content, DraftText)
        content.text += text
        self._cut(content)

    def _call(self, delta: ToolCallGenerated) -> None:
        for content in self.contents:
            if isinstance(content, DraftCall) and content.index == delta.index:
                if not content.complete:
                    content.arguments += delta.arguments
                return
        self._complete_contents()
        call_id = self._call_id(delta.call_id)
        self.contents.append(DraftCall(delta.index, delta.name or "", call_id, delta.arguments))

    def _call_id(self, given: str | None) -> str:
        """The model's own id where clients can send it back, else a new one (protocol 3.2)."""
        made = {content.call_id for content in self.contents if isinstance(content, DraftCall)}
        if not given or len(given) > MAX_ID_LENGTH or given in made:
            return self._state.ids.new("call")
        taken = self._state.conversation.has(FunctionCallItem, given)
        return self._state.ids.new("call") if taken else given

    def _complete_contents(self) -> None:
        """The model has moved on, or has ended: words are over, and so are calls.

        Pieces of several calls may come in turn, so a call to which more may be added stays open
        until the generation ends; to arguments that are whole JSON nothing can be.
        """
        for content in self.contents:
            match content:
                case DraftText():
                    content.complete = True
                    self._cut(content)
                case DraftCall(arguments=arguments):
                    content.complete = self.ended is not None or is_whole_json(arguments)

    def _cut(self, content: DraftText) -> None:
        """Cut the words that are whole into clauses."""
        if self.voice is None:
            return
        while True:
            rest = content.text[content.cut :]
            end = next_break(rest, first=not content.clauses, finished=content.complete)
            if end is None:
                return
            clause = DraftClause(rest[:end], finished=not speakable(rest[:end]))
            content.clauses.append(clause)
            content.cut += end
            if not clause.finished:
                self._to_speak.append(clause)
