"""Protocol 2.4 and 5.16: `semantic_vad` ends a turn with its sense, or at its ceiling."""

import pytest

from support.stage import TRANSCRIBED, Stage
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.session.speculation import Speculation
from vivavoce.session.state import Limits

JUDGING = HearingAbilities(judges_turns=True)


def attentive(eagerness: str = "medium", **settings: bool) -> Stage:
    """A session with a turn detector, played by hand."""
    level: Speculation = "speak" if settings.pop("speculate", False) else "off"
    stage = Stage(abilities=JUDGING, limits=Limits(speculate=level))
    detection = {"type": "semantic_vad", "eagerness": eagerness, **settings}
    stage.update_input(turn_detection=detection)
    stage.news()
    return stage


def spoken(stage: Stage) -> Stage:
    """Somebody has spoken for a second, and the pause is judged for the first time."""
    stage.speech(1024)
    stage.silence(224)
    assert stage.news()[-1] == "JudgeTurn judge1 0..1224"
    return stage


# --- without a turn detector --------------------------------------------------------------------


def test_a_turn_ends_after_the_ceiling_of_its_eagerness() -> None:
    stage = Stage(**TRANSCRIBED)
    stage.update_input(turn_detection={"type": "semantic_vad", "eagerness": "high"})
    stage.news()
    stage.speech(1024)
    stage.silence(2016)
    assert stage.told()[:3] == [
        "speech_started item1 0",
        "speech_stopped item1 3024",
        "committed item1 after -",
    ]


def test_its_switches_are_honoured() -> None:
    stage = Stage()
    detection = {"type": "semantic_vad", "eagerness": "high", "create_response": False}
    stage.update_input(turn_detection=detection)
    stage.speech(1024)
    stage.silence(2016)
    assert not any(line.startswith("response") for line in stage.told())


# --- with one -----------------------------------------------------------------------------------


def test_a_complete_turn_ends_as_soon_as_that_is_known() -> None:
    stage = spoken(attentive())
    stage.silence(32)
    assert stage.told() == []
    stage.judged(0.9)
    assert stage.told()[:2] == ["speech_stopped item1 1224", "committed item1 after -"]


def test_the_turn_ends_where_it_was_judged_however_late_the_verdict() -> None:
    stage = spoken(attentive())
    stage.silence(160)
    stage.judged(0.9)
    assert stage.told()[0] == "speech_stopped item1 1224"
    stage.speech(32)
    assert stage.told()[0] == "speech_started item2 1224", "the next one begins behind"


def test_an_incomplete_turn_is_judged_again_in_a_longer_pause() -> None:
    stage = spoken(attentive())
    stage.judged(0.1)
    stage.silence(352)
    assert stage.news() == []
    stage.silence(32)
    assert stage.news() == ["JudgeTurn judge2 0..1624"]
    stage.judged(0.9)
    assert stage.told()[0] == "speech_stopped item1 1624"


def test_silence_has_the_last_word() -> None:
    stage = spoken(attentive("high"))
    stage.judged(0.1)
    stage.silence(384)
    stage.judged(0.1)
    stage.silence(1216)
    stage.judged(0.1)
    assert not any(line.startswith("speech_stopped") for line in stage.told())
    stage.silence(192)
    assert stage.told()[0] == "speech_stopped item1 3024"


@pytest.mark.parametrize(
    ("eagerness", "least"), [("low", 0.8), ("medium", 0.5), ("auto", 0.5), ("high", 0.3)]
)
def test_eagerness_decides_how_sure_it_has_to_be(eagerness: str, least: float) -> None:
    stage = spoken(attentive(eagerness))
    stage.judged(least - 0.01)
    assert stage.told() == []
    stage.silence(384)
    stage.judged(least)
    assert stage.told()[0] == "speech_stopped item1 1624"


def test_one_judgement_is_made_at_a_time() -> None:
    stage = spoken(attentive())
    stage.silence(384)
    assert stage.news() == []


def test_a_slow_detector_judges_next_what_was_due_meanwhile() -> None:
    stage = spoken(attentive())
    stage.silence(384)
    stage.judged(0.1)
    assert stage.news() == ["JudgeTurn judge2 0..1624"]
    stage.silence(1216)
    assert stage.news() == [], "the judgement of 1.8 s of pause waits"
    stage.judged(0.1)
    assert stage.news() == ["JudgeTurn judge3 0..2824"]


def test_what_was_due_in_a_pause_that_is_over_is_not_judged() -> None:
    stage = spoken(attentive())
    stage.silence(384)
    stage.speech(32)
    stage.news()
    stage.silence(224)
    assert stage.news() == ["JudgeTurn judge2 0..1864"]
    stage.judged(0.1)
    assert stage.news() == []


def test_the_turn_is_heard_and_drafted_in_the_pause_that_is_judged() -> None:
    stage = attentive(speculate=True)
    stage.speech(1024)
    stage.silence(160)
    stage.heard("what time is it")
    stage.silence(64)
    assert [line.split()[0] for line in stage.news()[1:]] == ["Hear", "Generate", "JudgeTurn"]
    stage.judged(0.1)
    stage.silence(384)
    assert stage.news() == ["JudgeTurn judge2 0..1624"], "the draft is kept while the pause goes on"


def test_a_verdict_about_a_pause_that_is_over_says_nothing() -> None:
    stage = spoken(attentive())
    stage.speech(32)
    assert stage.news() == ["Cancel judge1"]
    stage.judged(0.9, "judge1")
    stage.silence(224)
    assert stage.news() == ["JudgeTurn judge2 0..1480"]
    stage.judged(0.9, "judge1")
    assert stage.news() == []


def test_a_detector_that_fails_leaves_the_turn_to_silence_and_gets_the_next_one() -> None:
    stage = spoken(attentive("high"))
    stage.failed("judge1")
    stage.silence(1760)
    assert stage.news() == [], "the client is not told: its turn only ends later"
    stage.silence(32)
    assert stage.told()[0] == "speech_stopped item1 3024"
    stage.speech(512)
    stage.silence(224)
    assert stage.news()[-1] == "JudgeTurn judge2 3024..3752"


@pytest.mark.parametrize("how", ["commit", "clear"])
def test_a_client_that_takes_over_ends_the_judgement(how: str) -> None:
    stage = spoken(attentive())
    getattr(stage, how)()
    assert "Cancel judge1" in stage.news()
    stage.judged(0.9, "judge1")
    assert stage.news() == []


def test_another_kind_of_detection_is_not_told_by_the_verdict() -> None:
    stage = spoken(attentive())
    stage.update_input(turn_detection={"type": "server_vad", "silence_duration_ms": 5000})
    stage.news()
    stage.judged(0.9, "judge1")
    assert stage.news() == []


def test_a_draft_of_the_pause_answers_the_turn() -> None:
    stage = attentive(speculate=True)
    stage.speech(1024)
    stage.silence(160)
    stage.heard("what time is it")
    stage.wrote("Noon.")
    stage.finished()
    stage.silence(64)
    stage.news()
    stage.judged(0.9)
    assert not any(line.startswith("Generate") for line in stage.news())
    stage.voiced(400)
    assert "transcript.delta item2 'Noon.'" in stage.told()


def test_server_vad_is_not_judged() -> None:
    stage = Stage(abilities=JUDGING)
    stage.speech(1024)
    stage.silence(480)
    assert not any(line.startswith("JudgeTurn") for line in stage.news())
