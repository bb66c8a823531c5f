"""Protocol 3.1, 3.2, 5.17: creating, placing, retrieving and deleting items."""

from typing import Any

import pytest

from support.stage import TRANSCRIBED, Stage
from vivavoce.protocol.items import (
    FunctionCallItem,
    FunctionCallOutputItem,
    InputAudio,
    MessageItem,
)
from vivavoce.protocol.server_events import (
    ConversationItemAdded,
    ConversationItemDone,
    ConversationItemRetrieved,
    SpeechStarted,
    TranscriptionCompleted,
)
from vivavoce.session.outputs import HearClip


def three_messages() -> Stage:
    stage = Stage()
    for name in ("a", "b", "c"):
        stage.write(name, id=name)
    stage.news()
    return stage


def message(role: str, *parts: dict[str, Any], **more: str) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": list(parts), **more}


def text(words: str) -> dict[str, str]:
    return {"type": "input_text", "text": words}


@pytest.mark.parametrize("append", [None, ""])
def test_without_a_place_an_item_goes_to_the_end(append: str | None) -> None:
    stage = three_messages()
    stage.create(message("user", text("d"), id="d"), append)
    assert stage.news() == ["item.added d after c", "item.done d"]


def test_root_is_the_front() -> None:
    stage = three_messages()
    stage.create(message("user", text("d"), id="d"), "root")
    assert stage.news() == ["item.added d after -", "item.done d"]
    stage.respond()
    assert stage.dialogue()[0] == ("user", "d")


def test_an_item_goes_behind_the_one_that_is_named() -> None:
    stage = three_messages()
    stage.create(message("user", text("d"), id="d"), "a")
    assert stage.news() == ["item.added d after a", "item.done d"]
    stage.respond()
    assert [words for _, words in stage.dialogue()] == ["a", "d", "b", "c"]


def test_an_unknown_place_is_refused_and_nothing_inserted() -> None:
    stage = three_messages()
    stage.create(message("user", text("d"), id="d"), "nobody")
    assert stage.news() == ["error item_create_invalid_previous_item_id"]
    assert stage.error.message == (
        "Error adding item: the previous item with id 'nobody' does not exist."
    )
    stage.retrieve("d")
    assert stage.news() == ["error item_retrieve_invalid_item_id"]


def test_an_id_that_is_taken_is_refused() -> None:
    stage = three_messages()
    stage.write("again", id="b")
    assert stage.news() == ["error item_create_duplicate_item_id"]


def test_an_id_of_32_characters_is_kept() -> None:
    stage = Stage()
    stage.news()
    stage.write("hello", id="x" * 32)
    assert stage.news() == [f"item.added {'x' * 32} after -", f"item.done {'x' * 32}"]


def test_errors_name_the_event_that_caused_them() -> None:
    stage = three_messages()
    stage.create(message("user", text("d")), "nobody", event_id="mine")
    assert stage.error.event_id == "mine"
    stage.delete("nobody")
    assert stage.error.event_id is None


def test_added_and_done_show_the_same_item() -> None:
    stage = Stage()
    stage.write("hello", "system")
    added, done = stage.last(ConversationItemAdded), stage.last(ConversationItemDone)
    assert added.item == done.item
    assert isinstance(added.item, MessageItem)
    assert (added.item.id, added.item.status) == (stage.names.id_of("item1"), "completed")


def test_an_assistants_words_can_be_seeded() -> None:
    stage = Stage()
    stage.write("hello")
    stage.write("Hello, you.", "assistant")
    stage.respond()
    assert stage.dialogue() == [("user", "hello"), ("assistant", "Hello, you.")]


@pytest.mark.parametrize(
    ("item", "error"),
    [
        (
            message("assistant", {"type": "output_audio", "transcript": "Hi"}),
            "error missing_required_parameter item.content[0].text",
        ),
        (message("assistant", text("Hi")), "error invalid_value item.content[0].type"),
        (
            message("user", text("a"), {"type": "output_text", "text": "b"}),
            "error invalid_value item.content[1].type",
        ),
        (
            message("system", {"type": "input_audio", "audio": ""}),
            "error invalid_value item.content[0].type",
        ),
        (
            message("user", {"type": "input_audio", "audio": "no base64!"}),
            "error invalid_value item.content[0].audio",
        ),
    ],
)
def test_content_that_does_not_fit_the_role_is_refused(item: dict[str, Any], error: str) -> None:
    stage = Stage()
    stage.news()
    stage.create(item)
    assert stage.news() == [error]


