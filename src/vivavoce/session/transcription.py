"""Hearing: user audio becomes what the model reads, whether or not the client wants transcripts.

A hearing belongs to one user item. It may be asked for in a pause, before the item is committed;
then it counts only if the turn really ends there. Deltas and results of a hearing are sent when
its item is final, so that nothing that was only tried is ever seen (design: Hearing).
"""

from dataclasses import dataclass, field

from msgspec import UNSET

from vivavoce.audio.units import INNER_RATE
from vivavoce.protocol.server_events import (
    DurationUsage,
    LogProb,
    TranscriptionCompleted,
    TranscriptionDelta,
    TranscriptionError,
    TranscriptionFailed,
)
from vivavoce.protocol.session_config import TranscriptionConfig, bytes_per_second
from vivavoce.session.conversation import Heard, Inaudible, Noise, Pending, Silence, Text
from vivavoce.session.following import Followings
from vivavoce.session.inputs import EngineFailed, Transcribed, TranscriptDelta
from vivavoce.session.outputs import Cancel, Hear, HearClip, Speculated
from vivavoce.session.speculation import Fate
from vivavoce.session.state import State


@dataclass(slots=True)
class Hearing:
    """One request to the recogniser, for one item."""

    item_id: str
    job: int
    span: tuple[int, int]
    """Samples from where to where: on the tape, or of the clip."""
    wanted: TranscriptionConfig | None
    """What the client wants of the transcript; None if it wants none."""
    follow: int | None = None
    """The job that follows the turn, if one does: this is a flush of it."""
    on_trial: bool = False
    """Whether it was asked for in a pause, and nobody needs it yet."""
    final: bool = False
    """Whether the item is committed."""
    held: list[str] = field(default_factory=list)
    """Deltas that wait for the commit."""
    told: str | None = None
    """What the client was told while the turn was spoken; None if nobody followed it."""
    heard: Heard = field(default_factory=Pending)
    heard_at: float = 0.0
    """When that was known, in seconds of the session's clock."""
    logprobs: tuple[LogProb, ...] = ()
    failure: EngineFailed | None = None


