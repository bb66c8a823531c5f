"""Protocol 2.2 and 5.14: a session that only writes down what it hears."""

import pytest

from support.cast import Cast, Failure
from support.stage import Stage
from vivavoce.protocol.server_events import SessionCreated, SessionUpdated
from vivavoce.protocol.session_config import TranscriptionConfig, TranscriptionSession

SESSION = TranscriptionSession(id="sess_1", expires_at=3600)


def listening(cast: Cast | None = None) -> Stage:
    stage = Stage(session=SESSION, cast=cast)
    stage.update_input(transcription={})
    return stage


def test_until_the_client_asks_for_it_nothing_is_written() -> None:
    stage = Stage(session=SESSION, cast=Cast(hears=["book a table"]))
    assert stage.last(SessionCreated).session.audio.input.transcription is None
    stage.speech(960)
    stage.silence(960)
    assert stage.told()[-1] == "item.done item1"


def test_it_says_which_recogniser_writes() -> None:
    stage = listening()
    transcription = stage.last(SessionUpdated).session.audio.input.transcription
    assert transcription == TranscriptionConfig(model="house-recogniser")


def test_turns_are_written_down_and_nothing_answers() -> None:
    stage = listening(Cast(hears=["book a table"]))
    stage.speech(960)
    stage.silence(960)
    assert stage.told() == [
        "session.created",
        "session.updated",
        "speech_started item1 0",
        "speech_stopped item1 1460",
        "committed item1 after -",
        "item.added item1 after -",
        "item.done item1",
        "transcription.completed item1 'book a table'",
    ]


def test_a_failed_transcript_does_not_end_the_session() -> None:
    stage = listening(Cast(hears=[Failure("audio_unintelligible"), "hello"]))
    stage.speech(960)
    stage.silence(960)
    assert stage.told()[-1] == "transcription.failed item1 audio_unintelligible"
    stage.speech(960)
    stage.silence(960)
    assert stage.told()[-1] == "transcription.completed item2 'hello'"


def test_manual_turns_are_written_down() -> None:
    stage = listening(Cast(hears=["hello"]))
    stage.update_input(turn_detection=None)
    stage.speech(960)
    stage.commit()
    stage.advance(500)
    assert stage.told()[-1] == "transcription.completed item1 'hello'"


def test_transcripts_may_overtake_each_other() -> None:
    stage = listening()
    for _ in range(2):
        stage.speech(320)
        stage.commit()
    stage.news()
    stage.heard("second", "hear2")
    stage.heard("first", "hear1")
    assert stage.news() == [
        "transcription.completed item2 'second'",
        "transcription.completed item1 'first'",
    ]


def test_noise_gives_an_empty_transcript() -> None:
    stage = listening(Cast(hears=[""]))
    stage.speech(960)
    stage.silence(960)
    assert stage.told()[-1] == "transcription.completed item1 ''"


def test_null_ends_the_transcripts() -> None:
    stage = listening(Cast(hears=["hello"]))
    stage.update_input(transcription=None)
    stage.speech(960)
    stage.silence(960)
    assert stage.told()[-1] == "item.done item1"


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"instructions": "Hi"}, "error unknown_parameter session.instructions"),
        ({"type": "realtime"}, "error invalid_parameter"),
        (
            {"audio": {"input": {"turn_detection": {"create_response": True}}}},
            "error unknown_parameter session.audio.input.turn_detection.create_response",
        ),
    ],
)
def test_what_only_answers_need_is_refused(settings: dict[str, object], error: str) -> None:
    stage = listening()
    stage.news()
    stage.update(**settings)
    assert stage.news() == [error]


def test_it_has_no_responses() -> None:
    stage = listening()
    stage.news()
    stage.respond()
    assert stage.news() == ["error invalid_value type"]
