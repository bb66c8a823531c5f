"""Asking the turn detector, in a pause, whether the turn is complete (protocol 2.4).

At most one judgement is under way; one that is due meanwhile is made next. A verdict counts while
the pause that it was asked about goes on; when somebody speaks again, or the turn ends otherwise,
it is cancelled. A detector that fails leaves the rest of this turn to the ceiling of silence, and
is asked again in the next.
"""

from vivavoce.session.inputs import EngineFailed, TurnJudged
from vivavoce.session.outputs import Cancel, JudgeTurn
from vivavoce.session.state import State
from vivavoce.session.turn_detection import JudgementDue


class TurnJudge:
    """The judgement of the open turn's pause."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._job: int | None = None
        self._asked: JudgementDue | None = None
        self._next: JudgementDue | None = None
        """What is judged if the judgement under way finds the turn incomplete."""
        self._failed_in: int | None = None
        """Where the turn begins in which the detector failed."""

    def ask(self, due: JudgementDue) -> None:
        """The pause is long enough to be judged."""
        if due.start == self._failed_in:
            return
        if self._job is not None:
            self._next = due
            return
        self._job, self._asked = self._state.out.new_job(), due
        self._state.out.do(JudgeTurn(self._job, due.start, due.end))

    def has(self, job: int) -> bool:
        """Whether this job is the judgement under way."""
        return self._job is not None and job == self._job

    def received(self, verdict: TurnJudged | EngineFailed, complete: float | None) -> int | None:
        """The judgement is made: gives where the turn ends, if it does.

        It does from the probability `complete` on; None if pauses are not judged any more.
        """
        asked, following = self._asked, self._next
        self._job = self._asked = self._next = None
        assert asked is not None
        if isinstance(verdict, EngineFailed):
            self._failed_in = asked.start
            return None
        if complete is None:
            return None
        if verdict.probability >= complete:
            return asked.end
        if following is not None:
            self.ask(following)
        return None

    def drop(self) -> None:
        """The pause is over, or so is the turn."""
        if self._job is not None:
            self._state.out.do(Cancel(self._job))
            self._job = self._asked = self._next = None