def test_a_picture_reaches_the_model() -> None:
    stage = Stage()
    picture = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
    stage.create(message("user", text("What is it?"), picture))
    stage.respond()
    (read,) = stage.prompt.messages
    assert (read.text, read.images) == ("What is it?", ("data:image/png;base64,AAAA",))


def test_a_call_from_history_gets_a_call_id() -> None:
    stage = Stage()
    stage.create({"type": "function_call", "name": "dial", "arguments": "{}"})
    call = stage.last(ConversationItemAdded).item
    assert isinstance(call, FunctionCallItem)
    assert call.call_id.startswith("call_")


def test_the_output_of_a_call_shows_no_status() -> None:
    stage = Stage()
    stage.create({"type": "function_call", "name": "dial", "call_id": "c1", "arguments": "{}"})
    stage.create({"type": "function_call_output", "call_id": "c1", "output": "ringing"})
    output = stage.last(ConversationItemAdded).item
    assert isinstance(output, FunctionCallOutputItem)
    assert not output.status


def call(name: str, call_id: str, arguments: str = "{}") -> dict[str, str]:
    return {"type": "function_call", "name": name, "call_id": call_id, "arguments": arguments}


def output(call_id: str, words: str) -> dict[str, str]:
    return {"type": "function_call_output", "call_id": call_id, "output": words}


def test_a_call_has_an_id_of_its_own_and_one_output() -> None:
    stage = Stage()
    for item in (call("dial", "c1"), output("c1", "ringing")):
        stage.create(item)
    for again in (call("hang_up", "c1"), output("c1", "engaged")):
        stage.create(again)
        assert (stage.error.code, stage.error.param) == ("invalid_tool_call_id", "item.call_id")
    stage.respond()
    assert [each.name for message in stage.prompt.messages for each in message.tool_calls] == [
        "dial"
    ]
    assert stage.dialogue()[-1] == ("tool", "ringing")


def test_an_output_that_was_deleted_can_be_given_again() -> None:
    stage = Stage()
    stage.create(call("dial", "c1"))
    stage.create({**output("c1", "ringing"), "id": "out"})
    stage.delete("out")
    stage.create(output("c1", "engaged"))
    stage.respond()
    assert stage.dialogue()[-1] == ("tool", "engaged")


@pytest.mark.parametrize("again", [call("hang_up", "c1"), output("c1", "engaged")])
def test_in_the_input_of_a_response_too(again: dict[str, str]) -> None:
    stage = Stage()
    stage.news()
    stage.respond(input=[call("dial", "c1"), output("c1", "ringing"), again])
    assert stage.news() == ["error invalid_tool_call_id response.input[2].call_id"]


def test_a_copy_of_a_call_beside_a_reference_to_it_is_read_once() -> None:
    stage = Stage()
    stage.create({**call("dial", "c1"), "id": "made"})
    stage.create({**output("c1", "ringing"), "id": "out"})
    references = [{"type": "item_reference", "id": name} for name in ("made", "out", "made")]
    stage.respond(input=[*references, call("dial", "c1")])
    assert [message.role for message in stage.prompt.messages] == ["assistant", "tool"]
    assert len(stage.prompt.messages[0].tool_calls) == 1


@pytest.mark.parametrize("arguments", ["{broken", "[1]", ""])
def test_broken_arguments_of_a_call_do_not_reach_the_model(arguments: str) -> None:
    stage = Stage()
    stage.create(call("dial", "c1", arguments))
    stage.create(output("c1", "ringing"))
    stage.respond()
    assert stage.prompt.messages[0].tool_calls[0].arguments == "{}"


# --- deleting and retrieving --------------------------------------------------------------------


def test_deleting_repairs_the_chain() -> None:
    stage = three_messages()
    stage.delete("c")
    assert stage.news() == ["deleted c", "DropAudio c"]
    stage.write("d", id="d")
    assert stage.news() == ["item.added d after b", "item.done d"]


def test_a_deleted_item_is_not_read() -> None:
    stage = three_messages()
    stage.delete("b")
    stage.respond()
    assert [words for _, words in stage.dialogue()] == ["a", "c"]


def test_an_item_cannot_be_deleted_twice() -> None:
    stage = three_messages()
    stage.delete("b")
    stage.news()
    stage.delete("b")
    assert stage.news() == ["error item_delete_invalid_item_id"]
    assert stage.error.message == "Error deleting item: the item with id 'b' does not exist."


