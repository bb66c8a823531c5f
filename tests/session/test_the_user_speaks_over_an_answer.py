"""Walk (c1) and protocol 5.10: barge-in over a WebSocket."""

from support.cast import Cast
from support.stage import TRANSCRIBED, Stage
from vivavoce.session.barge_in_policy import BargeInPolicy
from vivavoce.session.outputs import Interrupted
from vivavoce.session.state import Limits

WORDS = "one two three four five six seven eight nine ten"
EIGHT_SECONDS = [(i + 1) * 800 for i in range(10)]


def an_answer_of_which_8_seconds_were_sent_in_1() -> Stage:
    """The first delta goes out at 1600 ms; one word lasts 800 ms."""
    stage = Stage(limits=Limits(speculate="off"))
    stage.speech(512)
    stage.silence(1088)
    stage.heard("count to ten")
    stage.wrote(f"{WORDS}. And so on.")
    ends = [i for i, c in enumerate(WORDS + ".") if c in " ."]
    words = [(end, index * 800) for index, end in enumerate(ends)]
    stage.voiced(4000, "speak1", *words[:5])
    stage.silence(992)
    stage.voiced(4000, "speak1", *words[5:])
    stage.news()
    return stage


def test_everything_is_closed_in_the_documented_order() -> None:
    stage = an_answer_of_which_8_seconds_were_sent_in_1()
    stage.silence(1504)
    stage.speech(32)
    assert stage.news() == [
        "Cancel generate1",
        "Cancel speak1",
        "speech_started item3 3796",
        "audio.done item2",
        f"transcript.done item2 '{WORDS}. '",
        "part.done item2",
        "item.done item2 incomplete",
        "output_item.done item2 incomplete",
        "response.done resp1 cancelled turn_detected",
    ]


def the_user_says_stop(stage: Stage) -> None:
    """The rest of the user's turn, after its first 32 ms."""
    stage.speech(224)
    stage.silence(512)
    stage.heard("stop")


def test_the_model_remembers_the_words_that_can_have_been_heard() -> None:
    stage = an_answer_of_which_8_seconds_were_sent_in_1()
    stage.silence(1504)
    stage.speech(32)
    the_user_says_stop(stage)
    # 2.5 s after the first delta the third word has ended, and the fourth has not.
    assert stage.dialogue() == [
        ("user", "count to ten"),
        ("assistant", "one two three"),
        ("user", "stop"),
    ]


def test_truncate_corrects_what_was_heard() -> None:
    stage = an_answer_of_which_8_seconds_were_sent_in_1()
    stage.silence(1504)
    stage.speech(32)
    stage.news()
    stage.truncate("item2", 1700)
    assert stage.news() == ["truncated item2 1700"]
    the_user_says_stop(stage)
    assert stage.dialogue()[1] == ("assistant", "one two")


def test_truncate_may_tell_of_more_than_the_bound_but_not_of_more_than_was_sent() -> None:
    stage = an_answer_of_which_8_seconds_were_sent_in_1()
    stage.silence(1504)
    stage.speech(32)
    stage.news()
    stage.truncate("item2", 8200)
    assert stage.news() == ["error invalid_value audio_end_ms"]
    stage.truncate("item2", 4000)
    assert stage.news() == ["truncated item2 4000"]
    the_user_says_stop(stage)
    assert stage.dialogue()[1] == ("assistant", "one two three four five")


def test_an_answer_of_which_nothing_was_sent_leaves_no_words() -> None:
    stage = Stage(limits=Limits(speculate="off"))
    stage.speech(512)
    stage.silence(512)
    stage.heard("hello")
    stage.wrote("Hello to you too. ")
    stage.news()
    stage.speech(32)
    assert stage.news() == [
        "Cancel generate1",
        "Cancel speak1",
        "speech_started item3 1012",
        "audio.done item2",
        "transcript.done item2 ''",
        "part.done item2",
        "item.done item2 incomplete",
        "output_item.done item2 incomplete",
        "response.done resp1 cancelled turn_detected",
    ]
    stage.silence(512)
    stage.heard("stop")
    assert stage.dialogue() == [("user", "hello"), ("user", "stop")]


