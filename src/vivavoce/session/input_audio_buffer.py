"""The input audio buffer: audio becomes turns, turns become items (protocol 5.2, 5.4).

The samples themselves are on the tape, outside. Here are only positions: the buffer runs from
`start` to `appended`, and every sample ends up in exactly one place: an item, cleared, trimmed, or
still buffered.
"""

from vivavoce.audio.units import INNER_RATE, SAMPLES_PER_MS, VAD_WINDOW
from vivavoce.protocol.errors import Refusal, buffer_too_small
from vivavoce.protocol.prompt import AudioClip
from vivavoce.protocol.server_events import (
    ConversationItemAdded,
    ConversationItemDone,
    Error,
    InputAudioBufferCleared,
    InputAudioBufferCommitted,
    SpeechStarted,
    SpeechStopped,
    TimeoutTriggered,
)
from vivavoce.protocol.session_config import SemanticVad, ServerVad, TurnDetection
from vivavoce.session.conversation import Entry, Pending, Silence, Text, user_entry
from vivavoce.session.draft import Draft, DraftResult
from vivavoce.session.endpointing import TurnJudge
from vivavoce.session.inputs import EngineFailed, TurnJudged
from vivavoce.session.interruption import Interruptions
from vivavoce.session.outputs import Cancel, KeepAudio, Listen, TrimAudio
from vivavoce.session.responses import Responses
from vivavoce.session.speculation import Fate
from vivavoce.session.state import State
from vivavoce.session.transcription import Hearing, Hearings
from vivavoce.session.turn_detection import (
    PAUSE_STEP,
    Endpointer,
    JudgementDue,
    PauseReached,
    Pausing,
    Quiet,
    Signal,
    Speaking,
    SpeechBegan,
    SpeechResumed,
    TurnEnded,
    TurnRules,
)
from vivavoce.session.turn_draft import TurnDraft

LEAST_COMMIT = 100 * SAMPLES_PER_MS
"""Samples: a commit of less is refused (protocol 7)."""

PENDING = Pending()

TRIM_STEP = 500 * SAMPLES_PER_MS
"""Silence between turns is trimmed in steps of this, rather than at every window."""


