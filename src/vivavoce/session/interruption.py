"""Whether a turn that begins over an answer interrupts it (docs/turn-taking.md).

By default every turn does, at its first voiced window. With a `BargeInPolicy` it is announced at
once, and the answer goes on until it is known that the speech is long enough, no backchannel, and
not the answer's own echo. Its words come from the recogniser: as it streams, or asked every second
and in each pause. A turn that does not interrupt is committed like any other, and not answered.

    Overlap --long enough, and other words--> interrupted; the turn is an ordinary one
       |----turn ends, the answer is over---> nothing to interrupt; the turn is an ordinary one
       |----turn ends, words not known-------> decided when they are
       '----turn ends otherwise--------------> goes by
"""

from dataclasses import dataclass

from vivavoce.audio.units import SAMPLES_PER_MS, VAD_WINDOW
from vivavoce.protocol.server_events import SpeechStarted
from vivavoce.session import barge_in
from vivavoce.session.backchannels import Backchannels
from vivavoce.session.barge_in_policy import BargeInPolicy
from vivavoce.session.conversation import Heard, Inaudible, Text
from vivavoce.session.outputs import Interrupted
from vivavoce.session.own_speech import is_like
from vivavoce.session.responses import Responses
from vivavoce.session.state import State

LONGEST_BACKCHANNEL = 1500 * SAMPLES_PER_MS
"""Samples of speech: with more, nobody merely shows that they listen."""

LISTEN_STEP = 1000 * SAMPLES_PER_MS
"""Samples of speech after which a recogniser that does not stream is asked again."""


@dataclass(slots=True)
class Overlap:
    """A turn that began over an answer, as long as it is not known whether it interrupts."""

    item_id: str
    began_at: float
    """Seconds."""
    made: int
    """How many responses there were by then; one that is made later is another matter."""
    least_voiced: int
    """Samples: with less of it voiced, it does not interrupt."""
    backchannels: Backchannels
    voiced: int = 0
    """Samples."""
    listen_at: int = LISTEN_STEP
    """How much of it has to be voiced until the recogniser is asked next."""


