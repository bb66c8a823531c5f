"""Sequences of windows: `.` is silence, `#` is speech, `-` is neither (0.4 at threshold 0.5)."""

import pytest

from vivavoce.audio.units import SAMPLES_PER_MS, VAD_WINDOW
from vivavoce.protocol.session_config import SemanticVad, ServerVad, TranscriptionSemanticVad
from vivavoce.session.turn_detection import (
    Endpointer,
    PauseReached,
    Pausing,
    Quiet,
    Signal,
    Speaking,
    SpeechBegan,
    SpeechResumed,
    TurnEnded,
    TurnRules,
)

PROBABILITIES = {".": 0.02, "#": 0.95, "-": 0.4}
MS = SAMPLES_PER_MS


def rules(
    *, threshold: float = 0.5, padding: int = 64, silence: int = 320, max_turn: int = 60_000
) -> TurnRules:
    """Rules in milliseconds."""
    return TurnRules(threshold, padding * MS, silence * MS, max_turn * MS)


def signals(windows: str, given: TurnRules, floor: int = 0) -> list[tuple[int, Signal]]:
    """What the windows cause, with the number of the window that causes it."""
    endpointer = Endpointer()
    found = []
    for number, mark in enumerate(windows):
        end = (number + 1) * VAD_WINDOW
        signal = endpointer.scored(end, PROBABILITIES[mark], given, floor)
        if signal is not None:
            found.append((number, signal))
            if isinstance(signal, TurnEnded):
                floor = signal.end
    return found


def at(ms: int) -> int:
    """A position in samples."""
    return ms * MS


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        ("......", []),
        ("..--..", []),
        ("...#", [(3, SpeechBegan(at(32)))]),
        ("#", [(0, SpeechBegan(0))]),
        ("#--------------------", [(0, SpeechBegan(0))]),
        ("##....#", [(0, SpeechBegan(0)), (6, SpeechResumed())]),
        (
            "##.....",
            [(0, SpeechBegan(0)), (6, PauseReached(0, at(64)))],
        ),
        (
            "##.....---#",
            [(0, SpeechBegan(0)), (6, PauseReached(0, at(64))), (10, SpeechResumed())],
        ),
        (
            "##..........",
            [
                (0, SpeechBegan(0)),
                (6, PauseReached(0, at(64))),
                (11, TurnEnded(0, at(64), at(384))),
            ],
        ),
        (
            "##.---------",
            [
                (0, SpeechBegan(0)),
                (6, PauseReached(0, at(64))),
                (11, TurnEnded(0, at(64), at(384))),
            ],
        ),
        (
            "##..........#",
            [
                (0, SpeechBegan(0)),
                (6, PauseReached(0, at(64))),
                (11, TurnEnded(0, at(64), at(384))),
                (12, SpeechBegan(at(384))),
            ],
        ),
    ],
)
def test_sequences(windows: str, expected: list[tuple[int, Signal]]) -> None:
    assert signals(windows, rules()) == expected


@pytest.mark.parametrize("padding", [0, 32, 300, 10_000])
def test_padding_reaches_back_but_not_below_the_floor(padding: int) -> None:
    ((_, began),) = signals("." * 20 + "#", rules(padding=padding), floor=at(100))
    assert began == SpeechBegan(max(at(640 - padding), at(100)))


@pytest.mark.parametrize("silence", [0, 1, 32, 100, 200, 500])
def test_a_turn_ends_exactly_where_its_silence_is_long_enough(silence: int) -> None:
    found = signals("####" + "." * 20, rules(silence=silence))
    number, ended = found[-1]
    assert ended == TurnEnded(0, at(128), at(128 + silence))
    assert (number + 1) * 32 - 128 >= silence, "not known before"
    assert number * 32 - 128 < max(silence, 1), "and not later"


def test_each_pause_of_a_turn_is_reached_once() -> None:
    found = [s for _, s in signals("##.....#.......", rules(silence=2000))]
    assert found == [
        SpeechBegan(0),
        PauseReached(0, at(64)),
        SpeechResumed(),
        PauseReached(0, at(256)),
    ]


@pytest.mark.parametrize("threshold", [0.0, 0.05, 0.3, 0.9, 1.0])
def test_a_pause_needs_clearly_less_than_the_threshold(threshold: float) -> None:
    pausing_below = max(threshold - 0.15, 0.01)
    endpointer = Endpointer()
    states = []
    for number, probability in enumerate([1.0, pausing_below, pausing_below - 0.001], start=1):
        endpointer.scored(number * VAD_WINDOW, probability, rules(threshold=threshold), 0)
        states.append(endpointer.state)
    assert states == [Speaking(0), Speaking(0), Pausing(0, at(64))]


def test_the_greatest_length_ends_a_turn_in_speech() -> None:
    found = signals("#" * 10, rules(max_turn=100))
    assert found[:3] == [
        (0, SpeechBegan(0)),
        (3, TurnEnded(0, at(100), at(100))),
        (4, SpeechBegan(at(100))),
    ]


def test_the_greatest_length_ends_a_turn_in_a_pause() -> None:
    found = signals("##........", rules(max_turn=200, silence=1000))
    assert found[-1] == (6, TurnEnded(0, at(64), at(200)))


def test_reset_forgets_the_open_turn() -> None:
    endpointer = Endpointer()
    endpointer.scored(VAD_WINDOW, 1.0, rules(), 0)
    endpointer.reset()
    assert endpointer.state == Quiet()


def test_rules_in_samples() -> None:
    config = ServerVad(threshold=0.7, prefix_padding_ms=100, silence_duration_ms=250)
    assert TurnRules.of(config, max_turn=at(900)) == TurnRules(0.7, at(100), at(250), at(900))


def test_padding_leaves_room_for_speech_in_the_longest_turn() -> None:
    config = ServerVad(prefix_padding_ms=10_000)
    assert TurnRules.of(config, max_turn=at(5000)).padding == at(2500)


@pytest.mark.parametrize(
    ("eagerness", "ceiling_ms"),
    [("low", 8000), ("medium", 4000), ("high", 2000), ("auto", 4000)],
)
def test_semantic_vad_waits_for_its_ceiling(eagerness: object, ceiling_ms: int) -> None:
    for kind in (SemanticVad, TranscriptionSemanticVad):
        config = kind(eagerness=eagerness)  # type: ignore[arg-type]
        assert TurnRules.of(config, max_turn=7).silence == at(ceiling_ms)
