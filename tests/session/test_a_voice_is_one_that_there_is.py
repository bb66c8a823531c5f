"""A voice that is not there is refused when it is named, not when it is first to be spoken."""

import pytest

from support.stage import Stage
from vivavoce.protocol.voices import OPENAI_VOICES, Voices

VOICES = Voices(names=("anna", "bert"), others="[a-z]{2}", note="A language does too.")


def voice(name: object) -> dict[str, object]:
    return {"output": {"voice": name}}


@pytest.fixture
def stage() -> Stage:
    stage = Stage(voices=VOICES)
    stage.news()
    return stage


@pytest.mark.parametrize("name", ["cleo", "Anna", "", "ann", {"id": "cleo"}])
def test_an_unknown_voice_of_a_session_is_refused(stage: Stage, name: object) -> None:
    stage.update(audio=voice(name))
    assert stage.news() == ["error invalid_value session.audio.output.voice"]
    assert "'anna' and 'bert'. A language does too." in stage.error.message


def test_an_unknown_voice_of_a_response_is_refused(stage: Stage) -> None:
    stage.respond(audio=voice("cleo"))
    assert stage.news() == ["error invalid_value response.audio.output.voice"]


@pytest.mark.parametrize("name", ["anna", {"id": "bert"}, "de", *OPENAI_VOICES])
def test_a_voice_that_there_is_is_taken(stage: Stage, name: object) -> None:
    stage.update(audio=voice(name))
    assert stage.news() == ["session.updated"]
    stage.respond(audio=voice(name))
    assert stage.news()[0] == "response.created resp1"


def test_the_settings_are_as_they_were_after_a_refusal(stage: Stage) -> None:
    before = stage.session.config
    stage.update(audio=voice("cleo"), instructions="Be brief.")
    assert stage.session.config == before


def test_any_voice_is_taken_where_they_are_not_known() -> None:
    stage = Stage()
    stage.news()
    stage.update(audio=voice("cleo"))
    assert stage.news() == ["session.updated"]