class Hearings:
    """The hearings under way, by job."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._by_job: dict[int, Hearing] = {}
        self._followings = Followings(state)

    def follow(self, item_id: str, start: int) -> None:
        """A turn has begun at `start`: hear it while it is spoken, if the recogniser can."""
        self._followings.begin(item_id, start)

    def follow_no_more(self) -> None:
        """The open turn is over without an item."""
        self._followings.stop()

    def followed_text(self, item_id: str) -> str:
        """What is sure so far of the open turn; nothing if nobody follows it."""
        return self._followings.text_of(item_id)

    def pause(self, item_id: str) -> None:
        """The turn may end here, whether or not it is tried what was said: words that come now are
        told when it goes on, or with the rest."""
        self._followings.hold(item_id)

    def try_span(self, item_id: str, start: int, end: int, *, on_trial: bool = False) -> None:
        """Hear the turn so far: it may end here. `on_trial` nobody needs it before it does."""
        if self._of(item_id, (start, end)) is None:
            self._forget(item_id, "changed")
            self.pause(item_id)
            self._ask(item_id, start, end).on_trial = on_trial

    def commit_span(self, item_id: str, start: int, end: int) -> Hearing | None:
        """The item is committed, and its speech is this span; a try of the same span is used.

        None if nobody wants to read what is said.
        """
        if not self._state.wants_words:
            self._forget(item_id, "changed")
            self._followings.stop()
            return None
        hearing = self._of(item_id, (start, end))
        if hearing is None:
            self._forget(item_id, "changed")
            hearing = self._ask(item_id, start, end)
        self._end_trial(hearing, "used")
        hearing.final = True
        hearing.told = self._followings.end(item_id)
        return hearing

    def commit_clip(self, item_id: str, audio: bytes) -> None:
        """A client created an item with speech in it: 16-bit samples or G.711 bytes."""
        wanted = self._state.transcription
        job = self._state.out.new_job()
        given = self._state.config.audio.input.format
        length = len(audio) * INNER_RATE // bytes_per_second(given)
        self._by_job[job] = Hearing(item_id, job, (0, length), wanted, final=True)
        self._state.out.do(
            HearClip(
                job=job,
                audio=audio,
                format=given,
                **self._state.hearing_wishes(),
            )
        )

    def heard_silence(self, item_id: str, span: tuple[int, int]) -> None:
        """The item of an idle timeout is committed: nobody need listen to know what it says."""
        job = self._state.out.new_job()
        wanted = self._state.transcription
        self.publish(Hearing(item_id, job, span, wanted, final=True, heard=Silence()))

    def drop(self, item_id: str, fate: Fate = "unanswered") -> None:
        """Stop hearing this item; `fate` is why, of what was heard on trial. What waits is told."""
        self._forget(item_id, fate)
        self._followings.release(item_id)

    def _forget(self, item_id: str, fate: Fate) -> None:
        for hearing in [h for h in self._by_job.values() if h.item_id == item_id]:
            del self._by_job[hearing.job]
            self._end_trial(hearing, fate)
            if isinstance(hearing.heard, Pending):
                self._state.out.do(Cancel(hearing.job))

    def drop_all(self) -> None:
        """Stop everything: the session ends."""
        for item_id in [hearing.item_id for hearing in self._by_job.values()]:
            self.drop(item_id)
        self._followings.stop()

    def has(self, job: int) -> bool:
        """Whether this job is a hearing under way."""
        return job in self._by_job or self._followings.has(job)

    def received(self, result: TranscriptDelta | Transcribed | EngineFailed) -> Hearing | None:
        """A result arrived; gives the hearing that it concludes."""
        if self._followings.has(result.job):
            # A failure shows again in the answer to what was said.
            if isinstance(result, TranscriptDelta):
                self._followings.received(result.text)
            return None
        hearing = self._by_job.get(result.job)
        if hearing is None:
            return None
        hearing.heard_at = self._state.now
        match result:
            case TranscriptDelta(_, text):
                hearing.held.append(text)
                if hearing.final:
                    self._send_deltas(hearing)
                return None
            case Transcribed(_, text, logprobs, language):
                hearing.heard = Text(text, language) if text.strip() else Noise()
                hearing.logprobs = logprobs
            case EngineFailed():
                hearing.heard = Inaudible()
                hearing.failure = result
                self._end_trial(hearing, "failed")
        return hearing

    def publish(self, hearing: Hearing) -> None:
        """The item is committed and heard: note it, and tell the client if it wants to know."""
        self._by_job.pop(hearing.job, None)
        self._state.conversation.resolve(
            hearing.item_id, hearing.heard, show=hearing.wanted is not None
        )
        if not self._is_told(hearing):
            return
        self._send_deltas(hearing)
        if hearing.failure is not None:
            self._send_failure(hearing.item_id, hearing.failure)
            return
        text = hearing.heard.text if isinstance(hearing.heard, Text) else ""
        self._send_rest(hearing, text)
        start, end = hearing.span
        seconds = -((start - end) // INNER_RATE)
        self._state.out.send(
            TranscriptionCompleted(
                item_id=hearing.item_id,
                transcript=text,
                usage=DurationUsage(seconds=seconds),
                logprobs=hearing.logprobs or UNSET,
            )
        )

    def _end_trial(self, hearing: Hearing, fate: Fate) -> None:
        """It is known what becomes of what was heard on trial."""
        if not hearing.on_trial:
            return
        hearing.on_trial = False
        start, end = hearing.span
        seconds = (end - start) / INNER_RATE if hearing.follow is None else 0.0
        self._state.out.do(
            Speculated(job=hearing.job, work="transcribe", fate=fate, amount=seconds)
        )

    def _is_told(self, hearing: Hearing) -> bool:
        """Whether the client wants the transcript, and knows the item."""
        found = self._state.conversation.find(hearing.item_id)
        return hearing.wanted is not None and found is not None

    def _send_deltas(self, hearing: Hearing) -> None:
        if self._is_told(hearing):
            for delta in hearing.held:
                self._state.out.send(TranscriptionDelta(item_id=hearing.item_id, delta=delta))
        hearing.held.clear()

    def _send_rest(self, hearing: Hearing, text: str) -> None:
        """What a client that has read the turn so far does not know yet."""
        rest = "" if hearing.told is None else text[len(hearing.told) :]
        if rest:
            self._state.out.send(TranscriptionDelta(item_id=hearing.item_id, delta=rest))

    def _send_failure(self, item_id: str, failure: EngineFailed) -> None:
        error = TranscriptionError(
            type="transcription_error", code=failure.code, message=failure.message
        )
        self._state.out.send(TranscriptionFailed(item_id=item_id, error=error))

    def _ask(self, item_id: str, start: int, end: int) -> Hearing:
        wanted = self._state.transcription
        job = self._state.out.new_job()
        follow = self._followings.job_of(item_id)
        hearing = Hearing(item_id, job, (start, end), wanted, follow)
        self._by_job[job] = hearing
        self._state.out.do(
            Hear(
                job=job,
                start=start,
                end=end,
                follow=follow,
                **self._state.hearing_wishes(),
            )
        )
        return hearing

    def _of(self, item_id: str, span: tuple[int, int]) -> Hearing | None:
        """The hearing of exactly this, with the settings of now."""
        for hearing in self._by_job.values():
            if hearing.item_id == item_id and hearing.span == span:
                return hearing if hearing.wanted == self._state.transcription else None
        return None
