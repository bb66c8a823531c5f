from vivavoce.runtime.waterfall_text import one_line, stages
from vivavoce.session.waterfall import Waterfall

DRAFTED = Waterfall(
    response_id="resp_1",
    created=10.5,
    last_voiced=10.0,
    endpoint=10.5,
    transcript=10.25,
    first_token=10.375,
    voice_ready=10.4375,
    first_audio=10.5,
    last_audio=10.75,
    done=10.75,
    status="completed",
    drafted=True,
)


def test_a_drafted_turn_shows_what_came_before_the_endpoint() -> None:
    assert one_line(DRAFTED, "assistant") == (
        "resp_1 assistant completed, drafted in the pause: speech ended 0, final transcript 250, "
        "first token 375, voice ready 438, endpoint 500, first audio 500, last audio 750, "
        "done 750 ms; first audio 0 ms after the endpoint"
    )


def test_a_request_in_writing_begins_when_it_was_asked() -> None:
    asked = Waterfall(
        response_id="resp_2", created=2.0, first_token=2.125, done=2.25, status="cancelled"
    )
    assert one_line(asked, "m") == "resp_2 m cancelled: asked 0, first token 125, done 250 ms"


def test_stages_are_in_order_of_time() -> None:
    times = [ms for _, ms in stages(DRAFTED)]
    assert times == sorted(times)
