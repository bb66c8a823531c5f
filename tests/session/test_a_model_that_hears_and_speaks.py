"""Walk (k): a model that is given the user's speech itself, and answers in speech of its own."""

import base64
from typing import Any

import pytest

from support.cast import Cast
from support.stage import TRANSCRIBED, Stage
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.protocol.items import MessageItem
from vivavoce.protocol.prompt import INAUDIBLE, SILENCE, UNKEPT, AudioClip
from vivavoce.protocol.server_events import Error, ResponseDone, ResponseError
from vivavoce.session.barge_in_policy import BargeInPolicy
from vivavoce.session.outputs import (
    DropAudio,
    Follow,
    Generate,
    Hear,
    HearClip,
    KeepAudio,
    KeepClip,
    Speak,
)
from vivavoce.session.speculation import LEVELS, Speculation
from vivavoce.session.state import Limits

NATIVE = HearingAbilities(hears=True, speaks=True)
SAMPLES_PER_MS = 24


def a_stage(**settings: Any) -> Stage:
    return Stage(abilities=NATIVE, **settings)


def a_turn_in_the_pause(**settings: Any) -> Stage:
    """Somebody has spoken for about a second, and says nothing now."""
    stage = a_stage(**settings)
    stage.silence(960)
    stage.speech(1024)
    stage.silence(192)
    return stage


