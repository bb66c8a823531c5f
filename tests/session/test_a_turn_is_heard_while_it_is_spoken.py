"""A recogniser that streams follows the turn: words are told before the commit (protocol 2.3)."""

import pytest

from support.stage import TRANSCRIBED, Stage
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.protocol.server_events import TranscriptionCompleted, TranscriptionDelta
from vivavoce.session.outputs import Follow, Hear
from vivavoce.session.speculation import LEVELS, Speculation
from vivavoce.session.state import Limits

STREAMS = HearingAbilities(streams=True)


def streaming(**more: object) -> Stage:
    return Stage(abilities=STREAMS, **{**TRANSCRIBED, **more})


def words_of(stage: Stage) -> str:
    return "".join(e.delta for e in stage.events if isinstance(e, TranscriptionDelta))


def test_the_words_are_told_as_they_are_spoken_and_the_rest_at_the_end() -> None:
    stage = streaming()
    stage.speech(512)
    stage.transcript_delta("turn", job="follow1")
    stage.speech(512)
    stage.transcript_delta(" left", job="follow1")
    stage.silence(320)
    stage.heard("turn left please")
    stage.silence(640)
    lines = [line for line in stage.news() if "Generate" not in line and "resp1" not in line]
    assert lines[lines.index("speech_started item1 0") :] == [
        "speech_started item1 0",
        "Follow follow1 0..",
        "transcription.delta item1 'turn'",
        "transcription.delta item1 ' left'",
        "Hear hear1 0..1174",
        "speech_stopped item1 1524",
        "committed item1 after -",
        "item.added item1 after -",
        "item.done item1",
        "Cancel follow1",
        "KeepAudio item1 0..1524",
        "transcription.delta item1 ' please'",
        "transcription.completed item1 'turn left please'",
    ]


def test_what_comes_while_the_turn_may_be_over_waits_and_is_told_when_it_goes_on() -> None:
    stage = streaming()
    stage.speech(512)
    stage.transcript_delta("turn", job="follow1")
    stage.silence(256)
    stage.transcript_delta(" le", job="follow1")
    assert words_of(stage) == "turn"
    stage.speech(256)
    assert words_of(stage) == "turn le"
    stage.silence(256)
    stage.heard("turn left")
    stage.transcript_delta("ft now", job="follow1")
    stage.silence(512)
    assert words_of(stage) == stage.last(TranscriptionCompleted).transcript == "turn left"


def test_a_turn_is_followed_once_however_often_it_pauses() -> None:
    stage = streaming()
    for _ in range(3):
        stage.speech(512)
        stage.silence(256)
    assert len([o for o in stage.outputs if isinstance(o, Follow)]) == 1


def test_what_waits_of_a_turn_that_is_cleared_is_not_told() -> None:
    stage = streaming()
    stage.speech(512)
    stage.silence(256)
    stage.transcript_delta("turn", job="follow1")
    stage.clear()
    assert words_of(stage) == ""


@pytest.mark.parametrize("level", LEVELS)
def test_deltas_joined_are_the_transcript(level: Speculation) -> None:
    stage = Stage(abilities=STREAMS, limits=Limits(speculate=level), **TRANSCRIBED)
    stage.speech(512)
    stage.transcript_delta("hel", job="follow1")
    stage.silence(960)
    stage.heard("hello")
    assert words_of(stage) == stage.last(TranscriptionCompleted).transcript == "hello"


def test_two_turns_in_a_row_are_told_apart() -> None:
    stage = streaming(audio={"input": {"transcription": {"model": "any"}}})
    stage.speech(512)
    stage.transcript_delta("one", job="follow1")
    stage.silence(960)
    stage.speech(512)
    stage.transcript_delta("stale", job="follow1")
    stage.transcript_delta("two", job="follow2")
    stage.heard("one more", job="hear1")
    deltas = [line for line in stage.told() if line.startswith("transcription.")]
    assert deltas == [
        "transcription.delta item1 'one'",
        "transcription.delta item2 'two'",
        "transcription.delta item1 ' more'",
        "transcription.completed item1 'one more'",
    ]


def test_a_commit_in_mid_speech_ends_the_following() -> None:
    stage = streaming()
    stage.speech(512)
    stage.transcript_delta("half", job="follow1")
    stage.commit()
    stage.heard("half a sentence")
    assert "Cancel follow1" in stage.news()
    assert words_of(stage) == "half a sentence"


def test_clearing_ends_the_following() -> None:
    stage = streaming()
    stage.speech(512)
    stage.clear()
    assert "Cancel follow1" in stage.news()
    stage.transcript_delta("gone", job="follow1")
    assert words_of(stage) == ""


def test_nothing_is_told_to_a_client_that_does_not_want_to_read() -> None:
    stage = Stage(abilities=STREAMS)
    stage.speech(512)
    stage.transcript_delta("turn", job="follow1")
    stage.silence(960)
    stage.heard("turn left")
    assert words_of(stage) == ""


def test_a_client_that_wants_to_read_midway_gets_all_of_it() -> None:
    stage = Stage(abilities=STREAMS)
    stage.speech(512)
    stage.transcript_delta("turn", job="follow1")
    stage.update_input(transcription={"model": "any"})
    stage.transcript_delta(" left", job="follow1")
    stage.silence(960)
    stage.heard("turn left now")
    assert words_of(stage) == stage.last(TranscriptionCompleted).transcript == "turn left now"


def test_a_failure_on_the_way_shows_when_the_turn_is_over() -> None:
    stage = streaming()
    stage.speech(512)
    stage.failed("follow1")
    stage.silence(960)
    stage.failed("hear1")
    assert [line for line in stage.told() if line.startswith("transcription.")] == [
        "transcription.failed item1 engine_error"
    ]


def test_a_recogniser_that_does_not_stream_is_not_asked_to() -> None:
    stage = Stage(**TRANSCRIBED)
    stage.speech(512)
    assert not [o for o in stage.outputs if isinstance(o, Follow)]


@pytest.mark.parametrize("level", LEVELS)
def test_what_it_heard_is_asked_for_once_at_the_pause_or_else_at_the_endpoint(
    level: Speculation,
) -> None:
    stage = Stage(abilities=STREAMS, limits=Limits(speculate=level), **TRANSCRIBED)
    stage.speech(1024)
    stage.silence(160)
    flushed = [o for o in stage.outputs if isinstance(o, Hear)]
    assert len(flushed) == (0 if level == "off" else 1)
    stage.silence(352)
    assert "committed item1 after -" in stage.told()
    (asked,) = [o for o in stage.outputs if isinstance(o, Hear)]
    assert asked.follow == stage.names.job_id("follow1")


def test_a_pause_that_was_none_has_what_follows_heard_and_nothing_again() -> None:
    """The recogniser that follows the turn has taken in what was said before that."""
    stage = streaming()
    stage.speech(512)
    stage.silence(192)
    stage.speech(512)
    stage.silence(512)
    asked = [o for o in stage.outputs if isinstance(o, Hear)]
    assert {hear.follow for hear in asked} == {stage.names.job_id("follow1")}
    assert len(asked) == 2
