"""An engine that fails fails its response, nothing more (protocol 6.3)."""

import pytest

from support.cast import Cast, Failure
from support.stage import Stage
from vivavoce.protocol.server_events import ResponseDone, ResponseError


def test_a_model_that_fails_fails_its_response() -> None:
    stage = Stage(cast=Cast(says=[(Failure("rate_limit_exceeded"),), ("Hi.",)]))
    stage.write("hello")
    stage.respond()
    stage.advance(100)
    assert stage.told()[-2:] == [
        "response.created resp1",
        "response.done resp1 failed rate_limit_exceeded",
    ]
    details = stage.last(ResponseDone).response.status_details
    assert details is not None
    assert details.error == ResponseError(
        type="server_error", code="rate_limit_exceeded", message="The model fell over."
    )


def test_a_model_that_fails_in_mid_answer_leaves_a_closed_item() -> None:
    stage = Stage(cast=Cast(says=[("Once upon ", "a time, ", Failure())], chunk_s=0.001))
    stage.respond()
    stage.advance(1000)
    assert stage.told()[-6:] == [
        "audio.done item1",
        "transcript.done item1 'Once upon a time, '",
        "part.done item1",
        "item.done item1 incomplete",
        "output_item.done item1 incomplete",
        "response.done resp1 failed engine_error",
    ]


def test_a_voice_that_fails_fails_its_response_and_stops_the_model() -> None:
    stage = Stage()
    stage.respond()
    stage.wrote("Hello, you. And ")
    stage.news()
    stage.failed("speak1")
    assert stage.news() == [
        "Cancel generate1",
        "Cancel speak2",
        "audio.done item1",
        "transcript.done item1 ''",
        "part.done item1",
        "item.done item1 incomplete",
        "output_item.done item1 incomplete",
        "response.done resp1 failed engine_error",
    ]


def test_the_session_answers_after_a_failure() -> None:
    stage = Stage(cast=Cast(says=[(Failure(),), ("Hi.",)]))
    stage.respond()
    stage.advance(100)
    stage.write("hello")
    stage.respond()
    stage.advance(1000)
    assert stage.told()[-1] == "response.done resp2 completed"


@pytest.mark.parametrize("job", ["generate1", "speak1"])
def test_a_draft_that_fails_in_the_pause_is_made_anew(job: str) -> None:
    stage = Stage()
    stage.speech(512)
    stage.silence(192)
    stage.heard("hello")
    stage.wrote("Hello, you. ")
    stage.failed(job)
    stage.news()
    stage.silence(320)
    news = stage.news()
    assert news[-2:] == ["response.created resp1", "Generate generate2"]
    stage.wrote("Hi. ")
    stage.voiced(100)
    stage.finished()
    stage.spoken()
    assert stage.told()[-1] == "response.done resp1 completed"


def test_a_draft_that_fails_while_an_older_turn_is_being_heard_is_made_anew() -> None:
    stage = Stage()
    stage.speech(320)
    stage.commit()
    stage.speech(512)
    stage.silence(192)
    stage.heard("hello", "hear2")
    stage.silence(320)
    stage.news()
    stage.failed("generate1")
    assert stage.news() == []
    stage.heard("", "hear1")
    assert stage.news() == ["Generate generate2"]


def test_a_failure_beside_the_conversation_does_not_touch_it() -> None:
    stage = Stage()
    stage.respond()
    stage.respond(conversation="none")
    stage.news()
    stage.failed("generate2")
    assert stage.news() == ["response.done resp2 failed engine_error"]
    stage.finished(job="generate1")
    assert stage.news() == ["response.done resp1 completed"]
