"""Following: a turn is recognised while it is spoken, where the recogniser streams.

The recogniser follows the tape from the beginning of the turn. Its deltas reach the client before
the commit, with the item id that `speech_started` has announced (protocol 2.3). What is said in
all is still asked for in a pause and at the commit; that text begins with all deltas.

In a pause deltas wait: the answer, should it count, is what was said up to then, and must not lack
what was sent already. They wait also where nothing is asked before the commit, so that a client
cannot tell how much is done in pauses.
"""

from dataclasses import dataclass, field

from vivavoce.protocol.server_events import TranscriptionDelta
from vivavoce.session.outputs import Cancel, Follow
from vivavoce.session.state import State


@dataclass(slots=True)
class Following:
    """The open turn, as it is followed."""

    item_id: str
    job: int
    told: str = ""
    """The deltas that were sent."""
    held: list[str] = field(default_factory=list)
    """Those that wait."""
    holds: bool = False


class Followings:
    """Follows the turn that is open, if any."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._open: Following | None = None

    def begin(self, item_id: str, start: int) -> None:
        """A turn has begun, whose audio begins at `start`."""
        if not self._state.abilities.streams or not self._state.wants_words:
            return
        if self._open is not None and self._open.item_id == item_id:
            return
        self.stop()
        job = self._state.out.new_job()
        self._open = Following(item_id, job)
        self._state.out.do(Follow(job=job, start=start, **self._state.hearing_wishes()))

    def job_of(self, item_id: str) -> int | None:
        """The job that follows the turn which will be this item, if one does."""
        if self._open is None or self._open.item_id != item_id:
            return None
        return self._open.job

    def text_of(self, item_id: str) -> str:
        """What is sure so far of the turn which will be this item."""
        if self._open is None or self._open.item_id != item_id:
            return ""
        return self._open.told + "".join(self._open.held)

    def has(self, job: int) -> bool:
        """Whether this job follows the open turn."""
        return self._open is not None and self._open.job == job

    def received(self, delta: str) -> None:
        """More of the open turn's words."""
        assert self._open is not None
        self._open.held.append(delta)
        if not self._open.holds:
            self._tell(self._open)

    def hold(self, item_id: str) -> None:
        """The turn may be over with what was said so far."""
        if self._open is not None and self._open.item_id == item_id:
            self._open.holds = True

    def release(self, item_id: str) -> None:
        """It is not: the turn goes on."""
        if self._open is not None and self._open.item_id == item_id:
            self._open.holds = False
            self._tell(self._open)

    def end(self, item_id: str) -> str | None:
        """The turn is committed. Gives what was told of it; None if it was not followed."""
        if self._open is None or self._open.item_id != item_id:
            return None
        told = self._open.told
        self.stop()
        return told

    def stop(self) -> None:
        """Follow no more."""
        if self._open is not None:
            self._state.out.do(Cancel(self._open.job))
            self._open = None

    def _tell(self, following: Following) -> None:
        """Send what waits; a client that does not want to read it now gets it with the rest."""
        if self._state.transcription is None:
            return
        for delta in following.held:
            following.told += delta
            event = TranscriptionDelta(item_id=following.item_id, delta=delta)
            self._state.out.send(event)
        following.held.clear()
