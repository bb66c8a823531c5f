"""The input audio buffer: audio becomes turns, turns become items (protocol 5.2, 5.4).

The samples themselves are on the tape, outside. Here are only positions: the buffer runs from
`start` to `appended`, and every sample ends up in exactly one place: an item, cleared, trimmed, or
still buffered.
"""

from vivavoce.audio.units import SAMPLES_PER_MS, VAD_WINDOW
from vivavoce.protocol.errors import Refusal, buffer_too_small
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
from vivavoce.session import barge_in
from vivavoce.session.context import build_prompt
from vivavoce.session.conversation import Heard, Pending, Silence, Text, user_entry
from vivavoce.session.draft import Draft, DraftResult
from vivavoce.session.outputs import Cancel, KeepAudio, Listen, TrimAudio
from vivavoce.session.response_plan import plan_of
from vivavoce.session.responses import Responses
from vivavoce.session.state import State
from vivavoce.session.transcription import Hearing, Hearings
from vivavoce.session.truncation import Overflow
from vivavoce.session.turn_detection import (
    PAUSE_STEP,
    Endpointer,
    PauseReached,
    Quiet,
    Signal,
    SpeechBegan,
    SpeechResumed,
    TurnEnded,
    TurnRules,
)

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
        self._listening: int | None = None
        self._listening_from = 0
        self._scored = 0
        self._item_id: str | None = None
        self._draft: Draft | None = None

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
            self._listen()
        self._state.idle.restart(self._state.now)

    def speech_scored(self, job: int, end: int, probability: float) -> None:
        """A window was scored; of a job that was cancelled it counts no more."""
        detection = self._detection
        if job != self._listening or detection is None:
            return
        self._scored = end
        rules = TurnRules.of(detection, max_turn=self._state.limits.max_turn_ms * SAMPLES_PER_MS)
        signal = self._endpointer.scored(end, probability, rules, self.start)
        if signal is not None:
            self._signalled(signal)
        elif isinstance(self._endpointer.state, Quiet):
            useless = min(end - rules.padding, self._kept_from())
            if useless - self.start >= TRIM_STEP:
                self._trim(useless)

    # --- what clients ask for --------------------------------------------------------------------

    def commit(self) -> None:
        """Make an item of all that is buffered, also in mid-speech. Raises `Refusal`."""
        buffered = self.appended - self.start
        if buffered < LEAST_COMMIT:
            raise buffer_too_small(buffered / SAMPLES_PER_MS)
        self._state.conversation.check_room()
        self._drop_draft()
        item_id = self._item_id or self._state.ids.new("item")
        self._endpointer.reset()
        self._announce_item(item_id)
        hearing = self._commit_audio(item_id, self.start, self.appended, self.appended)
        self._listen_anew()
        self._publish_if_heard(hearing)
        self._state.idle.restart(self._state.now)

    def clear(self) -> None:
        """Drop all that is buffered, and the turn that is open; there is no `speech_stopped`."""
        self._drop_trial()
        self._item_id = None
        self._endpointer.reset()
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
        self._announce_item(item_id, Silence())
        self._endpointer.reset()
        if self.appended > self.start:
            self._state.out.do(KeepAudio(item_id, *span))
            self.start = self.appended
        self._responses.answer_turn(item_id, None)
        self._hearings.heard_silence(item_id, span)

    # --- the open turn's draft -------------------------------------------------------------------

    def hearing_tried(self, hearing: Hearing) -> None:
        """A hearing of the pause came back: draft the answer, if one would follow."""
        session = self._state.realtime
        if session is None or not isinstance(hearing.heard, Text) or not self._would_answer:
            return
        plan = plan_of(session, self._state.listed)
        entry = user_entry(hearing.item_id, hearing.heard)
        fitting = self._state.fit((*self._state.conversation.context, entry), plan)
        self._drop_draft()
        if isinstance(fitting, Overflow):
            return
        self._draft = Draft(self._state, build_prompt(plan, fitting.entries), plan)
        self._draft.trial = True
        self._draft.begin()

    def received(self, result: DraftResult) -> bool:
        """A result for the draft of the open turn; False if it is not for it."""
        if self._draft is None or not self._draft.received(result):
            return False
        if self._draft.failure is not None:
            self._draft = None
        return True

    def stop(self) -> None:
        """Cancel all jobs: the session ends."""
        self._drop_draft()
        if self._listening is not None:
            self._state.out.do(Cancel(self._listening))
            self._listening = None

    def announced(self, item_id: str) -> bool:
        """Whether the open turn will become the item with this id."""
        return bool(item_id) and item_id == self._item_id

    def listening_failed(self, job: int) -> bool:
        """The detector failed: what is buffered waits for a manual commit from now on.

        False if this job does not score speech.
        """
        if job != self._listening:
            return False
        self._stop_listening()
        return True

    # --- turns -----------------------------------------------------------------------------------

    def _signalled(self, signal: Signal) -> None:
        match signal:
            case SpeechBegan(start):
                self._turn_began(start)
            case PauseReached(start, voiced_to):
                if self._state.limits.speculate and self._item_id is not None:
                    self._hearings.try_span(self._item_id, start, voiced_to + PAUSE_STEP)
            case SpeechResumed():
                self._drop_trial()
            case TurnEnded(start, voiced_to, end):
                self._turn_ended(start, voiced_to, end)

    def _turn_began(self, start: int) -> None:
        """Speech: whoever speaks is heard first, then the server's own speech stops."""
        self._item_id = self._item_id or self._state.ids.new("item")
        self._trim(start)
        started = SpeechStarted(audio_start_ms=start // SAMPLES_PER_MS, item_id=self._item_id)
        response = self._responses.active
        if response is not None and self._interrupts:
            barge_in.interrupt(
                self._state, response, "turn_detected", lambda: self._state.out.send(started)
            )
        else:
            self._state.out.send(started)
        if self._interrupts:
            barge_in.hush(self._state)

    def _turn_ended(self, start: int, voiced_to: int, end: int) -> None:
        item_id = self._item_id
        assert item_id is not None
        draft, self._draft = self._draft, None
        out = self._state.out
        out.send(SpeechStopped(audio_end_ms=end // SAMPLES_PER_MS, item_id=item_id))
        try:
            self._state.conversation.check_room()
        except Refusal as refusal:
            self._turn_refused(item_id, draft, end)
            out.send(Error(error=refusal.detail))
            return
        self._announce_item(item_id)
        hearing = self._commit_audio(item_id, start, end, min(voiced_to + PAUSE_STEP, end))
        if self._would_answer:
            self._responses.answer_turn(item_id, draft)
            self._note_endpoint(voiced_to)
        elif draft is not None:
            draft.stop()
        self._state.idle.restart(self._state.now)
        self._publish_if_heard(hearing)

    def _turn_refused(self, item_id: str, draft: Draft | None, end: int) -> None:
        """There is no room for the turn in the conversation: it goes as if it were cleared."""
        if draft is not None:
            draft.stop()
        self._hearings.drop(item_id)
        self._item_id = None
        self._trim(end)
        self._state.idle.restart(self._state.now)

    def _note_endpoint(self, voiced_to: int) -> None:
        response, now = self._responses.active, self._state.now
        if response is not None:
            response.waterfall.endpoint = now
            since_voiced = (self.appended - voiced_to) / (1000 * SAMPLES_PER_MS)
            response.waterfall.last_voiced = now - since_voiced

    # --- items -----------------------------------------------------------------------------------

    def _announce_item(self, item_id: str, heard: Heard = PENDING) -> None:
        conversation, out = self._state.conversation, self._state.out
        out.send(InputAudioBufferCommitted(item_id=item_id, previous_item_id=conversation.tail))
        entry = user_entry(item_id, heard)
        previous = conversation.insert(entry)
        out.send(ConversationItemAdded(previous_item_id=previous, item=entry.item))
        out.send(ConversationItemDone(previous_item_id=previous, item=entry.item))

    def _commit_audio(self, item_id: str, start: int, end: int, heard_to: int) -> Hearing:
        """The samples from `start` to `end` are the item's; speech ends at `heard_to`."""
        hearing = self._hearings.commit_span(item_id, start, heard_to)
        self._state.out.do(KeepAudio(item_id, start, end))
        self.start = end
        self._item_id = None
        return hearing

    def _publish_if_heard(self, hearing: Hearing) -> None:
        """The try of the pause has already said what was said."""
        if not isinstance(hearing.heard, Pending):
            self._hearings.publish(hearing)
            self._responses.hearing_resolved(hearing.item_id, hearing.heard)

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

    def _listen(self) -> None:
        """Score what is buffered, and what comes."""
        self._listening = self._state.out.new_job()
        self._scored = self._listening_from = self.start
        self._state.out.do(Listen(self._listening, self.start))

    def _listen_anew(self) -> None:
        """A client has cut the audio here, maybe in mid-speech. No window may lie across the cut,
        and the detector, which remembers what it heard, has to forget what was before it: else
        silence behind the cut would begin a turn."""
        if self._listening is not None and self.start > self._listening_from:
            self._state.out.do(Cancel(self._listening))
            self._listen()

    def _stop_listening(self) -> None:
        """No more windows will be scored; an open turn keeps its item and its audio."""
        self._listening = None
        self._drop_trial()
        self._endpointer.reset()

    def _drop_trial(self) -> None:
        """What was heard and drafted in a pause does not count: the turn did not end there."""
        self._drop_draft()
        if self._item_id is not None:
            self._hearings.drop(self._item_id)

    def _drop_draft(self) -> None:
        if self._draft is not None:
            self._draft.stop()
            self._draft = None

    # --- settings --------------------------------------------------------------------------------

    @property
    def _detection(self) -> TurnDetection | None:
        return self._state.config.audio.input.turn_detection

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
