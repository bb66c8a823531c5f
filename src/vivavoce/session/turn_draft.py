"""The draft of the turn that is open: made in a pause, adopted at the endpoint or dropped."""

from vivavoce.session.conversation import Entry
from vivavoce.session.draft import Draft, DraftResult
from vivavoce.session.response_plan import plan_of
from vivavoce.session.speculation import Fate
from vivavoce.session.state import State
from vivavoce.session.truncation import Overflow


class TurnDraft:
    """At most one draft, which nobody but the open turn knows of."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._draft: Draft | None = None

    def make(self, entry: Entry) -> None:
        """Draft the answer to a turn that would be this entry, in place of what was drafted."""
        session = self._state.realtime
        if session is None:
            return
        plan = plan_of(session, self._state.listed)
        fitting = self._state.fit((*self._state.conversation.context, entry), plan)
        self.drop("changed")
        if isinstance(fitting, Overflow):
            return
        language = self._state.spoken_language(fitting.entries)
        prompt = self._state.prompt(plan, fitting.entries)
        self._draft = Draft(self._state, prompt, plan, language, on_trial=True)
        self._draft.begin()

    def received(self, result: DraftResult) -> bool:
        """A result for it; False if it is not for it."""
        if self._draft is None or not self._draft.received(result):
            return False
        if self._draft.failure is not None:
            self._draft = None
        return True

    def take(self) -> Draft | None:
        """The turn has ended: the draft, if there is one, is somebody else's now."""
        draft, self._draft = self._draft, None
        return draft

    def drop(self, fate: Fate) -> None:
        """The turn did not end there, or is not to be answered."""
        if self._draft is not None:
            self._draft.stop(fate)
            self._draft = None
