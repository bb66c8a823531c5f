"""A turn without words: the response is created, because the turn may be one, and ends empty."""

import pytest

from support.cast import Cast
from support.stage import TRANSCRIBED, Stage
from vivavoce.protocol.server_events import ResponseDone
from vivavoce.session.outputs import Generate
from vivavoce.session.speculation import LEVELS, Speculation
from vivavoce.session.state import Limits


@pytest.mark.parametrize("level", LEVELS)
def test_the_response_to_noise_ends_empty_and_the_model_is_not_asked(level: Speculation) -> None:
    limits = Limits(speculate=level)
    stage = Stage(cast=Cast(hears=["  "]), limits=limits, **TRANSCRIBED)
    stage.speech(512)
    stage.silence(960)
    stage.advance(200)
    assert stage.told()[2:] == [
        "speech_stopped item1 1012",
        "committed item1 after -",
        "item.added item1 after -",
        "item.done item1",
        "response.created resp1",
        "transcription.completed item1 ''",
        "response.done resp1 completed",
    ]
    assert stage.last(ResponseDone).response.output == ()
    assert not [o for o in stage.outputs if isinstance(o, Generate)]


def test_noise_is_not_remembered() -> None:
    stage = Stage(cast=Cast(hears=["", "hello"]))
    stage.speech(512)
    stage.silence(960)
    stage.speech(512)
    stage.silence(960)
    assert stage.dialogue() == [("user", "hello")]


def test_a_response_that_the_client_asked_for_runs_on_noise() -> None:
    stage = Stage(cast=Cast(hears=[""]), audio={"input": {"turn_detection": None}})
    stage.speech(512)
    stage.commit()
    stage.respond()
    stage.advance(1000)
    assert stage.told()[-1] == "response.done resp1 completed"
    assert [o for o in stage.outputs if isinstance(o, Generate)]
