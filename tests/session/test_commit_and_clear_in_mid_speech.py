"""Walk (i): a client commits or clears while somebody speaks."""

from collections.abc import Callable

import pytest

from support.stage import TRANSCRIBED, Stage
from vivavoce.audio.units import SAMPLES_PER_MS
from vivavoce.session.inputs import AudioAppended


def somebody_speaks_since_1_second() -> Stage:
    stage = Stage()
    stage.silence(1024)
    stage.speech(480)
    stage.news()
    return stage


def test_commit_closes_the_item_there_and_nothing_answers() -> None:
    stage = somebody_speaks_since_1_second()
    stage.commit()
    assert stage.news() == [
        "committed item1 after -",
        "item.added item1 after -",
        "item.done item1",
        "Hear hear1 724..1504",
        "KeepAudio item1 724..1504",
        "Cancel listen1",
        "Listen listen2 1504..",
    ]


def test_the_next_turn_starts_at_the_commit() -> None:
    stage = somebody_speaks_since_1_second()
    stage.commit()
    stage.news()
    stage.speech(256)
    assert stage.news() == ["speech_started item2 1504"]
    stage.silence(512)
    assert stage.told()[:3] == [
        "speech_stopped item2 2260",
        "committed item2 after item1",
        "item.added item2 after item1",
    ]


def test_clear_drops_the_turn_without_an_item() -> None:
    stage = somebody_speaks_since_1_second()
    stage.clear()
    assert stage.news() == ["Cancel listen1", "Listen listen2 1504..", "cleared"]
    assert stage.trimmed_to == 1504
    stage.speech(32)
    assert stage.news() == ["speech_started item2 1504"]


def test_clear_in_a_pause_cancels_what_was_tried_there() -> None:
    stage = somebody_speaks_since_1_second()
    stage.silence(192)
    stage.news()
    stage.clear()
    assert stage.news() == ["Cancel hear1", "Cancel listen1", "Listen listen2 1696..", "cleared"]
    stage.heard("hello")
    assert stage.news() == []


def test_clear_in_a_pause_cancels_the_draft() -> None:
    stage = somebody_speaks_since_1_second()
    stage.silence(192)
    stage.heard("hello")
    stage.wrote("Hello, you")
    stage.news()
    stage.clear()
    assert stage.news() == [
        "Cancel generate1",
        "Cancel speak1",
        "Cancel listen1",
        "Listen listen2 1696..",
        "cleared",
    ]


def test_commit_in_a_pause_hears_all_that_is_buffered() -> None:
    stage = somebody_speaks_since_1_second()
    stage.silence(192)
    stage.heard("hello")
    stage.wrote("Hello, you")
    stage.news()
    stage.commit()
    assert stage.news() == [
        "Cancel generate1",
        "Cancel speak1",
        "committed item1 after -",
        "item.added item1 after -",
        "item.done item1",
        "Hear hear2 724..1696",
        "KeepAudio item1 724..1696",
        "Cancel listen1",
        "Listen listen2 1696..",
    ]


@pytest.mark.parametrize("cut", [Stage.commit, Stage.clear])
def test_a_window_that_begins_before_the_cut_opens_nothing(cut: Callable[[Stage], None]) -> None:
    """Its score is of speech that is committed or dropped."""
    stage = Stage()
    stage.speech(320)
    stage.step(AudioAppended(320 * SAMPLES_PER_MS + 400))
    cut(stage)
    stage.news()
    stage.scored("listen1", 0.95)
    stage.silence(960)
    assert stage.news() == []


def test_a_cut_where_nothing_was_heard_leaves_the_detector_alone() -> None:
    stage = Stage()
    stage.silence(1024)
    stage.clear()
    stage.news()
    stage.clear()
    assert stage.news() == ["cleared"]


def test_without_turn_detection_nobody_listens_after_a_commit() -> None:
    stage = Stage(audio={"input": {"turn_detection": None}})
    stage.speech(320)
    stage.commit()
    assert not [line for line in stage.news() if line.startswith("Listen")]


def test_windows_that_end_before_the_commit_open_nothing() -> None:
    """The detector lags: it scores audio that is committed already."""
    stage = Stage()
    stage.lag()
    stage.speech(320)
    stage.commit()
    stage.news()
    stage.catch_up()
    assert stage.news() == []
    stage.speech(32)
    assert stage.news() == ["speech_started item2 320"]


def test_windows_that_end_before_the_clear_open_nothing() -> None:
    stage = Stage()
    stage.lag()
    stage.speech(320)
    stage.clear()
    stage.news()
    stage.catch_up()
    assert stage.news() == []


def test_commit_of_less_than_100_ms_is_refused() -> None:
    stage = Stage()
    stage.speech(96)
    stage.news()
    stage.commit()
    assert stage.news() == ["error input_audio_buffer_commit_empty"]
    assert "buffer only has 96.00ms of audio" in stage.error.message


def test_commit_twice_finds_the_buffer_empty() -> None:
    stage = Stage()
    stage.speech(128)
    stage.commit()
    stage.news()
    stage.commit()
    assert stage.news() == ["error input_audio_buffer_commit_empty"]
    assert "buffer only has 0.00ms of audio" in stage.error.message


def test_clear_of_an_empty_buffer_is_answered() -> None:
    stage = Stage()
    stage.news()
    stage.clear()
    assert stage.news() == ["cleared"]


def test_a_committed_turn_is_transcribed() -> None:
    stage = Stage(**TRANSCRIBED)
    stage.speech(320)
    stage.commit()
    stage.news()
    stage.heard("hello")
    assert stage.news() == ["transcription.completed item1 'hello'"]
