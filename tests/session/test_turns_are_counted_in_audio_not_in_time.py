"""Walks (n) and (p): endpoints come from positions, however late or bundled the audio is."""

from typing import Any

import pytest

from support.stage import SILENCE, SPEECH, Stage

AUDIO = [SILENCE] * 20 + [SPEECH] * 20 + [SILENCE] * 20 + [SPEECH] * 40 + [SILENCE] * 30
TURNS = [
    "speech_started item1 340",
    "speech_stopped item1 1780",
    "committed item1 after -",
    "item.added item1 after -",
    "item.done item1",
    "speech_started item2 1780",
    "speech_stopped item2 3700",
    "committed item2 after item1",
    "item.added item2 after item1",
    "item.done item2",
]
NO_ANSWERS: dict[str, Any] = {"audio": {"input": {"turn_detection": {"create_response": False}}}}


def test_a_huge_append_gives_the_same_turns_as_real_time() -> None:
    stage = Stage(**NO_ANSWERS)
    stage.append(AUDIO)
    assert stage.told()[1:] == TURNS


@pytest.mark.parametrize("windows_each", [1, 7, 50])
@pytest.mark.parametrize("gap_ms", [0, 3, 32, 1000])
def test_arrival_times_do_not_matter(windows_each: int, gap_ms: int) -> None:
    stage = Stage(**NO_ANSWERS)
    for start in range(0, len(AUDIO), windows_each):
        stage.append(AUDIO[start : start + windows_each])
        stage.advance(gap_ms)
    assert stage.told()[1:] == TURNS


def test_silence_alone_gives_no_events() -> None:
    stage = Stage()
    stage.silence(32 * 500)
    assert stage.told() == ["session.created"]


def test_the_clock_of_the_input_counts_all_audio_and_goes_on_after_a_clear() -> None:
    stage = Stage()
    stage.silence(960)
    stage.clear()
    stage.silence(960)
    stage.speech(32)
    assert stage.told()[-1] == "speech_started item1 1620"


def test_padding_does_not_reach_into_the_item_before() -> None:
    stage = Stage(**NO_ANSWERS)
    stage.speech(512)
    stage.silence(544)
    stage.speech(32)
    assert stage.told()[-1] == "speech_started item2 1012"
