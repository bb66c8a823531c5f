"""Where turns begin and end, from the probabilities of speech. Time is audio: positions only.

`Endpointer` is Silero's own rule of two thresholds made incremental: speech begins with a window
at or above `threshold`, a pause with a window below `threshold - 0.15`, and a pause of
`silence` samples ends the turn. Positions are samples at 24 kHz.
"""

from dataclasses import dataclass, replace

from vivavoce.audio.units import SAMPLES_PER_MS, VAD_WINDOW
from vivavoce.protocol.session_config import (
    SEMANTIC_CEILING_MS,
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


@dataclass(frozen=True, slots=True)
class TurnRules:
    """`turn_detection` in samples."""

    threshold: float
    padding: int
    silence: int
    max_turn: int

    @classmethod
    def of(cls, config: TurnDetection, *, max_turn: int) -> "TurnRules":
        """The rules of this configuration; `semantic_vad` waits for its ceiling of silence."""
        if isinstance(config, SemanticVad | TranscriptionSemanticVad):
            threshold, padding = SEMANTIC_THRESHOLD, SEMANTIC_PADDING_MS
            silence = SEMANTIC_CEILING_MS[config.eagerness]
        else:
            threshold, padding = config.threshold, config.prefix_padding_ms
            silence = config.silence_duration_ms
        # Padding may not fill a turn: there has to be room for speech in it.
        padding = min(padding * SAMPLES_PER_MS, max_turn // 2)
        return cls(threshold, padding, silence * SAMPLES_PER_MS, max_turn)


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
class SpeechResumed:
    """The pause was only a pause."""


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The turn is over: it runs from `start` to `end`, the last voiced sample is `voiced_to`."""

    start: int
    voiced_to: int
    end: int


Signal = SpeechBegan | PauseReached | SpeechResumed | TurnEnded


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
                return self._ended(end, rules) or self._stepped(end)

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

    def _stepped(self, end: int) -> PauseReached | None:
        state = self.state
        if not isinstance(state, Pausing) or state.stepped:
            return None
        if end - state.voiced_to < PAUSE_STEP:
            return None
        self.state = replace(state, stepped=True)
        return PauseReached(state.start, state.voiced_to)
