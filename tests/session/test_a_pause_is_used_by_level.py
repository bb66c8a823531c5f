"""What is done in a pause: nothing, hear, draft the words, or speak them too (`speculate`)."""

import pytest

from support.stage import TRANSCRIBED, Stage
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.session.speculation import LEVELS, Speculation
from vivavoce.session.state import Limits

ALL = ["Hear hear1 0..1174", "Generate generate1", "Speak speak1 'Sure, '"]


def pausing(level: Speculation) -> Stage:
    """Somebody has spoken for a second, and has paused for long enough to be heard."""
    stage = Stage(limits=Limits(speculate=level), **TRANSCRIBED)
    stage.speech(1024)
    stage.news()
    stage.silence(160)
    return stage


@pytest.mark.parametrize("level", LEVELS)
def test_each_level_does_one_thing_more(level: Speculation) -> None:
    stage = pausing(level)
    done = stage.news()
    if done:
        stage.heard("book a table")
        done += stage.news()
    if done[1:]:
        stage.wrote("Sure, I will ")
        done += stage.news()
    assert done == ALL[: LEVELS.index(level)]


def test_what_was_heard_in_the_pause_is_answered_at_the_endpoint() -> None:
    stage = pausing("transcribe")
    stage.heard("book a table")
    stage.news()
    stage.silence(352)
    assert stage.news()[-2:] == [
        "transcription.completed item1 'book a table'",
        "Generate generate1",
    ]


def test_what_was_written_in_the_pause_is_spoken_at_the_endpoint() -> None:
    stage = pausing("generate")
    stage.heard("book a table")
    stage.wrote("Sure, I will do it. ")
    stage.finished()
    stage.news()
    stage.silence(352)
    assert [line for line in stage.news() if line.startswith(("Generate", "Speak"))] == [
        "Speak speak1 'Sure, '",
        "Speak speak2 'I will do it. '",
    ]


def test_a_model_that_speaks_itself_drafts_its_sound_with_its_words() -> None:
    native = HearingAbilities(hears=True, speaks=True)
    stage = Stage(abilities=native, limits=Limits(speculate="generate"))
    stage.speech(1024)
    stage.silence(160)
    stage.said("Sure.", 300)
    stage.news()
    stage.silence(352)
    assert "audio.delta item2 300ms" in stage.told()