class InputAudioBuffer:
    """What has been appended and not yet committed, and the turn that is open in it."""

    def __init__(self, state: State, hearings: Hearings, responses: Responses) -> None:
        self.start = 0
        self.appended = 0
        self._state = state
        self._hearings = hearings
        self._responses = responses
        self._endpointer = Endpointer()
        self._judge = TurnJudge(state)
        self._interruptions = Interruptions(state, responses)
        self._listening: int | None = None
        self._listening_from = 0
        self._scored = 0
        self._item_id: str | None = None
        self._draft = TurnDraft(state)
        self._ruled: tuple[TurnDetection, TurnRules] | None = None
        """The rules of the configuration that was in force when the last window was scored."""

    # --- audio -----------------------------------------------------------------------------------

    def audio_appended(self, to: int) -> None:
        """The tape has grown."""
        self.appended = self._state.idle.appended = to
        if self._listening is None:
            excess = self.appended - self.start - self._limit
            if excess > 0:
                self._trim(self.start + excess)

    def detection_changed(self) -> None:
        """`turn_detection` was set, cleared or changed; new rules apply from the next window."""
        if self._detection is None and self._listening is not None:
            self._state.out.do(Cancel(self._listening))
            self._stop_listening()
        elif self._detection is not None and self._listening is None:
            self._listen(self.start)
        if not self._interrupts:
            self._interruptions.forget()
        self._state.idle.restart(self._state.now)

    def _listen(self, start: int) -> None:
        """Have what comes from `start` on scored."""
        self._listening = self._state.out.new_job()
        self._scored = self._listening_from = start
        self._state.out.do(Listen(self._listening, start))

    def speech_scored(self, job: int, end: int, probability: float) -> None:
        """A window was scored; of a job that was cancelled it counts no more."""
        detection = self._detection
        if job != self._listening or detection is None:
            return
        self._scored = end
        rules = self._rules(detection)
        signal = self._endpointer.scored(end, probability, rules, self.start)
        if signal is not None:
            self._signalled(signal)
        if isinstance(self._endpointer.state, Speaking):
            self._spoke_on(self._endpointer.state.start)
        elif signal is None and isinstance(self._endpointer.state, Quiet):
            useless = min(end - rules.padding, self._kept_from())
            if useless - self.start >= TRIM_STEP:
                self._trim(useless)

    def turn_judged(self, result: TurnJudged | EngineFailed) -> bool:
        """The pause was judged; False if nobody has asked for it."""
        if not self._judge.has(result.job):
            return False
        detection = self._detection
        complete = None if detection is None else self._rules(detection).complete
        end = self._judge.received(result, complete)
        signal = None if end is None else self._endpointer.completed(end)
        if signal is not None:
            self._signalled(signal)
        return True

    # --- what clients ask for --------------------------------------------------------------------

    def commit(self) -> None:
        """Make an item of all that is buffered, also in mid-speech. Raises `Refusal`."""
        buffered = self.appended - self.start
        if buffered < LEAST_COMMIT:
            raise buffer_too_small(buffered / SAMPLES_PER_MS)
        self._state.conversation.check_room()
        self._draft.drop("unanswered")
        item_id = self._item_id or self._state.ids.new("item")
        self._forget_turn()
        self._announce_item(self._spoken_entry(item_id, self.start, self.appended))
        hearing = self._commit_audio(item_id, self.start, self.appended, self.appended)
        self._listen_anew()
        self._publish_if_heard(hearing)
        self._state.idle.restart(self._state.now)

    def clear(self) -> None:
        """Drop all that is buffered, and the turn that is open; there is no `speech_stopped`."""
        self._hearings.follow_no_more()  # first: what it holds back is not told any more
        self._drop_trial("unanswered")
        self._item_id = None
        self._forget_turn()
        self._trim(self.appended)
        self._listen_anew()
        self._state.out.send(InputAudioBufferCleared())
        self._state.idle.restart(self._state.now)

    # --- silence ---------------------------------------------------------------------------------

    @property
    def is_quiet(self) -> bool:
        """Whether somebody listens, and no turn is open."""
        return self._listening is not None and self._item_id is None

    @property
    def is_scored(self) -> bool:
        """Whether all audio was scored, but for what is less than a window."""
        return self.appended - max(self._scored, self.start) < VAD_WINDOW

    def commit_silence(self, start: int) -> None:
        """Make an item of the silence since `start` (protocol 5.15), which is answered."""
        item_id = self._state.ids.new("item")
        self._trim(start)
        span = (self.start, self.appended)
        begin_ms, end_ms = (position // SAMPLES_PER_MS for position in span)
        self._state.out.send(
            TimeoutTriggered(audio_start_ms=begin_ms, audio_end_ms=end_ms, item_id=item_id)
        )
        self._announce_item(user_entry(item_id, Silence()))
        self._forget_turn()
        if self.appended > self.start:
            self._state.out.do(KeepAudio(item_id, *span))
            self.start = self.appended
        self._responses.answer_turn(item_id, None)
        self._hearings.heard_silence(item_id, span)

    # --- the open turn's draft -------------------------------------------------------------------

    def hearing_tried(self, hearing: Hearing) -> None:
        """A hearing of the turn so far came back: draft the answer, if one would follow."""
        was_undecided = self._interruptions.is_undecided(hearing.item_id)
        self._interruptions.tried(hearing.item_id, hearing.heard)
        if self._state.hears:
            if was_undecided:
                self._draft_by_ear(hearing.item_id, *hearing.span)
        elif isinstance(hearing.heard, Text):
            self._draft_answer(user_entry(hearing.item_id, hearing.heard))

    def _draft_by_ear(self, item_id: str, start: int, end: int) -> None:
        """Draft the answer of a model that hears to the turn so far."""
        self._draft_answer(user_entry(item_id, None, self._clip(item_id, start, end)))

    def _draft_answer(self, entry: Entry) -> None:
        """Draft the answer to this turn, if one would follow."""
        if self._may_draft:
            self._draft.make(entry)

    def followed(self) -> None:
        """The recogniser that follows the open turn is sure of more words."""
        if self._item_id is not None:
            self._interruptions.read(self._hearings.followed_text(self._item_id))

    def received(self, result: DraftResult) -> bool:
        """A result for the draft of the open turn; False if it is not for it."""
        return self._draft.received(result)

    def stop(self) -> None:
        """Cancel all jobs: the session ends."""
        self._draft.drop("unanswered")
        self._judge.drop()
        if self._listening is not None:
            self._state.out.do(Cancel(self._listening))
            self._listening = None

    def announced(self, item_id: str) -> bool:
        """Whether the open turn will become the item with this id."""
        return bool(item_id) and item_id == self._item_id

    def listening_failed(self, failed: EngineFailed) -> bool:
        """The detector failed: what is buffered waits for a manual commit from now on, unless the
        detector was replaced. Then the fresh one goes on with what was not scored yet.

        False if this job does not score speech.
        """
        if failed.job != self._listening:
            return False
        if failed.replaced:
            self._listen(max(self._scored, self.start))
        else:
            self._stop_listening()
        return True

    # --- turns -----------------------------------------------------------------------------------

    def _signalled(self, signal: Signal) -> None:
        match signal:
            case SpeechBegan(start):
                self._turn_began(start)
            case PauseReached(start, voiced_to):
                self._pause_reached(start, voiced_to + PAUSE_STEP)
            case JudgementDue():
                self._judge.ask(signal)
            case SpeechResumed():
                self._judge.drop()
                self._drop_trial("resumed")
            case TurnEnded(start, voiced_to, end):
                self._turn_ended(start, voiced_to, end)

    def _turn_began(self, start: int) -> None:
        """Speech: whoever speaks is announced, and the server's own speech stops."""
        self._item_id = self._item_id or self._state.ids.new("item")
        self._trim(start)
        started = SpeechStarted(audio_start_ms=start // SAMPLES_PER_MS, item_id=self._item_id)
        if self._interrupts:
            self._interruptions.turn_began(started)
        else:
            self._state.out.send(started)
        self._hearings.follow(self._item_id, start)

    def _pause_reached(self, start: int, end: int) -> None:
        """The turn may end here: hear it, and draft the answer."""
        if self._item_id is None:
            return
        self._hearings.pause(self._item_id)
        needed = self._interruptions.waits_for_words(self._item_id)
        if needed or (self._state.may_try("transcribe") and self._state.wants_words):
            self._hearings.try_span(self._item_id, start, end, on_trial=not needed)
        if self._state.hears:
            self._draft_by_ear(self._item_id, start, end)

    def _spoke_on(self, start: int) -> None:
        """One more window is voiced."""
        if self._item_id is not None and self._interruptions.spoke_on():
            self._hearings.try_span(self._item_id, start, self._scored)

    def _turn_ended(self, start: int, voiced_to: int, end: int) -> None:
        item_id = self._item_id
        assert item_id is not None
        self._judge.drop()
        draft = self._draft.take()
        out = self._state.out
        out.send(SpeechStopped(audio_end_ms=end // SAMPLES_PER_MS, item_id=item_id))
        try:
            self._state.conversation.check_room()
        except Refusal as refusal:
            self._turn_refused(item_id, draft, end)
            out.send(Error(error=refusal.detail))
            return
        heard_to = min(voiced_to + PAUSE_STEP, end)
        self._announce_item(self._spoken_entry(item_id, start, heard_to))
        hearing = self._commit_audio(item_id, start, end, heard_to)
        held_back = self._interruptions.turn_ended(item_id)
        if self._would_answer and not held_back:
            self._responses.answer_turn(item_id, draft, self._arrived_at(voiced_to))
        elif draft is not None:
            draft.stop()
        self._state.idle.restart(self._state.now)
        self._publish_if_heard(hearing)

    def _turn_refused(self, item_id: str, draft: Draft | None, end: int) -> None:
        """There is no room for the turn in the conversation: it goes as if it were cleared."""
        if draft is not None:
            draft.stop()
        self._hearings.follow_no_more()  # first: what it holds back is not told any more
        self._hearings.drop(item_id)
        self._item_id = None
        self._interruptions.forget()
        self._trim(end)
        self._state.idle.restart(self._state.now)

    def _arrived_at(self, position: int) -> float:
        """When this sample had arrived: now, less the audio received since."""
        return self._state.now - (self.appended - position) / INNER_RATE

    # --- items -----------------------------------------------------------------------------------

    def _spoken_entry(self, item_id: str, start: int, end: int) -> Entry:
        """Speech from `start` to `end`, to be read by somebody or to be heard by the model."""
        heard = PENDING if self._state.wants_words else None
        return user_entry(item_id, heard, self._clip(item_id, start, end))

    def _clip(self, item_id: str, start: int, end: int) -> AudioClip | None:
        if not self._state.hears:
            return None
        return AudioClip(item_id=item_id, start=start, end=end)

    def _announce_item(self, entry: Entry) -> None:
        conversation, out = self._state.conversation, self._state.out
        committed = InputAudioBufferCommitted(
            item_id=entry.item.id, previous_item_id=conversation.tail
        )
        out.send(committed)
        previous = conversation.insert(entry)
        out.send(ConversationItemAdded(previous_item_id=previous, item=entry.item))
        out.send(ConversationItemDone(previous_item_id=previous, item=entry.item))

    def _commit_audio(self, item_id: str, start: int, end: int, heard_to: int) -> Hearing | None:
        """The samples from `start` to `end` are the item's; speech ends at `heard_to`."""
        hearing = self._hearings.commit_span(item_id, start, heard_to)
        self._state.out.do(KeepAudio(item_id, start, end, self._clip(item_id, start, heard_to)))
        self.start = end
        self._item_id = None
        return hearing

    def publish(self, hearing: Hearing) -> None:
        """What was said in a committed item is known. It may be worth an answer only now."""
        self._hearings.publish(hearing)
        self._responses.hearing_resolved(hearing.item_id, hearing.heard, hearing.heard_at)
        if not self._interruptions.heard(hearing.item_id, hearing.heard):
            return
        if self._item_id is not None:
            self._interruptions.forget()  # the user speaks again: that turn is answered, with this
        elif self._would_answer:
            self._responses.answer_turn(hearing.item_id, None)

    def _publish_if_heard(self, hearing: Hearing | None) -> None:
        """The try of the pause has already said what was said."""
        if hearing is not None and not isinstance(hearing.heard, Pending):
            self.publish(hearing)

    def _kept_from(self) -> int:
        """The silence that an idle timeout may answer is kept, as it will be an item."""
        detection, idle = self._detection, self._state.idle
        if not isinstance(detection, ServerVad) or not self.is_quiet:
            return self.appended
        if self._responses.active is not None or idle.deadline(detection) is None:
            return self.appended
        return idle.silence_from(self._state.now)

    def _trim(self, before: int) -> None:
        if before > self.start:
            self.start = before
            self._state.out.do(TrimAudio(before))

    def _listen_anew(self) -> None:
        """A client has cut the audio here, maybe in mid-speech. No window may lie across the cut,
        and the detector, which remembers what it heard, has to forget what was before it: else
        silence behind the cut would begin a turn."""
        if self._listening is not None and self.start > self._listening_from:
            self._state.out.do(Cancel(self._listening))
            self._listen(self.start)

    def _stop_listening(self) -> None:
        """No more windows will be scored; an open turn keeps its item and its audio."""
        self._listening = None
        self._drop_trial("unanswered")
        self._forget_turn()

    def _forget_turn(self) -> None:
        """The turn that may be open does not end by itself any more."""
        self._endpointer.reset()
        self._judge.drop()
        self._interruptions.forget()

    def _drop_trial(self, fate: Fate) -> None:
        """What was heard and drafted in a pause does not count: the turn did not end there."""
        self._draft.drop(fate)
        if self._item_id is not None:
            self._hearings.drop(self._item_id, fate)

    @property
    def _may_draft(self) -> bool:
        """Whether the turn may end here, and be answered."""
        state = self._endpointer.state
        pauses = isinstance(state, Pausing) and state.stepped
        undecided = self._item_id is None or self._interruptions.is_undecided(self._item_id)
        return self._state.may_try("generate") and pauses and not undecided and self._would_answer

    # --- settings --------------------------------------------------------------------------------

    @property
    def _detection(self) -> TurnDetection | None:
        return self._state.config.audio.input.turn_detection

    def _rules(self, detection: TurnDetection) -> TurnRules:
        if self._ruled is None or self._ruled[0] is not detection:
            state = self._state
            max_turn = state.limits.max_turn_ms * SAMPLES_PER_MS
            judges = state.abilities.judges_turns
            self._ruled = detection, TurnRules.of(detection, max_turn=max_turn, judges=judges)
        return self._ruled[1]

    @property
    def _limit(self) -> int:
        return self._state.limits.max_buffer_ms * SAMPLES_PER_MS

    @property
    def _interrupts(self) -> bool:
        detection = self._detection
        return isinstance(detection, ServerVad | SemanticVad) and detection.interrupt_response

    @property
    def _would_answer(self) -> bool:
        """Whether the end of a turn now would start a response."""
        detection = self._detection
        return (
            isinstance(detection, ServerVad | SemanticVad)
            and detection.create_response
            and self._responses.active is None
        )
