"""Walk (j), protocol 5.2 and 6.4: what the user said, and what if it cannot be made out."""

from typing import Any

import pytest

from support.stage import TRANSCRIBED, Stage
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.protocol.items import InputAudio, MessageItem
from vivavoce.protocol.prompt import INAUDIBLE
from vivavoce.protocol.server_events import (
    ConversationItemAdded,
    ConversationItemRetrieved,
    LogProb,
    TranscriptionCompleted,
    TranscriptionFailed,
)
from vivavoce.session.inputs import Transcribed
from vivavoce.session.outputs import Hear
from vivavoce.session.state import Limits


def a_turn_that_is_being_heard(**config: Any) -> Stage:
    stage = Stage(limits=Limits(speculate="off"), **config)
    stage.speech(1024)
    stage.silence(512)
    stage.news()
    return stage


def test_deltas_and_the_whole_text_go_out_as_they_come() -> None:
    stage = a_turn_that_is_being_heard(**TRANSCRIBED)
    stage.transcript_delta("book ")
    stage.transcript_delta("a table")
    stage.heard("book a table")
    assert stage.news() == [
        "transcription.delta item1 'book '",
        "transcription.delta item1 'a table'",
        "transcription.completed item1 'book a table'",
        "Generate generate1",
    ]


def test_what_is_heard_in_a_pause_is_held_until_the_item_is_there() -> None:
    stage = Stage(**TRANSCRIBED)
    stage.speech(1024)
    stage.silence(192)
    stage.news()
    stage.transcript_delta("book a table")
    assert stage.news() == []
    stage.heard("book a table")
    stage.silence(320)
    told = stage.told()
    done = told.index("item.done item1")
    assert told[done + 1 :] == [
        "response.created resp1",
        "transcription.delta item1 'book a table'",
        "transcription.completed item1 'book a table'",
    ]


def test_completed_says_what_it_cost_in_whole_seconds() -> None:
    stage = a_turn_that_is_being_heard(**TRANSCRIBED)
    stage.heard("book a table")
    assert stage.last(TranscriptionCompleted).usage.seconds == 2


def test_a_client_that_wants_no_transcripts_gets_none() -> None:
    stage = a_turn_that_is_being_heard()
    stage.transcript_delta("book ")
    stage.heard("book a table")
    assert stage.news() == ["Generate generate1"]
    assert stage.dialogue() == [("user", "book a table")]


@pytest.mark.parametrize("config", [TRANSCRIBED, {}])
def test_the_item_carries_the_transcript_if_the_client_wants_it(config: dict[str, Any]) -> None:
    stage = a_turn_that_is_being_heard(**config)
    added = stage.last(ConversationItemAdded).item
    assert isinstance(added, MessageItem)
    assert added.content == (InputAudio(transcript=None),)
    stage.heard("book a table")
    stage.retrieve("item1")
    retrieved = stage.last(ConversationItemRetrieved).item
    assert isinstance(retrieved, MessageItem)
    assert retrieved.content == (InputAudio(transcript="book a table" if config else None),)


def test_a_failure_is_told_and_the_model_knows_that_it_could_not_hear() -> None:
    stage = a_turn_that_is_being_heard(**TRANSCRIBED)
    stage.failed("hear1", "audio_unintelligible")
    assert stage.news() == [
        "transcription.failed item1 audio_unintelligible",
        "Generate generate1",
    ]
    assert stage.dialogue() == [("user", INAUDIBLE)]
    assert stage.last(TranscriptionFailed).error.type == "transcription_error"


def test_a_failure_in_the_pause_is_held_until_the_item_is_there() -> None:
    stage = Stage(**TRANSCRIBED)
    stage.speech(1024)
    stage.silence(192)
    stage.news()
    stage.failed("hear1")
    assert stage.news() == []
    stage.silence(320)
    assert stage.news() == [
        "speech_stopped item1 1524",
        "committed item1 after -",
        "item.added item1 after -",
        "item.done item1",
        "KeepAudio item1 0..1524",
        "response.created resp1",
        "transcription.failed item1 engine_error",
        "Generate generate1",
    ]


def test_without_transcripts_a_failure_is_only_told_to_the_model() -> None:
    stage = a_turn_that_is_being_heard()
    stage.failed("hear1")
    assert stage.news() == ["Generate generate1"]
    assert stage.dialogue() == [("user", INAUDIBLE)]


def test_other_turns_are_heard_after_a_failure() -> None:
    stage = a_turn_that_is_being_heard(**TRANSCRIBED)
    stage.failed("hear1")
    stage.speech(1024)
    stage.silence(512)
    stage.news()
    stage.heard("can you hear me")
    assert stage.news()[0] == "transcription.completed item2 'can you hear me'"
    assert stage.dialogue() == [("user", INAUDIBLE), ("user", "can you hear me")]


def test_the_recogniser_gets_what_the_client_said_about_the_speech() -> None:
    stage = Stage(
        audio={"input": {"transcription": {"model": "any", "language": "de", "prompt": "Namen"}}}
    )
    stage.speech(512)
    stage.commit()
    hear = next(o for o in stage.outputs if isinstance(o, Hear))
    assert (hear.language, hear.prompt) == ("de", "Namen")


def test_the_recogniser_gets_all_that_it_has_settings_for() -> None:
    stage = Stage(abilities=HearingAbilities(languages=True, keywords=True, logprobs=True))
    stage.update(
        include=["item.input_audio_transcription.logprobs"],
        audio={"input": {"transcription": {"languages": ["de", "en"], "keywords": ["Ada"]}}},
    )
    stage.speech(512)
    stage.commit()
    hear = next(o for o in stage.outputs if isinstance(o, Hear))
    assert (hear.languages, hear.keywords, hear.logprobs) == (("de", "en"), ("Ada",), True)


def test_log_probabilities_come_with_the_transcript() -> None:
    stage = Stage(**TRANSCRIBED)
    stage.speech(512)
    stage.commit()
    yes = LogProb("yes", -0.5, (121, 101, 115))
    stage.step(Transcribed(stage.names.job_id("hear1"), "yes", (yes,)))
    assert stage.last(TranscriptionCompleted).logprobs == (yes,)


def test_a_language_set_in_the_pause_has_the_turn_heard_again() -> None:
    stage = Stage(**TRANSCRIBED)
    stage.speech(1024)
    stage.silence(192)
    stage.news()
    stage.update_input(transcription={"language": "de"})
    stage.silence(320)
    news = stage.news()
    assert news[5:7] == ["Cancel hear1", "Hear hear2 0..1174"]


def test_the_transcript_of_a_deleted_item_is_not_told() -> None:
    stage = a_turn_that_is_being_heard(**TRANSCRIBED)
    stage.cancel()
    stage.delete("item1")
    stage.news()
    stage.transcript_delta("book")
    stage.heard("book a table")
    assert stage.news() == []


def test_what_was_said_in_a_deleted_item_is_not_told_of_its_namesake() -> None:
    stage = Stage(**TRANSCRIBED)
    part = {"type": "input_audio", "audio": "AAAAAAAA"}
    item = {"type": "message", "id": "a", "role": "user", "content": [part]}
    stage.create(item)
    stage.delete("a")
    stage.create(item)
    stage.news()
    stage.heard("the first", "hear1")
    assert stage.news() == []
    stage.heard("the second", "hear2")
    assert stage.news() == ["transcription.completed a 'the second'"]