class Interruptions:
    """Decides for each turn, and cuts the answer short."""

    def __init__(self, state: State, responses: Responses) -> None:
        self._state = state
        self._responses = responses
        self._open: Overlap | None = None
        """Of the turn that is open."""
        self._ended: dict[str, Overlap] = {}
        """Of turns that were committed before their words were known."""

    def turn_began(self, started: SpeechStarted) -> None:
        """Announce a turn that may interrupt. What it interrupts is cut short, or waits."""
        self._open = self._undecided(started.item_id)
        if self._open is not None:
            self._state.out.send(started)
            return
        self._note_interruption()
        response = self._responses.active
        if response is not None:
            barge_in.interrupt(
                self._state, response, "turn_detected", lambda: self._state.out.send(started)
            )
        else:
            self._state.out.send(started)
        barge_in.hush(self._state)

    def spoke_on(self) -> bool:
        """One more window of the open turn is voiced; True if its words should be asked for."""
        overlap = self._open
        if overlap is None:
            return False
        overlap.voiced += VAD_WINDOW
        if not self._is_long_enough(overlap):
            return False
        if not self._policy.reads or self._is_no_backchannel_by_length(overlap):
            self._interrupt(overlap)
            return False
        if self._state.abilities.streams or overlap.voiced < overlap.listen_at:
            return False
        overlap.listen_at += LISTEN_STEP
        return True

    def waits_for_words(self, item_id: str) -> bool:
        """Whether the words of the open turn decide."""
        return self.is_undecided(item_id) and self._policy.reads

    def is_undecided(self, item_id: str) -> bool:
        """Whether the open turn, which will be this item, may turn out not to interrupt."""
        return self._open is not None and self._open.item_id == item_id

    def read(self, text: str) -> None:
        """The words of the open turn so far, from a recogniser that streams."""
        overlap = self._open
        if overlap is None or not self._policy.reads or not self._is_long_enough(overlap):
            return
        if not overlap.backchannels.may_become(text) and not self._is_own(overlap, text):
            self._interrupt(overlap)

    def tried(self, item_id: str, heard: Heard) -> None:
        """What was said so far in the open turn."""
        overlap = self._open
        if overlap is not None and overlap.item_id == item_id and self._counts(overlap, heard):
            self._interrupt(overlap)

    def turn_ended(self, item_id: str) -> bool:
        """The turn is committed; True if it is not to be answered now."""
        overlap, self._open = self._open, None
        if overlap is None or overlap.item_id != item_id:
            return False
        if self._answer_is_over and not self._policy.ignore_own_speech:
            return False
        if self._policy.reads:
            known = self._state.conversation.find
            self._ended = {one: kept for one, kept in self._ended.items() if known(one)}
            self._ended[item_id] = overlap
        return True

    def heard(self, item_id: str, heard: Heard) -> bool:
        """What was said in a turn that has ended; True if it is to be answered now after all."""
        overlap = self._ended.pop(item_id, None)
        if overlap is None or self._responses.made != overlap.made:
            return False
        if self._answer_is_over:
            return not (isinstance(heard, Text) and self._is_own(overlap, heard.text))
        if not self._counts(overlap, heard):
            return False
        self._interrupt(overlap)
        return True

    def forget(self) -> None:
        """The open turn ends without a decision: the client has taken over."""
        self._open = None

    # --- deciding --------------------------------------------------------------------------------

    def _undecided(self, item_id: str) -> Overlap | None:
        """The turn that begins now, if something has to be known before it interrupts."""
        least_voiced, wanted = self._least_voiced, self._state.transcription
        if self._answer_is_over or not (least_voiced or self._policy.reads):
            return None
        return Overlap(
            item_id,
            began_at=self._state.now,
            made=self._responses.made,
            least_voiced=least_voiced,
            backchannels=self._policy.going_by(wanted.language if wanted else None),
        )

    def _counts(self, overlap: Overlap, heard: Heard) -> bool:
        """Whether a turn interrupts in which this was heard. Noise does not."""
        if not self._is_long_enough(overlap):
            return False
        match heard:
            case Text(text):
                return not overlap.backchannels.make_up(text) and not self._is_own(overlap, text)
            case Inaudible():
                return True
            case _:
                return False

    def _is_long_enough(self, overlap: Overlap) -> bool:
        return overlap.voiced >= overlap.least_voiced

    @property
    def _least_voiced(self) -> int:
        """Samples of speech over what is sent by now. Before there is anything to speak over, a
        few words may well be the rest of the question."""
        return self._policy.least_voiced_ms * SAMPLES_PER_MS if self._is_answered else 0

    def _is_no_backchannel_by_length(self, overlap: Overlap) -> bool:
        return not self._policy.ignore_own_speech and overlap.voiced > LONGEST_BACKCHANNEL

    def _is_own(self, overlap: Overlap, text: str) -> bool:
        if not self._policy.ignore_own_speech:
            return False
        return is_like(text, self._state.aloud.between(overlap.began_at, self._state.now))

    def _interrupt(self, overlap: Overlap) -> None:
        """Cut the answer short that the turn began over, if that still runs or plays."""
        if self._open is overlap:
            self._open = None
        if self._responses.made != overlap.made:
            return
        self._note_interruption()
        if (response := self._responses.active) is not None:
            barge_in.interrupt(self._state, response, "turn_detected")
        else:
            barge_in.turn_away(self._state)

    def _note_interruption(self) -> None:
        """Whoever speaks before there is anything to hear interrupts nobody, nor does whoever
        speaks on while an answer still plays from which they have turned away."""
        if self._is_sent or self._state.playback.is_heard(self._state.now):
            self._state.out.do(Interrupted())

    @property
    def _policy(self) -> BargeInPolicy:
        return self._state.limits.barge_in

    @property
    def _answer_is_over(self) -> bool:
        """Whether nothing is being answered, and nothing plays any more."""
        return self._responses.active is None and not self._plays

    @property
    def _is_answered(self) -> bool:
        """Whether something of an answer was sent that may not be played yet."""
        return self._plays or self._is_sent

    @property
    def _is_sent(self) -> bool:
        response = self._responses.active
        return response is not None and response.is_sent

    @property
    def _plays(self) -> bool:
        """Whether there may be speech that was sent and is not played yet."""
        return self._state.playback.lead_s(self._state.now) > 0
