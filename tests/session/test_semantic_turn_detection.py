"""Protocol 2.4 and 5.16: `semantic_vad` has the events of 5.2, and waits for its ceiling."""

from support.stage import TRANSCRIBED, Stage


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
