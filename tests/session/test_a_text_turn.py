"""Protocol 5.5: written questions, written answers."""

import pytest

from support.cast import Cast, Limit
from support.stage import Stage
from vivavoce.protocol.server_events import ContentPartAdded, ResponseDone, TextPart
from vivavoce.session.outputs import Speak


def test_the_events_of_a_text_turn() -> None:
    stage = Stage(output_modalities=["text"])
    stage.news()
    stage.write("hello")
    stage.respond()
    stage.wrote("Hello, ")
    stage.wrote("you.")
    stage.finished()
    assert stage.news() == [
        "item.added item1 after -",
        "item.done item1",
        "response.created resp1",
        "Generate generate1",
        "output_item.added item2",
        "item.added item2 after item1",
        "part.added item2",
        "text.delta item2 'Hello, '",
        "text.delta item2 'you.'",
        "text.done item2 'Hello, you.'",
        "part.done item2",
        "item.done item2",
        "output_item.done item2",
        "response.done resp1 completed",
    ]
    assert stage.last(ContentPartAdded).part == TextPart(text="")


def test_a_written_answer_is_not_spoken() -> None:
    stage = Stage(cast=Cast(), output_modalities=["text"])
    stage.write("hello")
    stage.respond()
    stage.advance(1000)
    assert not [o for o in stage.outputs if isinstance(o, Speak)]


def test_a_written_question_may_be_answered_in_speech() -> None:
    stage = Stage(cast=Cast(says=[("Hi.",)]))
    stage.write("hello")
    stage.respond()
    stage.advance(1000)
    assert "audio.delta item2 180ms" in stage.told()


def test_the_settings_of_one_response_do_not_stay() -> None:
    stage = Stage(instructions="Be kind.", output_modalities=["text"])
    stage.respond(instructions="Be curt.", max_output_tokens=9)
    assert (stage.prompt.instructions, stage.prompt.max_output_tokens) == ("Be curt.", 9)
    stage.finished()
    stage.respond()
    assert (stage.prompt.instructions, stage.prompt.max_output_tokens) == ("Be kind.", None)


def test_a_response_can_follow_its_predecessor_at_once() -> None:
    stage = Stage(output_modalities=["text"])
    stage.respond()
    stage.finished()
    stage.news()
    stage.respond()
    assert stage.news() == ["response.created resp2", "Generate generate2"]


@pytest.mark.parametrize("modality", ["text", "audio"])
def test_the_token_limit_leaves_an_incomplete_answer(modality: str) -> None:
    stage = Stage(cast=Cast(says=[("Once upon a", Limit())]), output_modalities=[modality])
    stage.respond()
    stage.advance(2000)
    assert stage.told()[-3:] == [
        "item.done item1 incomplete",
        "output_item.done item1 incomplete",
        "response.done resp1 incomplete max_output_tokens",
    ]


def test_filtered_content_is_incomplete_too() -> None:
    stage = Stage(output_modalities=["text"])
    stage.respond()
    stage.wrote("Well")
    stage.finished("content_filter")
    assert stage.told()[-1] == "response.done resp1 incomplete content_filter"


def test_usage_is_what_the_model_counted() -> None:
    stage = Stage(output_modalities=["text"])
    stage.respond()
    stage.wrote("Hello.")
    stage.finished(input_tokens=100, cached_tokens=60, output_tokens=7)
    usage = stage.last(ResponseDone).response.usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (100, 7, 107)
    assert usage.input_token_details.cached_tokens == 60


def test_usage_is_estimated_where_nobody_counts() -> None:
    stage = Stage(output_modalities=["text"], instructions="x" * 40)
    stage.respond()
    stage.wrote("y" * 20)
    stage.finished()
    usage = stage.last(ResponseDone).response.usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (10, 5, 15)


def test_spoken_audio_is_counted_by_its_length() -> None:
    stage = Stage()
    stage.respond()
    stage.wrote("Hi. ")
    stage.finished(input_tokens=1, output_tokens=2)
    stage.voiced(1000)
    stage.spoken()
    usage = stage.last(ResponseDone).response.usage
    assert usage is not None
    assert usage.output_token_details.audio_tokens == 20
    assert usage.output_tokens == 22
    assert usage.total_tokens == 23


def test_an_answer_without_words_is_complete_and_empty() -> None:
    stage = Stage()
    stage.respond()
    stage.finished()
    assert stage.told()[-1] == "response.done resp1 completed"
    assert stage.last(ResponseDone).response.output == ()
