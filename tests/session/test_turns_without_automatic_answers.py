"""Protocol 5.4 and 5.10: manual turns, and the two switches of `turn_detection`."""

from typing import Any

from support.cast import Cast
from support.stage import Stage

MANUAL: dict[str, Any] = {"audio": {"input": {"turn_detection": None}}}


def detection(**rules: bool) -> dict[str, Any]:
    return {"audio": {"input": {"turn_detection": {"type": "server_vad", **rules}}}}


def test_a_manual_turn_is_committed_and_answered_on_request() -> None:
    stage = Stage(**MANUAL)
    assert stage.news() == ["session.created"]
    stage.speech(960)
    assert stage.news() == []
    stage.commit()
    assert stage.news() == [
        "committed item1 after -",
        "item.added item1 after -",
        "item.done item1",
        "Hear hear1 0..960",
        "KeepAudio item1 0..960",
    ]
    stage.respond()
    assert stage.news() == ["response.created resp1"]
    stage.heard("hello")
    assert stage.news() == ["Generate generate1"]
    assert stage.dialogue() == [("user", "hello")]


def test_with_answers_off_turns_are_detected_and_committed_only() -> None:
    stage = Stage(cast=Cast(), **detection(create_response=False))
    stage.speech(512)
    stage.silence(960)
    assert stage.told()[1:] == [
        "speech_started item1 0",
        "speech_stopped item1 1012",
        "committed item1 after -",
        "item.added item1 after -",
        "item.done item1",
    ]


def test_with_answers_off_nothing_is_drafted() -> None:
    stage = Stage(**detection(create_response=False))
    stage.speech(512)
    stage.silence(192)
    stage.heard("hello")
    assert "Generate generate1" not in stage.news()


def test_with_answers_off_speech_still_interrupts() -> None:
    stage = Stage(**detection(create_response=False))
    stage.write("hello")
    stage.respond()
    stage.wrote("Hello there. ")
    stage.news()
    stage.speech(32)
    assert stage.told()[-1] == "response.done resp1 cancelled turn_detected"


def an_answer_that_is_not_interrupted() -> Stage:
    stage = Stage(**detection(interrupt_response=False))
    stage.write("hello")
    stage.respond()
    stage.wrote("Hello there. ")
    stage.voiced(500)
    stage.news()
    return stage


def test_with_interruption_off_the_answer_goes_on() -> None:
    stage = an_answer_that_is_not_interrupted()
    stage.speech(512)
    assert stage.news() == ["speech_started item3 0"]
    stage.voiced(500)
    assert stage.news() == ["audio.delta item2 500ms"]


def test_with_interruption_off_a_turn_during_an_answer_is_committed_without_a_response() -> None:
    stage = an_answer_that_is_not_interrupted()
    stage.speech(512)
    stage.silence(512)
    assert stage.told() == [
        "speech_started item3 0",
        "speech_stopped item3 1012",
        "committed item3 after item2",
        "item.added item3 after item2",
        "item.done item3",
    ]
    stage.heard("and you?")
    stage.spoken()
    stage.finished()
    assert stage.told()[-1] == "response.done resp1 completed"
    stage.respond()
    assert stage.dialogue() == [
        ("user", "hello"),
        ("assistant", "Hello there. "),
        ("user", "and you?"),
    ]


def test_with_interruption_off_a_turn_that_ends_after_the_answer_is_answered() -> None:
    stage = an_answer_that_is_not_interrupted()
    stage.speech(512)
    stage.spoken()
    stage.finished()
    stage.news()
    stage.silence(512)
    assert "response.created resp2" in stage.news()
