"""The language that an operator has set for a model: its recogniser is told, and its voice."""

from typing import Any

import pytest

from support.stage import Stage
from vivavoce.session.outputs import Hear, Speak
from vivavoce.session.state import Limits

GERMAN = Limits(language="de")
FOLLOWS = Limits(language="auto")


def spoken_in(stage: Stage) -> list[str | None]:
    """The languages in which clauses were spoken."""
    return [each.language for each in stage.outputs if isinstance(each, Speak)]


def answered(stage: Stage) -> None:
    """The model answers, in one clause."""
    stage.wrote("Well. ")
    stage.finished()


def heard_with(stage: Stage) -> Hear:
    """What the recogniser is asked."""
    stage.speech(512)
    stage.commit()
    return next(output for output in stage.outputs if isinstance(output, Hear))


@pytest.mark.parametrize("transcription", [None, {"model": "whisper-1"}])
def test_the_recogniser_is_told_the_language_of_the_model(transcription: Any) -> None:
    stage = Stage(limits=GERMAN, audio={"input": {"transcription": transcription}})
    assert heard_with(stage).language == "de"


def test_a_client_that_names_a_language_is_right() -> None:
    stage = Stage(limits=GERMAN, audio={"input": {"transcription": {"language": "fr"}}})
    assert heard_with(stage).language == "fr"


def test_the_voice_speaks_the_language_of_the_model() -> None:
    stage = Stage(limits=GERMAN)
    stage.write("Guten Tag")
    stage.respond()
    stage.wrote("Guten Tag. ")
    stage.finished()
    assert [each.language for each in stage.outputs if isinstance(each, Speak)] == ["de"]


def test_without_one_nobody_is_told_any() -> None:
    assert heard_with(Stage()).language is None


def test_a_model_that_follows_lets_the_recogniser_find_out() -> None:
    assert heard_with(Stage(limits=FOLLOWS)).language is None


def test_the_voice_follows_the_language_that_was_heard_last() -> None:
    stage = Stage(limits=FOLLOWS)
    for language in ("de", None, "fr"):
        stage.speech(512)
        stage.commit()
        stage.heard("Hm", language=language)
        stage.respond()
        answered(stage)
        stage.voiced(100)
        stage.spoken()
    assert spoken_in(stage) == ["de", "de", "fr"]


def test_before_anything_was_heard_the_voice_speaks_its_own() -> None:
    stage = Stage(limits=FOLLOWS)
    stage.write("Guten Tag")
    stage.respond()
    answered(stage)
    assert spoken_in(stage) == [None]


def test_a_draft_in_another_language_than_the_turn_is_not_spoken() -> None:
    stage = Stage(limits=FOLLOWS)
    stage.speech(512)
    stage.silence(224)
    stage.heard("Hm", language="de")
    stage.wrote("Well. ")
    assert spoken_in(stage) == ["de"]
    stage.update(audio={"input": {"transcription": {"language": "fr"}}})
    stage.silence(320)
    stage.heard("Hm", language="fr")
    answered(stage)
    assert spoken_in(stage) == ["de", "fr"]