def heard(stage: Stage) -> list[tuple[int, int]]:
    """From where to where each recording of the last prompt goes, in milliseconds."""
    clips = [clip for message in stage.prompt.messages for clip in message.speech]
    return [(clip.start // SAMPLES_PER_MS, clip.end // SAMPLES_PER_MS) for clip in clips]


def jobs(stage: Stage, *kinds: type) -> int:
    return sum(isinstance(output, kinds) for output in stage.outputs)


# --- hearing -------------------------------------------------------------------------------------


def test_in_the_pause_the_model_is_given_the_speech_so_far() -> None:
    stage = a_turn_in_the_pause()
    assert stage.news()[3:] == ["Generate generate1"]
    assert heard(stage) == [(660, 2134)]
    assert stage.prompt.messages[0].text == ""


def test_the_endpoint_adopts_what_it_says() -> None:
    stage = a_turn_in_the_pause()
    stage.said("Sure, ", 240)
    stage.news()
    stage.silence(320)
    assert stage.news() == [
        "speech_stopped item1 2484",
        "committed item1 after -",
        "item.added item1 after -",
        "item.done item1",
        "KeepAudio item1 660..2484",
        "response.created resp1",
        "output_item.added item2",
        "item.added item2 after item1",
        "part.added item2",
        "transcript.delta item2 'Sure, '",
        "audio.delta item2 240ms",
    ]
    stage.said("I will.", 300)
    stage.finished()
    assert stage.told() == [
        "transcript.delta item2 'I will.'",
        "audio.delta item2 300ms",
        "audio.done item2",
        "transcript.done item2 'Sure, I will.'",
        "part.done item2",
        "item.done item2",
        "output_item.done item2",
        "response.done resp1 completed",
    ]


def test_neither_a_recogniser_nor_a_voice_is_asked() -> None:
    stage = a_stage(cast=Cast(says=[("Well, ", "then.")]))
    stage.speech(1024)
    stage.silence(1024)
    stage.advance(3000)
    assert stage.last(ResponseDone).response.status == "completed"
    assert jobs(stage, Hear, HearClip, Follow, Speak) == 0


def test_speech_that_goes_on_drops_the_draft() -> None:
    stage = a_turn_in_the_pause()
    stage.news()
    stage.speech(320)
    assert stage.news() == ["Cancel generate1"]
    stage.silence(192)
    assert heard(stage) == [(660, 2646)]


@pytest.mark.parametrize("level", LEVELS)
def test_at_any_level_the_client_is_told_the_same(level: Speculation) -> None:
    def conversation(speculate: Speculation) -> list[str]:
        cast = Cast(says=[("Sure, I will ", "do it. ", "Right away.")])
        stage = a_stage(cast=cast, limits=Limits(speculate=speculate))
        stage.silence(960)
        stage.speech(1024)
        stage.silence(960)
        stage.advance(5000)
        return stage.told()

    assert conversation(level) == conversation("off")


def test_a_client_that_wants_a_transcript_gets_one_and_nobody_waits_for_it() -> None:
    stage = a_turn_in_the_pause(**TRANSCRIBED)
    assert stage.news()[3:] == ["Hear hear1 660..2134", "Generate generate1"]
    stage.said("Sure.", 240)
    stage.finished()
    stage.silence(320)
    assert stage.told()[-1] == "response.done resp1 completed"
    stage.heard("book a table")
    assert stage.told() == ["transcription.completed item1 'book a table'"]


def test_the_transcript_does_not_change_what_the_model_is_given() -> None:
    stage = a_turn_in_the_pause(**TRANSCRIBED)
    stage.heard("book a table")
    stage.silence(320)
    assert jobs(stage, Generate) == 1
    stage.said("Sure.", 240)
    stage.finished()
    stage.advance(1000)
    stage.write("for two")
    stage.respond()
    first, _, last = stage.prompt.messages
    assert (first.text, len(first.speech)) == ("", 1)
    assert last.text == "for two"


def test_noise_is_for_the_model_to_judge() -> None:
    stage = a_turn_in_the_pause(**TRANSCRIBED)
    stage.heard(" ")
    stage.silence(320)
    stage.said("Pardon?", 240)
    stage.finished()
    done = stage.last(ResponseDone).response
    assert (done.status, len(done.output)) == ("completed", 1)


def test_speech_in_an_item_is_heard_too() -> None:
    stage = a_stage()
    audio = base64.b64encode(bytes(48 * 500)).decode()
    content = [{"type": "input_text", "text": "This:"}, {"type": "input_audio", "audio": audio}]
    stage.create({"type": "message", "id": "clip", "role": "user", "content": content})
    stage.respond()
    assert jobs(stage, KeepClip) == 1
    assert stage.prompt.messages[0].speech == (AudioClip(item_id="clip", start=0, end=12_000),)
    assert stage.prompt.messages[0].text == "This:"


def test_speech_in_the_input_of_a_response_is_kept_until_the_model_is_given_it() -> None:
    stage = a_stage()
    audio = base64.b64encode(bytes(48 * 500)).decode()
    item = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_audio", "audio": audio}],
    }
    stage.respond(input=[item], conversation="none", output_modalities=["text"])
    kinds = (KeepClip, Generate, DropAudio)
    told = [type(output) for output in stage.outputs if isinstance(output, kinds)]
    assert told == [KeepClip, Generate, DropAudio]


def test_an_item_that_is_deleted_is_heard_by_the_response_that_waits_to_hear_it() -> None:
    stage = a_stage(audio={"input": {"turn_detection": None}})
    stage.append([0.9] * 10)
    stage.commit()
    stage.respond(tools=[{"type": "mcp", "server_label": "s", "server_url": "https://s.example"}])
    stage.delete("item1")
    assert jobs(stage, DropAudio) == 0
    stage.listed("look")
    assert len(heard(stage)) == 1
    assert jobs(stage, DropAudio) == 1


def test_an_item_that_is_yet_to_be_heard_keeps_its_id() -> None:
    stage = a_stage()
    audio = base64.b64encode(bytes(48 * 500)).decode()
    content = [{"type": "input_audio", "audio": audio}]
    item = {"type": "message", "id": "clip", "role": "user", "content": content}
    server = {"type": "mcp", "server_label": "s", "server_url": "https://s.example"}
    stage.create(item)
    stage.respond(conversation="none", tools=[server])
    stage.delete("clip")
    stage.create(item)
    assert stage.last(Error).error.code == "item_create_duplicate_item_id"
    assert (jobs(stage, KeepClip), jobs(stage, DropAudio)) == (1, 0)
    stage.listed("look")
    assert jobs(stage, DropAudio) == 1
    stage.create(item)
    assert (jobs(stage, KeepClip), jobs(stage, DropAudio)) == (2, 1)


def test_what_is_kept_for_the_model_is_what_was_said() -> None:
    stage = a_turn_in_the_pause()
    stage.silence(320)
    (kept,) = (output for output in stage.outputs if isinstance(output, KeepAudio))
    assert kept.clip is not None
    assert (kept.clip,) == stage.prompt.messages[0].speech
    assert kept.clip.end < kept.end


def test_the_silence_of_an_idle_timeout_is_not_kept_for_the_model() -> None:
    detection = {"type": "server_vad", "idle_timeout_ms": 5000}
    stage = a_stage(audio={"input": {"turn_detection": detection}})
    stage.write("hello")
    stage.respond()
    stage.said("Hello.", 400)
    stage.finished()
    stage.silence(6016)
    kept = [output for output in stage.outputs if isinstance(output, KeepAudio)]
    assert [output.clip for output in kept] == [None]


def test_the_words_of_a_recording_go_with_the_question_once_they_are_known() -> None:
    stage = a_turn_in_the_pause(**TRANSCRIBED)
    stage.heard("book a table")
    stage.silence(320)
    stage.said("Sure.", 240)
    stage.finished()
    stage.advance(1000)
    stage.write("for two")
    stage.respond()
    asked = [output for output in stage.outputs if isinstance(output, Generate)][-1]
    assert asked.words == {stage.prompt.messages[0].speech[0].item_id: "book a table"}


def test_an_empty_recording_is_told_of_in_words() -> None:
    stage = a_stage()
    content = [{"type": "input_audio", "audio": ""}]
    stage.create({"type": "message", "role": "user", "content": content})
    stage.respond()
    assert stage.prompt.messages[0].text == INAUDIBLE


def two_turns_of_which_one_is_too_long_ago(**settings: Any) -> Stage:
    stage = a_stage(limits=Limits(hears_again_ms=2000), **settings)
    for _ in range(2):
        stage.speech(1024)
        stage.silence(512)
        if settings:
            stage.heard("book a table")
        stage.said("Yes.", 240)
        stage.finished()
        stage.advance(1000)
    return stage


def test_what_was_said_long_ago_is_read() -> None:
    stage = two_turns_of_which_one_is_too_long_ago(**TRANSCRIBED)
    assert stage.dialogue()[0] == ("user", "book a table")
    assert len(heard(stage)) == 1


def test_what_was_said_long_ago_and_never_written_down_is_lost() -> None:
    stage = two_turns_of_which_one_is_too_long_ago()
    assert stage.dialogue()[0] == ("user", UNKEPT)
    assert len(heard(stage)) == 1


def test_the_silence_of_an_idle_timeout_is_told_of_in_words() -> None:
    detection = {"type": "server_vad", "idle_timeout_ms": 5000}
    stage = a_stage(audio={"input": {"turn_detection": detection}})
    stage.write("hello")
    stage.respond()
    stage.said("Hello.", 400)
    stage.finished()
    stage.silence(6016)
    assert heard(stage) == []
    assert stage.dialogue()[-1] == ("user", SILENCE)


# --- speaking ------------------------------------------------------------------------------------


def test_words_wait_for_their_sound() -> None:
    stage = a_stage()
    stage.write("hello")
    stage.respond()
    stage.news()
    stage.said("Hello ", 0)
    stage.said("there.", 0)
    assert not [line for line in stage.told() if line.startswith("transcript")]
    stage.said("", 400)
    assert stage.told() == [
        "transcript.delta item2 'Hello '",
        "transcript.delta item2 'there.'",
        "audio.delta item2 400ms",
    ]


def test_the_model_is_told_the_voice() -> None:
    stage = a_stage(audio={"output": {"voice": "marin"}})
    stage.write("hello")
    stage.respond()
    assert stage.prompt.voice == "marin"


def test_an_answer_in_text_is_written() -> None:
    stage = a_stage(output_modalities=["text"])
    stage.write("hello")
    stage.respond()
    stage.news()
    assert stage.prompt.voice is None
    stage.wrote("Hello.")
    stage.finished()
    assert stage.told()[3:5] == ["text.delta item2 'Hello.'", "text.done item2 'Hello.'"]


def test_sound_that_nobody_asked_for_is_not_sent() -> None:
    stage = a_stage(output_modalities=["text"])
    stage.write("hello")
    stage.respond()
    stage.news()
    stage.said("Hello.", 400)
    stage.finished()
    assert stage.told()[3:5] == ["text.delta item2 'Hello.'", "text.done item2 'Hello.'"]


def test_speech_is_followed_by_a_call() -> None:
    stage = a_stage(tools=[{"type": "function", "name": "look"}])
    stage.write("look")
    stage.respond()
    stage.news()
    stage.said("One moment.", 400)
    stage.called('{"at": 1}', name="look", call_id="call_1")
    stage.finished()
    told = stage.told()
    assert "item.done item2" in told
    assert 'arguments.done item3 look({"at": 1})' in told
    assert told[-1] == "response.done resp1 completed"


def test_speech_is_sent_only_so_far_ahead() -> None:
    stage = a_stage(limits=Limits(max_lead_ms=1000))
    stage.write("hello")
    stage.respond()
    for word in ("one ", "two ", "three ", "four "):
        stage.said(word, 600)
    stage.finished()
    assert "transcript.delta item2 'three '" not in stage.told()
    stage.advance(5000)
    assert stage.told()[-1] == "response.done resp1 completed"


def test_who_speaks_over_it_stops_it_and_it_remembers_what_was_heard() -> None:
    stage = a_stage(limits=Limits(speculate="off"))
    stage.speech(512)
    stage.silence(1088)
    stage.said("one two three four five six seven eight nine ten", 0)
    stage.said("", 3000)
    stage.silence(992)
    stage.news()
    stage.speech(32)
    assert stage.news()[:2] == ["Cancel generate1", "speech_started item3 2292"]
    stage.speech(224)
    stage.silence(512)
    role, text = stage.dialogue()[1]
    assert role == "assistant"
    # A second was heard, at about 65 ms for a character: the rest of the words were not.
    assert text == "one two three"


def test_a_whole_answer_is_cut_in_proportion() -> None:
    stage = a_stage()
    stage.write("hello")
    stage.respond()
    stage.said("one two three four", 1800)
    stage.finished()
    stage.truncate("item2", 950)
    stage.write("again")
    stage.respond()
    assert stage.dialogue()[1] == ("assistant", "one two")


def test_a_failure_in_mid_answer_keeps_what_was_sent() -> None:
    stage = a_stage()
    stage.write("hello")
    stage.respond()
    stage.said("Hel", 200)
    stage.failed("generate1")
    done = stage.last(ResponseDone).response
    assert done.status == "failed"
    (item,) = done.output
    assert isinstance(item, MessageItem)
    assert item.status == "incomplete"


def test_an_answer_without_end_is_stopped() -> None:
    stage = a_stage(limits=Limits(max_lead_ms=1000))
    stage.write("hello")
    stage.respond()
    stage.said("la", 601_000)
    stage.said("la", 601_000)
    done = stage.last(ResponseDone).response
    assert done.status == "failed"
    assert done.status_details is not None
    assert isinstance(done.status_details.error, ResponseError)
    assert done.status_details.error.code == "answer_too_long"
    assert "Cancel generate1" in stage.news()


# --- what it costs -------------------------------------------------------------------------------


def test_tokens_of_audio_are_counted_as_the_model_does() -> None:
    stage = a_stage()
    stage.write("hello")
    stage.respond()
    stage.said("Hello.", 400)
    stage.finished(input_tokens=50, input_audio_tokens=40, output_tokens=30, output_audio_tokens=25)
    usage = stage.last(ResponseDone).response.usage
    assert usage is not None
    assert (usage.input_token_details.text_tokens, usage.input_token_details.audio_tokens) == (
        10,
        40,
    )
    assert (usage.output_token_details.text_tokens, usage.output_token_details.audio_tokens) == (
        5,
        25,
    )
    assert usage.total_tokens == 80


def test_tokens_of_audio_are_estimated_where_the_model_counts_none() -> None:
    stage = a_turn_in_the_pause()
    stage.silence(320)
    stage.said("Hello.", 400)
    stage.finished()
    usage = stage.last(ResponseDone).response.usage
    assert usage is not None
    assert usage.input_token_details.audio_tokens == 14
    assert usage.output_token_details.audio_tokens == 8


def test_a_model_that_counts_in_one_sum_has_counted_its_speech() -> None:
    stage = a_stage()
    stage.write("hello")
    stage.respond()
    stage.said("Hello.", 400)
    stage.finished(input_tokens=50, output_tokens=30)
    usage = stage.last(ResponseDone).response.usage
    assert usage is not None
    assert usage.output_token_details.audio_tokens == 8
    assert usage.output_tokens == 30


# --- turns ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("words", "interrupts"), [("uh-huh", False), ("no, wait", True)])
def test_a_barge_in_policy_reads_words_all_the_same(words: str, *, interrupts: bool) -> None:
    limits = Limits(barge_in=BargeInPolicy(backchannels=True))
    stage = a_stage(limits=limits)
    stage.write("count")
    stage.respond()
    stage.said("one two three four five", 9000)
    stage.speech(512)
    stage.silence(192)
    assert stage.news()[-1].startswith("Hear hear1")
    stage.heard(words)
    assert ("Cancel generate1" in stage.news()) is interrupts
    stage.silence(320)
    assert jobs(stage, Generate) == (2 if interrupts else 1)


def test_a_model_that_only_hears_is_given_a_voice() -> None:
    stage = Stage(abilities=HearingAbilities(hears=True))
    stage.speech(1024)
    stage.silence(512)
    stage.news()
    assert stage.prompt.voice is None
    assert len(heard(stage)) == 1
    stage.wrote("Sure, I will.")
    stage.finished()
    assert "Speak speak1 'Sure, '" in stage.news()


def test_a_model_that_only_speaks_reads_what_was_heard() -> None:
    stage = Stage(abilities=HearingAbilities(speaks=True))
    stage.speech(1024)
    stage.silence(512)
    stage.heard("hello")
    assert stage.dialogue() == [("user", "hello")]
    assert stage.prompt.voice == "alloy"
