"""The jobs of a draft on trial: begun in a pause, before it is known that the turn ends there."""

from collections.abc import Iterable

from vivavoce.session.draft_content import (
    DraftCall,
    DraftClause,
    DraftContent,
    DraftSpeech,
    DraftText,
)
from vivavoce.session.outputs import Outbox, Speculated
from vivavoce.session.speculation import Fate, Work


class Trial:
    """What a draft has begun so far, until it is known what becomes of it."""

    def __init__(self, out: Outbox) -> None:
        self._out = out
        self._generation: int | None = None
        self._clauses: dict[int, DraftClause] = {}
        self._failed: int | None = None

    def writes(self, job: int) -> None:
        """The model was asked."""
        self._generation = job

    def speaks(self, job: int, clause: DraftClause) -> None:
        """The voice was given a clause."""
        self._clauses[job] = clause

    def failed(self, job: int) -> None:
        """One job failed: what becomes of the others is not that."""
        self._failed = job

    @property
    def clauses(self) -> int:
        """How many were given to the voice."""
        return len(self._clauses)

    def ends(self, contents: Iterable[DraftContent], fate: Fate) -> None:
        """Tell what became of each job, and how much it has made: all of it is in `contents`."""
        if self._generation is not None:
            characters = float(sum(map(characters_in, contents)))
            self._tell(self._generation, "generate", fate, characters)
        for job, clause in self._clauses.items():
            self._tell(job, "speak", fate, clause.waiting_ms / 1000)

    def _tell(self, job: int, work: Work, fate: Fate, amount: float) -> None:
        if job == self._failed:
            fate = "failed"
        self._out.do(Speculated(job=job, work=work, fate=fate, amount=amount))


def characters_in(content: DraftContent) -> int:
    """How much of it the model has written or said."""
    match content:
        case DraftText(text=text):
            return len(text)
        case DraftSpeech(pieces=pieces):
            return sum(len(piece.text) for piece in pieces)
        case DraftCall(arguments=arguments):
            return len(arguments)
