"""Protocol 1.1, 5.1 and 7: connecting, unreadable frames, and the end of a session's time."""

from support.stage import PEER, Stage
from vivavoce.protocol.errors import ErrorDetail
from vivavoce.protocol.server_events import SessionCreated
from vivavoce.session import inputs as inp
from vivavoce.session.outputs import Send
from vivavoce.session.state import Limits


def test_the_first_event_is_session_created_for_that_peer() -> None:
    stage = Stage(instructions="Be kind.")
    first = stage.outputs[0]
    assert isinstance(first, Send)
    assert isinstance(first.event, SessionCreated)
    assert first.to == PEER
    assert first.event.session == stage.session.config


def test_every_event_has_an_id_of_its_own() -> None:
    stage = Stage()
    for _ in range(50):
        stage.clear()
    ids = [event.event_id for event in stage.events]
    assert len(set(ids)) == 51
    assert all(an_id.startswith("event_") for an_id in ids)


def test_an_unreadable_frame_is_answered_to_its_sender() -> None:
    stage = Stage()
    detail = ErrorDetail(code="invalid_json", message="No JSON.", event_id="mine")
    stage.step(inp.FrameRefused(7, detail))
    sent = stage.outputs[-1]
    assert isinstance(sent, Send)
    assert sent.to == 7
    assert stage.error == detail


def test_a_session_ends_after_its_lifetime() -> None:
    stage = Stage(limits=Limits(lifetime_s=3600.0))
    assert stage.session.next_deadline() == 3600.0
    stage.advance(3_599_000)
    stage.news()
    stage.respond()
    stage.advance(1000)
    assert stage.news() == [
        "response.created resp1",
        "Generate generate1",
        "Cancel listen1",
        "Cancel generate1",
        "Disconnect 1001 Your session hit the maximum duration of 60 minutes.",
    ]
    assert stage.session.next_deadline() is None
    stage.write("hello?")
    assert stage.news() == []


def test_a_session_may_live_for_ever() -> None:
    stage = Stage(limits=Limits(lifetime_s=None))
    assert stage.session.next_deadline() is None


def test_the_same_inputs_give_the_same_outputs() -> None:
    def play() -> list[object]:
        stage = Stage()
        for _ in range(3):
            stage.speech(320)
            stage.commit()
        stage.respond()
        stage.respond(conversation="none")
        stage.step(inp.PeerLeft(PEER))
        return list(stage.outputs)

    assert play() == play()
