"""Speech is sent at most 10 s ahead of playing, so that a barge-in finds some to stop."""

import pytest

from support.cast import Cast
from support.stage import Stage
from vivavoce.protocol.server_events import OutputAudioDelta
from vivavoce.session.state import Limits

STORY = tuple(f"This is sentence number {n} of a rather long story. " for n in range(20))
CHUNK_MS = 400


def a_story(limits: Limits | None = None) -> Stage:
    stage = Stage(cast=Cast(says=[STORY], chunk_ms=CHUNK_MS), limits=limits)
    stage.respond()
    return stage


def sent_ms(stage: Stage) -> int:
    deltas = (event.delta for event in stage.events if isinstance(event, OutputAudioDelta))
    return sum(len(delta) for delta in deltas) // 48


def test_at_most_ten_seconds_and_a_chunk_are_sent_ahead() -> None:
    stage = a_story()
    begun = None
    for _ in range(400):
        stage.advance(100)
        if begun is None and sent_ms(stage):
            begun = stage.now
        played = 0 if begun is None else (stage.now - begun) * 1000
        assert sent_ms(stage) - played <= 10_000 + CHUNK_MS + 100


def test_the_listener_never_runs_dry() -> None:
    stage = a_story(Limits(max_lead_ms=2000))
    stage.advance(1000)
    for _ in range(300):
        stage.advance(100)
        assert sent_ms(stage) >= stage.now * 1000 - 200


def test_the_whole_story_is_sent_and_the_response_ends() -> None:
    stage = a_story()
    stage.advance(90_000)
    told = stage.told()
    assert told[-1] == "response.done resp1 completed"
    assert sent_ms(stage) == sum(map(len, STORY)) * 60
    assert stage.session.next_deadline() == 3600.0


def test_the_voice_does_not_speak_far_ahead_either() -> None:
    stage = a_story(Limits(max_lead_ms=2000))
    stage.advance(1000)
    assert len([line for line in stage.news() if line.startswith("Speak")]) <= 4


def test_speech_that_waits_for_an_earlier_clause_sets_no_timer() -> None:
    stage = Stage()
    stage.respond()
    stage.wrote("First of all. Second of all. ")
    stage.voiced(500, "speak2")
    assert stage.session.next_deadline() == 3600.0


@pytest.mark.parametrize("ms", [0, 1, 10, 500])
def test_the_timer_holds_whatever_happens_in_between(ms: int) -> None:
    stage = Stage()
    stage.respond()
    stage.wrote("A long story. ")
    stage.voiced(10_000)
    stage.voiced(1000)
    assert stage.told()[-1] == "audio.delta item1 10000ms"
    stage.advance(ms)
    stage.clear()
    stage.advance(700)
    assert "audio.delta item1 1000ms" in stage.told()


def test_the_voice_that_was_held_back_can_be_changed() -> None:
    stage = Stage()
    stage.respond()
    stage.wrote("Hello, you. ")
    stage.news()
    stage.update(audio={"output": {"voice": "cedar"}})
    assert stage.news() == ["session.updated"]
