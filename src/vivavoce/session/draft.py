"""A draft: one generation as a value in the making.

It holds the request, the jobs at work for it and the content so far: text with its clauses and
their audio, and tool calls. It writes no event, no item and no side effect. A response owns one;
a turn that pauses may own one, and whether that is ever seen is decided by comparing requests.
"""

from collections import deque

from vivavoce.audio.units import BYTES_PER_MS
from vivavoce.protocol.items import MAX_ID_LENGTH, FunctionCallItem
from vivavoce.protocol.prompt import Prompt
from vivavoce.protocol.tools import is_whole_json
from vivavoce.session.clauses import next_break, speakable
from vivavoce.session.draft_content import (
    DraftCall,
    DraftClause,
    DraftContent,
    DraftSpeech,
    DraftText,
)
from vivavoce.session.heard_again import known_words
from vivavoce.session.inputs import (
    AudioGenerated,
    AudioSynthesized,
    EngineFailed,
    GenerationFinished,
    SpeechFinished,
    TextGenerated,
    ToolCallGenerated,
)
from vivavoce.session.outputs import Cancel, Generate, Speak
from vivavoce.session.response_plan import ResponsePlan
from vivavoce.session.speculation import Fate
from vivavoce.session.state import FOLLOWED, State
from vivavoce.session.trial import Trial

CLAUSES_AT_WORK = 2
"""How many clauses are synthesised at a time: the next one is ready when the first ends."""

TRIAL_CLAUSES = 1
"""How much of an answer is spoken before the turn has really ended."""

LONGEST_WAIT_MS = 600_000
"""How much speech of a model's own may wait to be sent: ten minutes take 28 MB."""

DraftResult = (
    TextGenerated
    | AudioGenerated
    | ToolCallGenerated
    | GenerationFinished
    | AudioSynthesized
    | SpeechFinished
    | EngineFailed
)


class Draft:
    """One generation. `begin` it, feed it results, `stop` it."""

    def __init__(
        self,
        state: State,
        prompt: Prompt,
        plan: ResponsePlan,
        language: str | None,
        *,
        on_trial: bool = False,
    ) -> None:
        """The voice is to speak `language`; None leaves that to the voice.

        A draft `on_trial` speaks no more than its first clause until it is adopted.
        """
        self.prompt = prompt
        self.voice = (plan.voice_name, plan.speed, language) if plan.speaks else None
        self.contents: list[DraftContent] = []
        self.ended: GenerationFinished | None = None
        self.failure: EngineFailed | None = None
        self._trial = Trial(state.out) if on_trial else None
        self.first_token: float | None = None
        """When the model gave something first, and ..."""
        self.voice_ready: float | None = None
        """... when there was sound first, in seconds of the session's clock."""
        self._speaks_itself = prompt.voice is not None
        self._state = state
        self._job: int | None = None
        self._to_speak: deque[DraftClause] = deque()
        self._at_work: dict[int, DraftClause] = {}
        self._unsent: list[DraftClause] = []
        """Clauses that are at work, or whose audio was not sent whole."""

    def begin(self) -> None:
        """Ask the language model."""
        self._job = self._state.out.new_job()
        words = known_words(self.prompt, self._state.conversation)
        self._state.out.do(Generate(self._job, self.prompt, words))
        if self._trial is not None:
            self._trial.writes(self._job)

    def serves(self, prompt: Prompt, plan: ResponsePlan, language: str | None) -> bool:
        """Whether this is the answer to that request, in that voice and language."""
        voice = (plan.voice_name, plan.speed, language) if plan.speaks else None
        return self.failure is None and self.prompt == prompt and self.voice == voice

    def adopt(self) -> None:
        """The turn has really ended: go on beyond the first clause."""
        self._end_trial("used")
        self.pump()

    def stop(self, fate: Fate = "unanswered") -> None:
        """Cancel whatever is at work; `fate` is why, if it is still on trial."""
        self._end_trial(fate)
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
        self._note_time(result)
        match result:
            case TextGenerated(job, text) if self._speaks_itself:
                self._speech(AudioGenerated(job, text=text))
            case TextGenerated(_, text):
                self._text(text)
            case AudioGenerated(_, _, text) if not self._speaks_itself:
                self._text(text)  # its sound was not asked for
            case AudioGenerated():
                self._speech(result)
            case ToolCallGenerated():
                self._call(result)
            case GenerationFinished():
                self._job = None
                self.ended = result
                self._complete_contents()
            case AudioSynthesized():
                self._at_work[result.job].received(result)
            case SpeechFinished(job):
                self._at_work.pop(job).finished = True
            case EngineFailed():
                self._failed(result)
        self.pump()
        return True

    def _note_time(self, result: DraftResult) -> None:
        now = self._state.now
        if self.first_token is None and isinstance(
            result, TextGenerated | AudioGenerated | ToolCallGenerated
        ):
            self.first_token = now
        if self.voice_ready is None and isinstance(result, AudioSynthesized | AudioGenerated):
            self.voice_ready = now if result.audio else None

    def pump(self) -> None:
        """Have the next clauses spoken, not too many and not too far ahead of the listener."""
        if self.voice is None or self.failure is not None:
            return
        self._unsent = [c for c in self._unsent if c.chunks or not c.finished]
        ahead_ms = sum(clause.waiting_ms for clause in self._unsent)
        while self._to_speak and len(self._at_work) < CLAUSES_AT_WORK:
            if ahead_ms >= self._state.limits.max_lead_ms or self._trial_says_no_more:
                return
            self._speak(self._to_speak.popleft(), *self.voice)

    @property
    def _trial_says_no_more(self) -> bool:
        if self._trial is None:
            return False
        return self._trial.clauses >= TRIAL_CLAUSES or not self._state.may_try("speak")

    def _end_trial(self, fate: Fate) -> None:
        if self._trial is not None:
            self._trial.ends(self.contents, fate)
            self._trial = None

    def _speak(self, clause: DraftClause, voice: str, speed: float, language: str | None) -> None:
        job = self._state.out.new_job()
        self._at_work[job] = clause
        if self._trial is not None:
            self._trial.speaks(job, clause)
        self._unsent.append(clause)
        speak = Speak(
            job=job,
            text=clause.spoken.said,
            voice=voice,
            speed=speed,
            language=language,
            language_was_heard=self._state.limits.language == FOLLOWED,
        )
        self._state.out.do(speak)

    def _failed(self, failure: EngineFailed) -> None:
        """One engine failed: the others are stopped."""
        self.failure = failure
        if self._trial is not None:
            self._trial.failed(failure.job)
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

    def _speech(self, piece: AudioGenerated) -> None:
        if not self.contents or not isinstance(self.contents[-1], DraftSpeech):
            self._complete_contents()
            self.contents.append(DraftSpeech())
        content = self.contents[-1]
        assert isinstance(content, DraftSpeech)
        content.received(piece)
        if content.waiting_bytes > LONGEST_WAIT_MS * BYTES_PER_MS:
            text = f"The model's answer is {LONGEST_WAIT_MS // 60_000} minutes ahead of playing."
            self._state.out.do(Cancel(piece.job))
            self._failed(EngineFailed(piece.job, "answer_too_long", text))

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
                case DraftSpeech():
                    content.complete = True
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
            spoken = content.reader.read(rest[:end])
            clause = DraftClause(rest[:end], spoken, finished=not speakable(spoken.said))
            content.clauses.append(clause)
            content.cut += end
            if not clause.finished:
                self._to_speak.append(clause)
