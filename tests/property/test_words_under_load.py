"""How busy the server is changes nothing of when a client is told what it has said, and what."""

from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from support.stage import Stage
from vivavoce.audio.units import SAMPLES_PER_MS
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.session.inputs import EngineFailed, Transcribed, TranscriptDelta
from vivavoce.session.outputs import Cancel, Follow, Hear
from vivavoce.session.speculation import Load
from vivavoce.session.turn_detection import PAUSE_STEP

INPUT: dict[str, Any] = {
    "transcription": {"model": "any"},
    "turn_detection": {"type": "server_vad", "create_response": False},
}
WINDOW_MS = 32


@dataclass(frozen=True)
class Speech:
    windows: int


@dataclass(frozen=True)
class Silence:
    windows: int


@dataclass(frozen=True)
class Words:
    """The recogniser is sure of some more."""


@dataclass(frozen=True)
class Wish:
    """The client wants to read what is said otherwise, or not at all."""

    transcription: dict[str, str] | None


@dataclass(frozen=True)
class Answer:
    """What was asked in the pause, if anything, is answered before the turn is over."""


Move = Speech | Silence | Words | Wish | Answer
wishes = st.sampled_from((None, {"model": "any"}, {"model": "any", "language": "de"}))
scripts = st.lists(
    st.one_of(
        st.builds(Speech, st.integers(1, 8)),
        st.builds(Silence, st.integers(1, 18)),
        st.builds(Words),
        st.builds(Answer),
        st.builds(Wish, wishes),
    ),
    max_size=30,
)


class Talk:
    """A recogniser that streams, and that fails to hear every other turn to its end."""

    def __init__(self, load: Load, *, fails: bool) -> None:
        able = HearingAbilities(streams=True)
        self.stage = Stage(abilities=able, audio={"input": INPUT})
        self.stage.load(load)
        self._fails = fails
        self._told: list[str] = []
        self._words = ""
        self._said = ""
        """Words of what was said up to the pause: what comes later in it is of later sound."""
        self._silent = 0

    def play(self, script: list[Move]) -> list[str]:
        for move in script:
            self._make(move)
        for _ in range(20):
            self._make(Silence(1))
        return [*self._told, *self.stage.told()]

    def _make(self, move: Move) -> None:
        match move:
            case Speech(windows):
                for _ in range(windows):
                    self._silent, self._said = 0, self._words
                    self.stage.speech(WINDOW_MS)
                    self._answer_what_is_over()
            case Silence(windows):
                for _ in range(windows):
                    self._silent += 1
                    self.stage.silence(WINDOW_MS)
                    self._answer_what_is_over()
            case Words():
                if (follow := self._open(Follow)) is not None:
                    self._words += "so "
                    if self._silent * WINDOW_MS * SAMPLES_PER_MS < PAUSE_STEP:
                        self._said = self._words
                    self.stage.step(TranscriptDelta(follow, "so "))
            case Wish(transcription):
                self.stage.update_input(transcription=transcription)
            case Answer():
                self._answer()

    def _answer_what_is_over(self) -> None:
        told = self.stage.told()
        self._told += told
        if any(line.startswith("committed") for line in told):
            self._answer()
            self._words = self._said = ""
            self._fails = not self._fails

    def _answer(self) -> None:
        if (hear := self._open(Hear)) is None:
            return
        if self._fails:
            self.stage.step(EngineFailed(hear, "engine_error", "It fell over."))
        else:
            self.stage.step(Transcribed(hear, self._said + "it is"))

    def _open(self, kind: type[Follow | Hear]) -> int | None:
        """The newest job of this kind, unless it was cancelled."""
        ended = {output.job for output in self.stage.outputs if isinstance(output, Cancel)}
        jobs = [o.job for o in self.stage.outputs if isinstance(o, kind)]
        return jobs[-1] if jobs and jobs[-1] not in ended else None


@given(scripts, st.booleans())
def test_load_does_not_move_the_words_of_a_turn(script: list[Move], fails: bool) -> None:
    calm = Talk("normal", fails=fails).play(script)
    assert Talk("high", fails=fails).play(script) == calm
    assert Talk("overload", fails=fails).play(script) == calm
