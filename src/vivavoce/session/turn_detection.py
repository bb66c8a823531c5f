"""Where turns begin and end, from the probabilities of speech. Time is audio: positions only.

`Endpointer` is Silero's own rule of two thresholds made incremental: speech begins with a window
at or above `threshold`, a pause with a window below `threshold - 0.15`, and a pause of
`silence` samples ends the turn. Where a turn detector judges pauses, one behind words that it finds
complete ends the turn sooner. Positions are samples at 24 kHz.
"""

from dataclasses import dataclass, replace

from vivavoce.audio.units import SAMPLES_PER_MS, VAD_WINDOW
from vivavoce.protocol.session_config import (
    SEMANTIC_CEILING_MS,
    Eagerness,
    SemanticVad,
    TranscriptionSemanticVad,
    TurnDetection,
)

HYSTERESIS = 0.15
LOWEST_THRESHOLD = 0.01
SEMANTIC_THRESHOLD = 0.5
SEMANTIC_PADDING_MS = 300

PAUSE_STEP = 150 * SAMPLES_PER_MS
"""A pause of this length is worth hearing provisionally. It is also the pad behind the last
voiced sample that a recogniser gets, so that what it heard in the pause stays valid."""

FIRST_JUDGEMENT = 200 * SAMPLES_PER_MS
"""A pause of this length is worth judging: so much silence stands at the end of what turn detectors
were trained on."""

JUDGEMENT_GROWTH = 3
"""A pause that was not the end is judged again when it is so many times as long."""

COMPLETE: dict[Eagerness, float] = {"low": 0.8, "medium": 0.5, "auto": 0.5, "high": 0.3}
"""From which probability on a turn counts as complete (protocol 2.4, `eagerness`)."""


@dataclass(frozen=True, slots=True)
class TurnRules:
    """`turn_detection` in samples."""

    threshold: float
    padding: int
    silence: int
    max_turn: int
    complete: float | None = None
    """The probability from which on a pause ends the turn; None if pauses are not judged."""

    @classmethod
    def of(cls, config: TurnDetection, *, max_turn: int, judges: bool = False) -> "TurnRules":
        """The rules of this configuration.

        `semantic_vad` waits for its ceiling of silence, and where there is a turn detector that
        `judges` pauses, for a pause behind what is complete.
        """
        complete = None
        if isinstance(config, SemanticVad | TranscriptionSemanticVad):
            threshold, padding = SEMANTIC_THRESHOLD, SEMANTIC_PADDING_MS
            silence = SEMANTIC_CEILING_MS[config.eagerness]
            complete = COMPLETE[config.eagerness] if judges else None
        else:
            threshold, padding = config.threshold, config.prefix_padding_ms
            silence = config.silence_duration_ms
        # Padding may not fill a turn: there has to be room for speech in it.
        padding = min(padding * SAMPLES_PER_MS, max_turn // 2)
        return cls(threshold, padding, silence * SAMPLES_PER_MS, max_turn, complete)


# --- states -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Quiet:
    """No turn is open."""


@dataclass(frozen=True, slots=True)
class Speaking:
    """A turn is open and somebody speaks; it began at `start`, padding included."""

    start: int


@dataclass(frozen=True, slots=True)
class Pausing:
    """A turn is open and nobody speaks since `voiced_to`."""

    start: int
    voiced_to: int
    stepped: bool = False
    judged_at: int = FIRST_JUDGEMENT
    """The length at which the pause is judged next."""


TurnState = Quiet | Speaking | Pausing


# --- signals ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    """A turn opens at `start`."""

    start: int


@dataclass(frozen=True, slots=True)
class PauseReached:
    """The pause has lasted for `PAUSE_STEP`; the turn may be over."""

    start: int
    voiced_to: int


@dataclass(frozen=True, slots=True)
class JudgementDue:
    """The pause has lasted to `end`, where it may be judged whether the turn is complete."""

    start: int
    voiced_to: int
    end: int


@dataclass(frozen=True, slots=True)
class SpeechResumed:
    """The pause was only a pause."""


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The turn is over: it runs from `start` to `end`, the last voiced sample is `voiced_to`."""

    start: int
    voiced_to: int
    end: int


Signal = SpeechBegan | PauseReached | JudgementDue | SpeechResumed | TurnEnded


class Endpointer:
    """Takes windows in order, gives at most one signal for each."""

    def __init__(self) -> None:
        self.state: TurnState = Quiet()

    def reset(self) -> None:
        """Forget the turn that is open."""
        self.state = Quiet()

    def scored(self, end: int, probability: float, rules: TurnRules, floor: int) -> Signal | None:
        """The window that ends at `end` was scored.

        `floor` is the first sample that may belong to a turn: the end of the previous item.
        """
        voiced = probability >= rules.threshold
        quiet = probability < max(rules.threshold - HYSTERESIS, LOWEST_THRESHOLD)
        match self.state:
            case Quiet():
                return self._began(end, rules, floor) if voiced else None
            case Speaking(start):
                if quiet:
                    self.state = Pausing(start, end - VAD_WINDOW)
                return self._ended(end, rules)
            case Pausing(start):
                if voiced:
                    self.state = Speaking(start)
                    return self._ended(end, rules) or SpeechResumed()
                return self._ended(end, rules) or self._stepped(end, rules)

    def completed(self, end: int) -> TurnEnded | None:
        """The pause was judged at `end`, and what was said is complete; None if nobody pauses."""
        state = self.state
        if not isinstance(state, Pausing):
            return None
        self.state = Quiet()
        return TurnEnded(state.start, state.voiced_to, end)

    def _began(self, end: int, rules: TurnRules, floor: int) -> SpeechBegan:
        start = max(end - VAD_WINDOW - rules.padding, floor)
        self.state = Speaking(start)
        return SpeechBegan(start)

    def _ended(self, end: int, rules: TurnRules) -> TurnEnded | None:
        """The turn ends by silence, exactly where it is long enough, or by its greatest length."""
        match self.state:
            case Pausing(start, voiced_to) if end - voiced_to >= rules.silence:
                stop = voiced_to + rules.silence
            case Pausing(start, voiced_to) if end - start >= rules.max_turn:
                stop = start + rules.max_turn
            case Speaking(start) if end - start >= rules.max_turn:
                voiced_to = stop = start + rules.max_turn
            case _:
                return None
        stop = min(stop, start + rules.max_turn)
        self.state = Quiet()
        return TurnEnded(start, min(voiced_to, stop), stop)

    def _stepped(self, end: int, rules: TurnRules) -> PauseReached | JudgementDue | None:
        state = self.state
        if not isinstance(state, Pausing):
            return None
        pause = end - state.voiced_to
        if pause >= PAUSE_STEP and not state.stepped:
            self.state = replace(state, stepped=True)
            return PauseReached(state.start, state.voiced_to)
        if pause >= state.judged_at and rules.complete is not None:
            self.state = replace(state, judged_at=state.judged_at * JUDGEMENT_GROWTH)
            return JudgementDue(state.start, state.voiced_to, state.voiced_to + state.judged_at)
        return None
