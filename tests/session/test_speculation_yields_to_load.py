"""A busy server does less in pauses, and does not begin what is likely to be in vain."""

from typing import get_args

import pytest

from support.stage import TRANSCRIBED, Stage
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.session.speculation import LEVELS, Load, Speculation, under


def begun(stage: Stage) -> list[str]:
    """The work that was begun since the last look."""
    return [line.split()[0] for line in stage.news() if line.startswith(("Hear", "Gen", "Speak"))]


@pytest.mark.parametrize(
    ("load", "work"),
    [("normal", ["Hear", "Generate", "Speak"]), ("high", ["Hear"]), ("overload", [])],
)
def test_a_session_that_begins_under_load_does_less(load: Load, work: list[str]) -> None:
    stage = Stage(**TRANSCRIBED)
    stage.load(load)
    stage.speech(1024)
    stage.silence(160)
    if work:
        stage.heard("book a table")
    if work[1:]:
        stage.wrote("Sure, I will ")
    assert begun(stage) == work


@pytest.mark.parametrize("level", LEVELS)
def test_load_raises_no_level(level: Speculation) -> None:
    assert under(level, "normal") == level
    assert under(level, "overload") == "off"
    assert under(level, "high") in ("off", "transcribe")


def test_what_is_at_work_when_load_comes_is_used() -> None:
    stage = Stage(**TRANSCRIBED)
    stage.speech(1024)
    stage.silence(160)
    stage.heard("book a table")
    stage.load("overload")
    stage.wrote("Sure, I will do it.")
    assert begun(stage) == ["Hear", "Generate"], "nothing more is begun"
    stage.silence(352)
    assert begun(stage) == ["Speak"]


def test_what_was_heard_under_load_is_answered_at_the_endpoint() -> None:
    stage = Stage(**TRANSCRIBED)
    stage.speech(1024)
    stage.silence(160)
    stage.load("high")
    stage.heard("book a table")
    assert begun(stage) == ["Hear"]
    stage.silence(352)
    assert begun(stage) == ["Generate"]


def test_the_next_pause_after_load_is_used_again() -> None:
    stage = Stage(**TRANSCRIBED)
    stage.load("overload")
    stage.speech(1024)
    stage.silence(192)
    assert begun(stage) == []
    stage.speech(512)
    stage.load("normal")
    stage.silence(160)
    assert begun(stage) == ["Hear"]


def test_load_is_no_news_to_a_client() -> None:
    stage = Stage()
    stage.speech(512)
    stage.news()
    stage.load("high")
    assert stage.news() == []


@pytest.mark.parametrize("load", get_args(Load))
def test_words_of_a_pause_are_not_told_before_it_is_over(load: Load) -> None:
    stage = Stage(abilities=HearingAbilities(streams=True), **TRANSCRIBED)
    stage.load(load)
    stage.speech(1024)
    stage.silence(192)
    stage.transcript_delta("book a ", job="follow1")
    stage.silence(320)
    stage.failed("hear1")
    told = [line for line in stage.told() if "transcription" in line]
    assert told == ["transcription.failed item1 engine_error"]
