"""Walk (b): the pause was only a pause; what was tried in it is dropped, the turn goes on."""

from support.stage import Stage


def a_pause_with_a_draft() -> Stage:
    stage = Stage()
    stage.speech(1024)
    stage.silence(192)
    stage.heard("book a")
    stage.wrote("Which book, please?")
    stage.news()
    return stage


def test_resuming_cancels_the_draft_and_tells_nothing() -> None:
    stage = a_pause_with_a_draft()
    stage.speech(32)
    assert stage.news() == ["Cancel generate1", "Cancel speak1"]


def test_results_of_the_dropped_draft_yield_nothing() -> None:
    stage = a_pause_with_a_draft()
    stage.speech(32)
    stage.news()
    stage.voiced(240)
    stage.wrote("And more.")
    stage.spoken()
    stage.finished()
    assert stage.news() == []


def test_resuming_stops_a_recogniser_that_is_still_at_work() -> None:
    stage = Stage()
    stage.speech(1024)
    stage.silence(192)
    stage.news()
    stage.speech(32)
    assert stage.news() == ["Cancel hear1"]
    stage.heard("book a")
    assert stage.news() == []


def test_the_next_pause_hears_the_turn_from_its_beginning() -> None:
    stage = a_pause_with_a_draft()
    stage.speech(512)
    stage.silence(192)
    assert stage.news()[2:] == ["Hear hear2 0..1878"]
    stage.heard("book a table")
    stage.silence(320)
    assert stage.news() == [
        "Generate generate2",
        "speech_stopped item1 2228",
        "committed item1 after -",
        "item.added item1 after -",
        "item.done item1",
        "KeepAudio item1 0..2228",
        "response.created resp1",
    ]
    assert stage.dialogue() == [("user", "book a table")]


def test_a_long_pause_is_heard_once() -> None:
    stage = Stage(audio={"input": {"turn_detection": {"silence_duration_ms": 2000}}})
    stage.speech(1024)
    stage.silence(1600)
    assert [line for line in stage.news() if line.startswith("Hear")] == ["Hear hear1 0..1174"]