def test_a_response_that_waits_for_hearing_is_cancelled_and_its_turn_still_heard() -> None:
    stage = Stage(limits=Limits(speculate="off"), **TRANSCRIBED)
    stage.speech(512)
    stage.silence(512)
    stage.news()
    stage.speech(32)
    assert stage.news() == [
        "speech_started item2 1012",
        "response.done resp1 cancelled turn_detected",
    ]
    stage.heard("book a table")
    assert stage.news() == ["transcription.completed item1 'book a table'"]
    stage.silence(512)
    stage.heard("for two")
    assert stage.dialogue() == [("user", "book a table"), ("user", "for two")]


def test_speech_after_the_response_has_ended_closes_nothing() -> None:
    stage = Stage(cast=Cast(says=[("A long answer that is still being played.",)]))
    stage.speech(512)
    stage.silence(960)
    stage.advance(500)
    assert stage.told()[-1] == "response.done resp1 completed"
    stage.speech(32)
    assert stage.news() == ["speech_started item3 1172"]


def test_whoever_interrupted_a_finished_answer_hears_the_next_one_from_its_start() -> None:
    """What was queued of the old answer was dropped, so it does not delay the new one."""
    stage = Stage(limits=Limits(speculate="off"))
    stage.speech(512)
    stage.silence(512)
    stage.heard("hello")
    stage.wrote("A long answer.")
    stage.finished()
    stage.voiced(9000)
    stage.spoken()
    stage.speech(512)
    stage.silence(512)
    stage.heard("what")
    stage.wrote("one two three four. ")
    stage.voiced(4000, None, (3, 0), (7, 1000), (13, 2000), (19, 3000))
    stage.silence(2016)
    stage.speech(512)
    stage.silence(512)
    stage.heard("stop")
    assert stage.dialogue()[-2] == ("assistant", "one two")


def test_speech_over_an_answer_that_has_ended_cuts_what_is_remembered() -> None:
    stage = an_answer_of_which_8_seconds_were_sent_in_1()
    stage.spoken("speak1")
    stage.finished()
    stage.spoken("speak2")
    assert stage.news()[-1] == "response.done resp1 completed"
    stage.silence(1504)
    stage.speech(32)
    the_user_says_stop(stage)
    assert ("assistant", "one two three") in stage.dialogue()


def interruptions(stage: Stage) -> int:
    return sum(isinstance(output, Interrupted) for output in stage.outputs)


def test_a_barge_in_counts_as_one_interruption() -> None:
    stage = an_answer_of_which_8_seconds_were_sent_in_1()
    stage.silence(1504)
    stage.speech(320)
    assert interruptions(stage) == 1


def test_speech_over_an_answer_that_still_plays_is_an_interruption() -> None:
    stage = Stage(cast=Cast(says=[(f"{WORDS}.",)]))
    stage.speech(512)
    stage.silence(992)
    assert stage.news()[-1] == "response.done resp1 completed"
    stage.speech(32)
    assert interruptions(stage) == 1


def test_an_answer_is_interrupted_once_however_long_it_still_plays() -> None:
    stage = Stage(limits=Limits(barge_in=BargeInPolicy(backchannels=True)), **TRANSCRIBED)
    stage.write("Tell me a story.")
    stage.respond()
    stage.wrote("Once upon a time there was a king. ")
    stage.finished()
    stage.voiced(9000)
    stage.spoken()
    assert stage.told()[-1] == "response.done resp1 completed"
    for _ in range(2):
        stage.speech(512)
        stage.silence(192)
        stage.heard("no stop that")
        stage.silence(512)
        assert interruptions(stage) == 1
    stage.wrote("Very well, another one. ")
    stage.voiced(4000, "speak2")
    stage.speech(512)
    stage.silence(192)
    stage.heard("no stop that")
    assert interruptions(stage) == 2, "this is another answer"


def test_who_speaks_on_before_the_answer_interrupts_nobody() -> None:
    stage = Stage(limits=Limits(speculate="off"))
    stage.speech(512)
    stage.silence(992)
    stage.speech(32)
    assert stage.news()[-1] == "response.done resp1 cancelled turn_detected"
    assert interruptions(stage) == 0


def test_who_speaks_after_the_answer_interrupts_nobody() -> None:
    stage = Stage(cast=Cast(says=[("Yes.",)]))
    stage.speech(512)
    stage.silence(2976)
    stage.speech(32)
    assert interruptions(stage) == 0
