"""Walk (a): the pause is used to hear and to draft; the endpoint comes, the draft is adopted."""

import pytest

from support.cast import Cast
from support.stage import TRANSCRIBED, Stage
from vivavoce.protocol.server_events import ResponseCreated, ResponseDone
from vivavoce.session.outputs import Generate
from vivavoce.session.speculation import LEVELS, Speculation
from vivavoce.session.state import Limits

TURN = [
    "speech_stopped item1 2484",
    "committed item1 after -",
    "item.added item1 after -",
    "item.done item1",
]
"""The end of a turn, speech at 960 to 1984 ms (protocol 5.2)."""

ANSWER = [
    "output_item.added item2",
    "item.added item2 after item1",
    "part.added item2",
    "transcript.delta item2 'Sure, '",
    "audio.delta item2 240ms",
    "transcript.delta item2 'I will do it.'",
    "audio.delta item2 300ms",
    "audio.done item2",
    "transcript.done item2 'Sure, I will do it.'",
    "part.done item2",
    "item.done item2",
    "output_item.done item2",
    "response.done resp1 completed",
]


def a_pause_in_which_the_answer_is_drafted() -> Stage:
    stage = Stage(**TRANSCRIBED)
    stage.silence(960)
    stage.speech(1024)
    stage.silence(192)
    stage.heard("book a table")
    stage.wrote("Sure, I will ")
    stage.voiced(240)
    return stage


def test_speech_starts_with_its_prefix_padding() -> None:
    stage = Stage()
    stage.silence(960)
    stage.speech(32)
    assert stage.news() == ["session.created", "Listen listen1 0..", "speech_started item1 660"]


def test_in_the_pause_one_clause_is_drafted_and_nothing_is_told() -> None:
    stage = a_pause_in_which_the_answer_is_drafted()
    assert stage.news()[3:] == [
        "Hear hear1 660..2134",
        "Generate generate1",
        "Speak speak1 'Sure, '",
    ]
    stage.wrote("do it. And more.")
    assert stage.news() == []


def test_the_endpoint_adopts_the_draft() -> None:
    stage = a_pause_in_which_the_answer_is_drafted()
    stage.news()
    stage.silence(320)
    assert stage.news() == [
        *TURN,
        "KeepAudio item1 660..2484",
        "response.created resp1",
        "transcription.completed item1 'book a table'",
        *ANSWER[:5],
    ]


def test_the_answer_goes_on_from_the_draft() -> None:
    stage = a_pause_in_which_the_answer_is_drafted()
    stage.silence(320)
    stage.news()
    stage.wrote("do it.")
    stage.finished()
    stage.spoken("speak1")
    stage.voiced(300, "speak2")
    stage.spoken("speak2")
    assert stage.told() == ANSWER[5:]


@pytest.mark.parametrize("level", LEVELS)
def test_at_any_level_the_client_is_told_the_same(level: Speculation) -> None:
    def conversation(speculate: Speculation) -> list[str]:
        cast = Cast(hears=["book a table"], says=[("Sure, I will ", "do it. ", "Right away.")])
        stage = Stage(cast=cast, limits=Limits(speculate=speculate), **TRANSCRIBED)
        stage.silence(960)
        stage.speech(1024)
        stage.silence(960)
        stage.advance(5000)
        return stage.told()

    assert conversation(level) == conversation("off")


def test_the_response_is_announced_before_the_user_was_heard() -> None:
    stage = Stage(limits=Limits(speculate="off"), **TRANSCRIBED)
    stage.speech(1024)
    stage.silence(512)
    assert stage.news()[3:] == [
        "speech_stopped item1 1524",
        "committed item1 after -",
        "item.added item1 after -",
        "item.done item1",
        "Hear hear1 0..1174",
        "KeepAudio item1 0..1524",
        "response.created resp1",
    ]
    stage.heard("book a table")
    assert stage.news() == [
        "transcription.completed item1 'book a table'",
        "Generate generate1",
    ]
    assert stage.dialogue() == [("user", "book a table")]


def test_a_draft_of_other_words_is_thrown_away() -> None:
    stage = a_pause_in_which_the_answer_is_drafted()
    stage.news()
    stage.write("By the way, I am Ada.")
    stage.silence(320)
    news = stage.news()
    made_anew = news.index("Generate generate2")
    assert news[made_anew - 2 : made_anew] == ["Cancel generate1", "Cancel speak1"]
    assert stage.dialogue() == [("user", "By the way, I am Ada."), ("user", "book a table")]


def test_the_response_shows_how_it_began_and_ended() -> None:
    stage = Stage(cast=Cast())
    stage.speech(512)
    stage.silence(960)
    stage.advance(2000)
    created = stage.last(ResponseCreated).response
    assert (created.status, created.output, created.usage) == ("in_progress", (), None)
    done = stage.last(ResponseDone).response
    assert done.usage is not None
    assert done.usage.total_tokens == done.usage.input_tokens + done.usage.output_tokens
    assert [item.id for item in done.output] == [stage.names.id_of("item2")]


def test_one_turn_asks_the_model_once() -> None:
    stage = Stage(cast=Cast())
    stage.speech(512)
    stage.silence(960)
    stage.advance(2000)
    assert len([o for o in stage.outputs if isinstance(o, Generate)]) == 1