def test_retrieve_gives_the_item() -> None:
    stage = three_messages()
    stage.retrieve("b")
    retrieved = stage.last(ConversationItemRetrieved).item
    assert isinstance(retrieved, MessageItem)
    assert retrieved.id == "b"


@pytest.mark.parametrize("action", ["retrieve", "delete"])
def test_an_unknown_id_is_refused_with_the_code_of_the_action(action: str) -> None:
    stage = Stage()
    stage.news()
    getattr(stage, action)("nobody")
    assert stage.news() == [f"error item_{action}_invalid_item_id"]


# --- speech that comes with an item -------------------------------------------------------------

ONE_AND_A_HALF_SECONDS = "AAAA" * 24_000


def test_speech_in_an_item_is_heard_before_it_is_answered() -> None:
    stage = Stage(**TRANSCRIBED)
    stage.news()
    stage.create(message("user", {"type": "input_audio", "audio": ONE_AND_A_HALF_SECONDS}))
    assert stage.news() == [
        "item.added item1 after -",
        "item.done item1",
        "HearClip hear1 72000 bytes",
        "KeepClip item1 72000 bytes",
    ]
    stage.respond()
    assert stage.news() == ["response.created resp1"]
    stage.heard("book a table")
    assert stage.news() == [
        "transcription.completed item1 'book a table'",
        "Generate generate1",
    ]
    assert stage.dialogue() == [("user", "book a table")]
    assert stage.last(TranscriptionCompleted).usage.seconds == 2


def test_speech_with_its_transcript_is_not_heard_again() -> None:
    stage = Stage()
    part = {"type": "input_audio", "audio": "AAAA", "transcript": "hello"}
    stage.create(message("user", part))
    stage.respond()
    assert stage.dialogue() == [("user", "hello")]
    assert not [o for o in stage.outputs if isinstance(o, HearClip)]


def test_speech_in_two_parts_is_heard_as_one_and_read_once() -> None:
    stage = Stage(**TRANSCRIBED)
    speech = {"type": "input_audio", "audio": "AAAA"}
    stage.create(message("user", speech, speech))
    stage.heard("book a table")
    stage.retrieve("item1")
    item = stage.last(ConversationItemRetrieved).item
    assert isinstance(item, MessageItem)
    assert item.content == (InputAudio(transcript="book a table"), InputAudio(transcript=""))
    stage.respond()
    assert stage.dialogue() == [("user", "book a table")]


def test_speech_in_the_input_of_a_response_is_heard_for_it() -> None:
    stage = Stage()
    stage.news()
    speech = message("user", {"type": "input_audio", "audio": "AAAA"})
    stage.respond(conversation="none", input=[speech])
    assert stage.news() == ["response.created resp1", "HearClip hear1 3 bytes"]
    stage.heard("hello")
    assert stage.dialogue() == [("user", "hello")]


def test_an_id_that_is_used_again_is_heard_anew() -> None:
    stage = Stage(**TRANSCRIBED)
    speech = message("user", {"type": "input_audio", "audio": ONE_AND_A_HALF_SECONDS})
    stage.create({**speech, "id": "speech"})
    stage.delete("speech")
    stage.create({**speech, "id": "speech"})
    stage.news()
    stage.heard("what was deleted", "hear1")
    assert stage.news() == []
    stage.heard("what was said", "hear2")
    assert [line.split()[:2] for line in stage.news()] == [["transcription.completed", "speech"]]
    stage.respond()
    assert stage.dialogue() == [("user", "what was said")]


def test_the_id_of_the_open_turn_is_taken() -> None:
    stage = Stage()
    stage.news()
    stage.speech(512)
    started = stage.last(SpeechStarted).item_id
    stage.write("me first", id=started)
    assert stage.news()[-1] == "error item_create_duplicate_item_id"
    stage.silence(512)
    assert "item.added item1 after -" in stage.news()


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"id": "root", "type": "message", "role": "user", "content": []}, "item.id"),
        *(
            (
                message("user", {"type": "input_image", "image_url": url}),
                "item.content[0].image_url",
            )
            for url in (
                "http://host/cat.png",
                "data:image/svg+xml;base64,AAAA",
                "data:image/png,AAAA",
                "data:image/png;base64,",
                "data:image/png;base64,no base64!",
                "data:image/jpeg;base64,AAA",
            )
        ),
    ],
)
def test_what_an_item_may_not_hold_is_named(item: dict[str, Any], param: str) -> None:
    stage = Stage()
    stage.create(item)
    assert (stage.error.code, stage.error.param) == ("invalid_value", param)
