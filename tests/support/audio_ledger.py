"""The books on audio: where each sample went, and whose turn it is."""

from vivavoce.protocol.server_events import (
    InputAudioBufferCleared,
    InputAudioBufferCommitted,
    SessionCreated,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
    TimeoutTriggered,
)
from vivavoce.protocol.session_config import SemanticVad, ServerVad, SessionConfig
from vivavoce.session.inputs import (
    AnyInput,
    AudioAppended,
    EngineFailed,
    SpeechScored,
    TurnJudged,
)
from vivavoce.session.outputs import (
    AnyOutput,
    Hear,
    JudgeTurn,
    KeepAudio,
    Listen,
    Send,
    TrimAudio,
)

SAMPLES_PER_MS = 24


class AudioLedger:
    """Appended = kept in items + trimmed + buffered; `speech_started` if and only if a turn."""

    def __init__(self) -> None:
        self.appended = 0
        self.start = 0
        self.turn: str | None = None
        self.began_with_interrupt = False
        self.refused_from: int | None = None
        """Samples: where the turn began that has ended in this step, and has become no item."""
        self.config: SessionConfig | None = None
        self._kept = 0
        self._trimmed = 0
        self._items: set[str] = set()
        self._kept_in_step: set[str] = set()
        self._committed_in_step: set[str] = set()
        self._empty: str | None = None
        self._scored: SpeechScored | None = None
        self._judged = False
        self._last_start_ms = 0
        self._last_stop_ms = 0
        self._listening: int | None = None

    def happened(self, happened: AnyInput) -> None:
        """Audio came, or was scored."""
        self._scored = happened if isinstance(happened, SpeechScored) else None
        self._judged = isinstance(happened, TurnJudged)
        self.began_with_interrupt = False
        self.refused_from = None
        self._kept_in_step.clear()
        self._committed_in_step.clear()
        match happened:
            case AudioAppended(to=to):
                self.appended = to
            case EngineFailed(job=job) if job == self._listening:
                self._listening = self.turn = None

    def done(self, output: AnyOutput) -> None:
        """One output, in order."""
        match output:
            case KeepAudio(item_id=item_id, start=start, end=end):
                self._keep(item_id, start, end)
            case TrimAudio(before=before):
                assert self.start < before <= self.appended, f"trimmed before {before}"
                self._trimmed += before - self.start
                self.start = before
            case Hear(start=start, end=end) | JudgeTurn(start=start, end=end):
                assert self.start <= start < end <= self.appended, "hears what is not there"
            case Listen(job=job, start=start):
                assert self.start <= start <= self.appended, "listens to what is not there"
                self._listening = job
            case Send(event=event):
                self._sent(event)

    def step_over(self) -> None:
        """The sum of samples, and that a commit and its audio come together."""
        total = self._kept + self._trimmed + (self.appended - self.start)
        assert total == self.appended, f"{total} of {self.appended} samples are accounted for"
        assert self._kept_in_step == self._committed_in_step, "an item without its audio"

    def _keep(self, item_id: str, start: int, end: int) -> None:
        assert item_id not in self._items, f"{item_id} has audio already"
        assert start == self.start, f"{item_id} begins at {start}, the buffer at {self.start}"
        assert start < end <= self.appended, f"{item_id} ends at {end}"
        self._items.add(item_id)
        self._kept_in_step.add(item_id)
        self._kept += end - start
        self.start = end

    def _sent(self, event: object) -> None:
        match event:
            case SpeechStarted(audio_start_ms=start_ms, item_id=item_id):
                self._speech_started(start_ms, item_id)
            case SpeechStopped(audio_end_ms=end_ms, item_id=item_id):
                assert self.turn == item_id, "speech stopped that had not started"
                assert self._last_start_ms <= end_ms <= self.appended // SAMPLES_PER_MS
                ended_by_itself = self._scored is not None or self._judged
                assert ended_by_itself, "only a window or a verdict ends a turn by itself"
                self.turn, self._last_stop_ms = None, end_ms
                self.refused_from = self._last_start_ms * SAMPLES_PER_MS
            case TimeoutTriggered(item_id=item_id, audio_start_ms=start_ms, audio_end_ms=end_ms):
                self._timeout_triggered(item_id, start_ms, end_ms)
            case InputAudioBufferCommitted(item_id=item_id) if item_id == self._empty:
                assert self.turn is None, "a turn is open"
            case InputAudioBufferCommitted(item_id=item_id):
                assert self.turn in (None, item_id), f"{item_id} is not the turn that is open"
                self._committed_in_step.add(item_id)
                self.turn = self.refused_from = None
            case InputAudioBufferCleared():
                assert self.start == self.appended, "cleared, and yet there is audio"
                self.turn = None
            case SessionCreated(session=session) | SessionUpdated(session=session):
                self.config = session
                if session.audio.input.turn_detection is None:
                    self.turn = None

    def _timeout_triggered(self, item_id: str, start_ms: int, end_ms: int) -> None:
        assert self.turn is None, "somebody speaks"
        assert (start_ms, end_ms) == (self.start // SAMPLES_PER_MS, self.appended // SAMPLES_PER_MS)
        assert self.config is not None
        detection = self.config.audio.input.turn_detection
        assert isinstance(detection, ServerVad)
        assert detection.idle_timeout_ms is not None, "nobody asked for it"
        self._empty = item_id if self.start == self.appended else None

    def _speech_started(self, start_ms: int, item_id: str) -> None:
        assert self.turn is None, f"{self.turn} is still open"
        assert item_id not in self._items, f"{item_id} is an item already"
        assert self._scored is not None, "speech starts with a window"
        assert self._last_stop_ms <= start_ms <= self._scored.end // SAMPLES_PER_MS
        assert self._last_start_ms <= start_ms, "speech starts before the speech before it"
        assert self.config is not None
        detection = self.config.audio.input.turn_detection
        assert detection is not None, "nobody listens"
        assert self._scored.probability >= getattr(detection, "threshold", 0.5), "it was silence"
        self.turn, self._last_start_ms = item_id, start_ms
        self.began_with_interrupt = (
            isinstance(detection, ServerVad | SemanticVad) and detection.interrupt_response
        )
