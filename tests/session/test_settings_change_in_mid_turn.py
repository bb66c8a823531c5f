"""Walk (d): `session.update` while somebody speaks, pauses, or is being answered."""

from typing import Any

import pytest

from support.cast import Cast
from support.stage import Stage
from vivavoce.protocol.server_events import SessionUpdated
from vivavoce.protocol.session_config import RealtimeSession
from vivavoce.session.outputs import Speak

VAD = {"type": "server_vad"}


def a_drafted_pause(silence_ms: int) -> Stage:
    stage = Stage()
    stage.speech(1024)
    stage.silence(192)
    stage.heard("hello")
    stage.wrote("Hello, you!")
    stage.silence(silence_ms - 192)
    stage.news()
    return stage


def test_a_shorter_silence_ends_the_turn_at_the_next_window() -> None:
    stage = a_drafted_pause(288)
    stage.update_input(turn_detection={"silence_duration_ms": 200})
    assert stage.news() == ["session.updated"]
    stage.silence(32)
    news = stage.news()
    assert news[0] == "speech_stopped item1 1224"
    assert "response.created resp1" in news
    assert "Generate generate2" not in news


@pytest.mark.parametrize(
    "settings",
    [
        {"instructions": "Be brief."},
        {"tools": [{"type": "function", "name": "dial"}]},
        {"audio": {"output": {"voice": "cedar"}}},
        {"audio": {"output": {"speed": 1.2}}},
        {"output_modalities": ["text"]},
        {"max_output_tokens": 7},
    ],
)
def test_a_draft_made_under_other_settings_is_not_adopted(settings: dict[str, Any]) -> None:
    stage = a_drafted_pause(288)
    stage.update(**settings)
    stage.silence(224)
    news = stage.news()
    assert news[0] == "session.updated"
    created = news.index("response.created resp1")
    assert news[created:] == [
        "response.created resp1",
        "Cancel generate1",
        "Cancel speak1",
        "Generate generate2",
    ]


def test_settings_that_no_answer_depends_on_keep_the_draft() -> None:
    stage = a_drafted_pause(288)
    stage.update(tracing="auto")
    stage.silence(224)
    assert "Cancel generate1" not in stage.news()


def test_a_running_response_keeps_its_settings() -> None:
    stage = a_drafted_pause(192)
    stage.silence(320)
    stage.news()
    stage.update(output_modalities=["text"], audio={"output": {"voice": "cedar"}})
    stage.wrote(" And good day. ")
    assert stage.news() == ["session.updated", "Speak speak2 'you! '"]
    speak = next(o for o in reversed(stage.outputs) if isinstance(o, Speak))
    assert speak.voice == "alloy"


def test_without_answers_the_draft_is_dropped_at_the_endpoint() -> None:
    stage = a_drafted_pause(288)
    stage.update_input(turn_detection={"create_response": False})
    stage.silence(224)
    news = stage.news()
    assert news[-2:] == ["Cancel generate1", "Cancel speak1"]
    assert "response.created resp1" not in news


def test_detection_off_in_mid_speech_keeps_the_turn_for_a_manual_commit() -> None:
    stage = Stage()
    stage.silence(960)
    stage.speech(512)
    stage.news()
    stage.update_input(turn_detection=None)
    assert stage.news() == ["session.updated", "Cancel listen1"]
    stage.silence(960)
    assert stage.news() == []
    stage.commit()
    assert stage.news() == [
        "committed item1 after -",
        "item.added item1 after -",
        "item.done item1",
        "Hear hear1 660..2432",
        "KeepAudio item1 660..2432",
    ]


def test_detection_off_in_a_pause_cancels_the_draft() -> None:
    stage = a_drafted_pause(192)
    stage.update_input(turn_detection=None)
    assert stage.news() == [
        "session.updated",
        "Cancel listen1",
        "Cancel generate1",
        "Cancel speak1",
    ]


def test_detection_off_in_a_pause_stops_the_recogniser() -> None:
    stage = Stage()
    stage.speech(1024)
    stage.silence(192)
    stage.news()
    stage.update_input(turn_detection=None)
    assert stage.news() == ["session.updated", "Cancel listen1", "Cancel hear1"]


def test_detection_on_again_scores_from_the_start_of_the_buffer() -> None:
    stage = Stage()
    stage.silence(960)
    stage.speech(512)
    stage.update_input(turn_detection=None)
    stage.speech(512)
    stage.news()
    stage.update_input(turn_detection=VAD)
    # The turn is found where it was, under the name it had.
    assert stage.news() == ["session.updated", "Listen listen2 660..", "speech_started item1 660"]
    stage.silence(512)
    assert stage.told()[0] == "speech_stopped item1 2472"


def test_windows_of_a_detector_that_was_switched_off_open_nothing() -> None:
    stage = Stage()
    stage.update_input(turn_detection=None)
    stage.news()
    stage.scored("listen1", 1.0)
    assert stage.news() == []


def test_the_threshold_holds_from_the_next_window() -> None:
    stage = Stage()
    stage.speech(320, 0.6)
    stage.silence(512)
    stage.update_input(turn_detection={"threshold": 0.8})
    stage.news()
    stage.speech(320, 0.6)
    assert stage.news() == []
    stage.speech(32, 0.8)
    assert stage.news()[0] == "speech_started item2 852"


def test_padding_holds_from_the_next_turn() -> None:
    stage = Stage()
    stage.update_input(turn_detection={"prefix_padding_ms": 100})
    stage.silence(960)
    stage.news()
    stage.speech(32)
    assert stage.news() == ["speech_started item1 860"]


def test_an_update_shows_the_whole_session() -> None:
    stage = Stage(instructions="Be kind.")
    stage.update(max_output_tokens=99)
    shown = stage.last(SessionUpdated).session
    assert shown == stage.session.config
    assert isinstance(shown, RealtimeSession)
    assert (shown.instructions, shown.max_output_tokens) == ("Be kind.", 99)


def test_an_update_with_a_fault_changes_nothing() -> None:
    stage = Stage()
    before = stage.session.config
    stage.news()
    stage.update(instructions="Be brief.", max_output_tokens=0)
    assert stage.news() == ["error integer_below_min_value session.max_output_tokens"]
    assert stage.session.config == before


def test_the_speed_of_the_next_answer_can_be_set() -> None:
    stage = Stage(cast=Cast())
    stage.update(audio={"output": {"speed": 1.5}})
    stage.write("hello")
    stage.respond()
    stage.advance(1000)
    assert [o.speed for o in stage.outputs if isinstance(o, Speak)] == [1.5]
