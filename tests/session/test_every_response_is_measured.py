"""The waterfall: when each thing happened on the way from the last voiced sample to the answer."""

import pytest

from support.cast import Cast, Failure
from support.stage import Stage
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.protocol.server_events import ResponseDone, TurnMeasured
from vivavoce.session.inputs import PeerJoined
from vivavoce.session.outputs import Measured, Send
from vivavoce.session.state import Limits
from vivavoce.session.waterfall import Waterfall


def waterfalls(stage: Stage) -> list[Waterfall]:
    return [output.waterfall for output in stage.outputs if isinstance(output, Measured)]


def a_spoken_turn(stage: Stage) -> Waterfall:
    """The waterfall of a turn that is spoken and answered to the end."""
    stage.speech(512)
    stage.silence(960)
    stage.advance(2000)
    (waterfall,) = waterfalls(stage)
    return waterfall


def a_slow_cast() -> Cast:
    return Cast(hearing_s=0.1, piece_s=0.05, chunk_s=0.03)


def test_without_a_draft_the_stages_follow_each_other() -> None:
    stage = Stage(cast=a_slow_cast(), limits=Limits(speculate="off"))
    stages = dict(a_spoken_turn(stage).stages_ms())
    assert list(stages) == [
        "endpoint",
        "transcript",
        "first_token",
        "voice_ready",
        "first_audio",
        "last_audio",
        "done",
    ]
    assert list(stages.values()) == sorted(stages.values())
    due = stages["endpoint"]
    assert stages["transcript"] == pytest.approx(due + 100)
    assert stages["first_token"] == pytest.approx(due + 150)


def test_a_draft_is_ready_before_the_endpoint_and_heard_behind_it() -> None:
    waterfall = a_spoken_turn(Stage(cast=a_slow_cast()))
    stages = dict(waterfall.stages_ms())
    assert waterfall.drafted
    assert waterfall.status == "completed"
    assert 0 < stages["transcript"] < stages["first_token"] < stages["voice_ready"]
    assert stages["voice_ready"] < stages["endpoint"] == stages["first_audio"]


def test_the_endpoint_is_counted_from_the_last_voiced_sample() -> None:
    waterfall = a_spoken_turn(Stage(cast=Cast()))
    assert dict(waterfall.stages_ms())["endpoint"] == pytest.approx(512)
    assert waterfall.due == waterfall.endpoint


def test_an_answer_that_is_whole_at_the_endpoint_has_its_endpoint_too() -> None:
    stage = Stage(cast=Cast(), abilities=HearingAbilities(hears=True, speaks=True))
    stages = dict(a_spoken_turn(stage).stages_ms())
    assert stages["endpoint"] == stages["done"]
    assert "transcript" not in stages, "nobody waited for one"


def test_a_written_question_is_measured_from_the_request() -> None:
    stage = Stage(cast=Cast())
    stage.write("Hello?")
    stage.respond()
    stage.advance(3000)
    (waterfall,) = waterfalls(stage)
    stages = dict(waterfall.stages_ms())
    assert waterfall.due == waterfall.created
    assert not {"endpoint", "transcript"} & stages.keys()
    assert stages["first_token"] == pytest.approx(20)


def test_an_answer_that_is_cut_short_says_so() -> None:
    stage = Stage(cast=Cast(says=[("A long answer. " * 40,)]))
    stage.speech(512)
    stage.silence(960)
    stage.speech(512)
    (waterfall,) = waterfalls(stage)
    assert waterfall.status == "cancelled"
    assert waterfall.first_audio is not None


def test_an_answer_that_fails_says_so_and_has_no_first_token() -> None:
    stage = Stage(cast=Cast(says=[(Failure(),)]), limits=Limits(speculate="off"))
    waterfall = a_spoken_turn(stage)
    assert waterfall.status == "failed"
    assert waterfall.first_token is None


def test_only_the_peer_that_asked_is_sent_the_times() -> None:
    stage = Stage(cast=Cast())
    stage.step(PeerJoined(2, measured=True))
    waterfall = a_spoken_turn(stage)
    sent = [output for output in stage.outputs if isinstance(output, Send)]
    (measured,) = [output for output in sent if isinstance(output.event, TurnMeasured)]
    assert measured.to == 2
    done = next(i for i, output in enumerate(sent) if isinstance(output.event, ResponseDone))
    assert sent.index(measured) == done + 1, "right behind response.done"
    event = measured.event
    assert isinstance(event, TurnMeasured)
    assert (event.response_id, event.status, event.drafted) == (
        waterfall.response_id,
        "completed",
        True,
    )
    assert event.endpoint_ms == 512
    assert event.transcript_ms is not None
    assert 0 < event.transcript_ms < event.endpoint_ms


def test_nobody_else_is_sent_any() -> None:
    stage = Stage(cast=Cast())
    a_spoken_turn(stage)
    assert not [
        output
        for output in stage.outputs
        if isinstance(output, Send) and isinstance(output.event, TurnMeasured)
    ]
