"""A turn has a greatest length, uncommitted audio a bound, and no sample is in two items."""

from itertools import pairwise
from typing import Any

from support.stage import Stage
from vivavoce.session.outputs import KeepAudio
from vivavoce.session.state import Limits

NO_ANSWERS: dict[str, Any] = {"audio": {"input": {"turn_detection": {"create_response": False}}}}
MANUAL: dict[str, Any] = {"audio": {"input": {"turn_detection": None}}}


def kept(stage: Stage) -> list[tuple[int, int]]:
    return [(o.start, o.end) for o in stage.outputs if isinstance(o, KeepAudio)]


def test_a_television_never_stops_but_its_turns_do() -> None:
    stage = Stage(limits=Limits(max_turn_ms=2000), **NO_ANSWERS)
    stage.silence(320)
    stage.speech(4480)
    stage.silence(512)
    started_and_stopped = [line for line in stage.told() if line.startswith("speech")]
    assert started_and_stopped == [
        "speech_started item1 20",
        "speech_stopped item1 2020",
        "speech_started item2 2020",
        "speech_stopped item2 4020",
        "speech_started item3 4020",
        "speech_stopped item3 5300",
    ]


def test_a_pause_does_not_stretch_a_turn_beyond_its_greatest_length() -> None:
    rules = {"type": "server_vad", "silence_duration_ms": 3000, "create_response": False}
    stage = Stage(limits=Limits(max_turn_ms=2000), audio={"input": {"turn_detection": rules}})
    stage.speech(1600)
    stage.silence(960)
    assert stage.told()[2] == "speech_stopped item1 2000"


def test_an_overlong_turn_is_answered() -> None:
    stage = Stage(limits=Limits(max_turn_ms=2000))
    stage.speech(2016)
    assert stage.told()[-1] == "response.created resp1"


def test_no_sample_is_in_two_items_and_none_between_turns_is_lost() -> None:
    stage = Stage(limits=Limits(max_turn_ms=3000), **NO_ANSWERS)
    for length in (512, 6400, 96, 1024):
        stage.speech(length)
        stage.silence(544)
    stage.commit()
    spans = kept(stage)
    assert len(spans) > 5
    for (_, end), (start, _) in pairwise(spans):
        assert start == end


def test_silence_between_turns_is_trimmed_up_to_the_padding() -> None:
    stage = Stage()
    stage.silence(32_000)
    assert 32_000 - 300 - 500 <= stage.trimmed_to <= 32_000 - 300


def test_trimming_never_reaches_into_a_turn() -> None:
    stage = Stage()
    stage.silence(3200)
    stage.speech(320)
    (started,) = [line for line in stage.told() if line.startswith("speech_started")]
    assert started == f"speech_started item1 {3200 - 300}"
    stage.speech(32_000)
    assert stage.trimmed_to == 3200 - 300


def test_without_detection_the_oldest_uncommitted_audio_is_trimmed() -> None:
    stage = Stage(limits=Limits(max_buffer_ms=2048), **MANUAL)
    stage.speech(4096)
    assert stage.trimmed_to == 2048
    stage.commit()
    assert kept(stage) == [(2048 * 24, 4096 * 24)]


def test_a_detector_that_fails_leaves_a_session_with_manual_turns() -> None:
    stage = Stage(limits=Limits(max_buffer_ms=2048))
    stage.silence(960)
    stage.speech(320)
    stage.news()
    stage.failed("listen1", "vad_failed")
    assert stage.news() == ["error vad_failed"]
    assert stage.error.type == "server_error"
    stage.speech(4096)
    assert stage.news() == []
    stage.commit()
    assert stage.told()[:2] == ["committed item1 after -", "item.added item1 after -"]
    (span,) = kept(stage)
    assert span[1] - span[0] == 2048 * 24


def test_a_detector_that_failed_is_asked_again_after_an_update() -> None:
    stage = Stage()
    stage.failed("listen1")
    stage.news()
    stage.update_input(turn_detection={"threshold": 0.6})
    assert stage.news() == ["session.updated", "Listen listen2 0.."]
