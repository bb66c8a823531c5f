"""Protocol 5.13: the client says how much of an answer was played."""

from support.stage import Stage
from vivavoce.protocol.items import MessageItem, OutputAudio
from vivavoce.protocol.server_events import ConversationItemRetrieved

ANSWER = "one two three four. "
WORDS = ((3, 0), (7, 1000), (13, 2000), (19, 3000))


def an_answer_of_four_seconds() -> Stage:
    stage = Stage()
    stage.write("count")
    stage.respond()
    stage.wrote(ANSWER)
    stage.voiced(4000, None, *WORDS)
    stage.spoken()
    stage.finished()
    stage.news()
    return stage


def what_the_model_remembers(stage: Stage) -> str:
    stage.respond()
    return stage.dialogue()[1][1]


def test_untouched_the_whole_answer_is_remembered() -> None:
    assert what_the_model_remembers(an_answer_of_four_seconds()).rstrip() == ANSWER.rstrip()


def test_the_words_that_were_played_are_remembered() -> None:
    stage = an_answer_of_four_seconds()
    stage.truncate("item2", 2500)
    assert stage.news() == ["truncated item2 2500"]
    assert what_the_model_remembers(stage) == "one two"


def test_the_item_loses_its_transcript() -> None:
    stage = an_answer_of_four_seconds()
    stage.truncate("item2", 2500)
    stage.retrieve("item2")
    item = stage.last(ConversationItemRetrieved).item
    assert isinstance(item, MessageItem)
    (part,) = item.content
    assert isinstance(part, OutputAudio)
    assert not part.transcript


def test_an_answer_that_was_not_played_at_all_is_forgotten() -> None:
    stage = an_answer_of_four_seconds()
    stage.truncate("item2", 0)
    stage.respond()
    assert stage.dialogue() == [("user", "count")]


def test_a_clock_that_is_a_little_ahead_is_forgiven() -> None:
    stage = an_answer_of_four_seconds()
    stage.truncate("item2", 4100)
    assert stage.news() == ["truncated item2 4100"]


def test_beyond_the_end_is_refused() -> None:
    stage = an_answer_of_four_seconds()
    stage.truncate("item2", 9000)
    assert stage.news() == ["error invalid_value audio_end_ms"]
    assert stage.error.message == "Audio content of 4000ms is already shorter than 9000ms"


def test_a_second_cut_can_only_be_shorter() -> None:
    stage = an_answer_of_four_seconds()
    stage.truncate("item2", 2500)
    stage.news()
    stage.truncate("item2", 3500)
    assert stage.error.message == "Audio content of 2500ms is already shorter than 3500ms"
    stage.news()
    stage.truncate("item2", 1500)
    assert stage.news() == ["truncated item2 1500"]
    assert what_the_model_remembers(stage) == "one"


def test_only_speech_of_the_assistant_can_be_cut() -> None:
    stage = an_answer_of_four_seconds()
    stage.truncate("item1", 100)
    assert stage.news() == ["error unsupported_content_type"]
    assert stage.error.message == "Only model output audio messages can be truncated."


def test_there_is_one_content_part() -> None:
    stage = an_answer_of_four_seconds()
    stage.truncate("item2", 100, content_index=1)
    assert stage.news() == ["error invalid_value content_index"]


def test_an_unknown_item_is_refused() -> None:
    stage = an_answer_of_four_seconds()
    stage.truncate("nobody", 100)
    assert stage.news() == ["error item_truncate_invalid_item_id"]


def test_what_was_queued_is_gone_after_a_cut_and_does_not_delay_the_next_answer() -> None:
    stage = an_answer_of_four_seconds()
    stage.truncate("item2", 100)
    stage.respond()
    stage.wrote(ANSWER)
    stage.voiced(4000, None, *WORDS)
    stage.advance(2500)
    stage.cancel()
    stage.respond()
    assert stage.dialogue()[-1] == ("assistant", "one two")


def test_a_cut_of_an_older_answer_leaves_the_one_that_plays_alone() -> None:
    stage = an_answer_of_four_seconds()
    stage.respond()
    stage.wrote(ANSWER)
    stage.voiced(6000, None, *WORDS)
    stage.truncate("item2", 100)
    stage.news()
    stage.voiced(1000)
    assert stage.news() == []
