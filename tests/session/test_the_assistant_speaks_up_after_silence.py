"""Walk (h) and protocol 5.15: the idle timeout."""

from typing import Any

import pytest

from support.cast import Cast
from support.stage import TRANSCRIBED, Stage
from vivavoce.protocol.prompt import SILENCE
from vivavoce.protocol.server_events import TimeoutTriggered
from vivavoce.session.state import Limits


def patient(cast: Cast | None = None, **config: Any) -> Stage:
    """A session that speaks up after 5 s of silence."""
    stage = Stage(cast=cast, **config)
    stage.update_input(turn_detection={"idle_timeout_ms": 5000})
    stage.news()
    return stage


def answered(**config: Any) -> Stage:
    """The same, after a first answer in writing, which took no time."""
    stage = patient(output_modalities=["text"], **config)
    stage.silence(992)
    stage.respond()
    stage.wrote("Hello.")
    stage.finished()
    stage.news()
    return stage


def triggered(stage: Stage) -> bool:
    return any(isinstance(event, TimeoutTriggered) for event in stage.events)


def test_five_seconds_of_silence_are_answered_in_the_documented_order() -> None:
    stage = answered()
    stage.silence(4992)
    assert stage.news() == []
    stage.silence(32)
    assert stage.news() == [
        "timeout_triggered item2 992..5984",
        "committed item2 after item1",
        "item.added item2 after item1",
        "item.done item2",
        "KeepAudio item2 992..5984",
        "response.created resp2",
        "Generate generate2",
    ]


def test_the_model_is_told_of_the_silence() -> None:
    stage = answered()
    stage.silence(5024)
    assert stage.dialogue() == [("assistant", "Hello."), ("user", SILENCE)]


def test_the_silence_has_an_empty_transcript() -> None:
    stage = answered(**TRANSCRIBED)
    stage.silence(5024)
    assert "transcription.completed item2 ''" in stage.told()


def test_nothing_is_asked_before_the_first_answer() -> None:
    stage = patient()
    stage.silence(60_000)
    assert stage.news() == []


def test_the_time_runs_from_the_end_of_playing() -> None:
    stage = patient(Cast(says=[("A hundred characters are spoken in six seconds. " * 2,)]))
    stage.write("hello")
    stage.respond()
    stage.silence(10_400)
    assert not triggered(stage)
    stage.silence(640)
    assert triggered(stage)


def test_it_is_not_before_all_audio_is_scored() -> None:
    stage = answered()
    stage.silence(3200)
    stage.lag()
    stage.silence(3200)
    assert stage.news() == []
    stage.catch_up()
    stage.advance(1)
    assert stage.news()[0] == "timeout_triggered item2 992..7392"


def test_what_was_said_before_the_timeout_and_scored_after_it_counts() -> None:
    stage = answered()
    stage.silence(3200)
    stage.lag()
    stage.speech(320)
    stage.silence(3200)
    stage.catch_up()
    stage.advance(1)
    assert not triggered(stage)
    assert stage.told()[0] == "speech_started item2 3892"


def test_speech_stops_the_clock_until_the_next_answer() -> None:
    stage = answered()
    stage.silence(4000)
    stage.speech(320)
    stage.silence(608)
    stage.heard("still here")
    stage.wrote("Good.")
    stage.finished()
    stage.news()
    stage.silence(4960)
    assert not triggered(stage)
    stage.silence(64)
    assert triggered(stage)


@pytest.mark.parametrize("act", ["write", "clear", "commit", "update"])
def test_what_the_client_does_restarts_it(act: str) -> None:
    stage = answered()
    stage.silence(4000)
    match act:
        case "write":
            stage.write("a note")
        case "clear":
            stage.clear()
        case "commit":
            stage.commit()
        case "update":
            stage.update_input(turn_detection={"silence_duration_ms": 600})
    stage.silence(4960)
    assert not triggered(stage)
    stage.silence(64)
    assert triggered(stage)


def test_a_client_that_sends_no_audio_is_answered_too() -> None:
    stage = answered()
    stage.advance(5000)
    assert stage.news()[:2] == ["timeout_triggered item2 992..992", "committed item2 after item1"]


def test_it_happens_again_after_the_answer() -> None:
    stage = answered()
    stage.silence(5024)
    stage.wrote("Are you still there?")
    stage.finished()
    stage.news()
    stage.silence(5024)
    assert stage.news()[0] == "timeout_triggered item4 6016..11008"


def test_it_can_be_switched_off() -> None:
    stage = answered()
    stage.silence(4000)
    stage.update_input(turn_detection={"idle_timeout_ms": None})
    stage.news()
    stage.silence(60_000)
    assert stage.news() == []


def test_silence_that_may_still_be_answered_is_all_that_is_kept_of_it() -> None:
    stage = answered()
    stage.silence(4000)
    assert stage.trimmed_to <= 992
    stage.update_input(turn_detection={"idle_timeout_ms": None})
    stage.silence(4000)
    assert stage.trimmed_to > 4992


@pytest.mark.parametrize("ms", [4999, 30_001])
def test_row_046_the_bounds_are_5_and_30_seconds(ms: int) -> None:
    stage = Stage()
    stage.news()
    stage.update_input(turn_detection={"idle_timeout_ms": ms})
    side = "below_min" if ms < 5000 else "above_max"
    path = "session.audio.input.turn_detection.idle_timeout_ms"
    assert stage.news() == [f"error integer_{side}_value {path}"]


@pytest.mark.parametrize("ms", [5000, 30_000])
def test_row_046_the_bounds_themselves_are_taken(ms: int) -> None:
    stage = Stage()
    stage.news()
    stage.update_input(turn_detection={"idle_timeout_ms": ms})
    assert stage.news() == ["session.updated"]


def test_in_a_full_conversation_a_silence_gets_one_error() -> None:
    stage = answered(limits=Limits(max_items=1))
    stage.silence(11_008)
    assert stage.news() == ["error conversation_too_large"]
    stage.speech(512)
    stage.silence(512)
    assert stage.news()[-1] == "error conversation_too_large", "nor is there room for a turn"
    stage.silence(11_008)
    assert stage.news() == ["error conversation_too_large"]


def test_silence_is_answered_again_when_there_is_room() -> None:
    stage = answered(limits=Limits(max_items=1))
    stage.silence(5024)
    stage.delete("item1")
    stage.update(instructions="Be brief.")
    assert not triggered(stage)
    stage.silence(5024)
    assert triggered(stage)
