import json
from typing import Any

import pytest

from vivavoce.dialects import ga
from vivavoce.protocol.client_events import (
    CLIENT_EVENTS,
    ConversationItemCreate,
    ConversationItemTruncate,
    InputAudioBufferAppend,
    ResponseCreate,
    SessionUpdate,
)
from vivavoce.protocol.errors import ErrorDetail, Refusal
from vivavoce.protocol.items import InputText, MessageItem
from vivavoce.protocol.server_events import (
    ConversationItemAdded,
    ConversationItemRetrieved,
    Error,
    OutputAudioDelta,
    ServerEvent,
    SessionUpdated,
)
from vivavoce.protocol.session_config import RealtimeSession


def refusal(frame: str | bytes | dict[str, Any]) -> ErrorDetail:
    if isinstance(frame, dict):
        frame = json.dumps(frame)
    with pytest.raises(Refusal) as refused:
        ga.decode(frame)
    return refused.value.detail


def shown(event: ServerEvent) -> Any:
    (frame,) = ga.encode(event)
    return json.loads(frame)


def code_and_param(frame: dict[str, Any]) -> tuple[str | None, str | None]:
    detail = refusal(frame)
    return detail.code, detail.param


def message(**item: Any) -> dict[str, Any]:
    given = {"type": "message", "role": "user", "content": [], **item}
    return {"type": "conversation.item.create", "item": given}


def respond(**params: Any) -> dict[str, Any]:
    return {"type": "response.create", "response": params}


# --- what can be read ---------------------------------------------------------------------------


def test_an_event_becomes_its_value() -> None:
    frame = message(content=[{"type": "input_text", "text": "hello"}], id="x" * 32)
    assert ga.decode(json.dumps(frame)) == ConversationItemCreate(
        item=MessageItem(id="x" * 32, role="user", content=(InputText(text="hello"),))
    )


def test_text_and_bytes_are_read_alike() -> None:
    frame = '{"type": "input_audio_buffer.append", "audio": "AAAA", "event_id": "é"}'
    expected = InputAudioBufferAppend(audio="AAAA", event_id="é")
    assert ga.decode(frame) == ga.decode(frame.encode()) == expected


def test_a_session_update_keeps_its_object_for_the_merge() -> None:
    event = ga.decode('{"type": "session.update", "session": {"tools": null}}')
    assert event == SessionUpdate(session={"tools": None})


def test_response_create_needs_no_parameters() -> None:
    assert ga.decode('{"type": "response.create"}') == ResponseCreate()


def test_every_client_event_has_a_type_that_is_known() -> None:
    for name in CLIENT_EVENTS:
        assert refusal({"type": name, "surprise": 1}).code == "unknown_parameter"


# --- what cannot be read (protocol 9, rows 16 to 22) --------------------------------------------


def test_a_binary_frame_is_an_invalid_event() -> None:
    assert ga.binary_frame().code == "invalid_event"


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "hello",
        b"\xff\xfe",
        '{"type": "response.cancel"',
        '{"type": "nope", broken',
        '{"type": "response.cancel", "event_id": "\\ud800"}',
        "[" * 100_000,
        '{"type": "session.update", "session": ' + '{"a":' * 100_000,
    ],
    ids=lambda frame: repr(frame[:20]),
)
def test_broken_json_is_invalid_json(frame: str | bytes) -> None:
    detail = refusal(frame)
    assert (detail.type, detail.code, detail.param) == (
        "invalid_request_error",
        "invalid_json",
        None,
    )


@pytest.mark.parametrize("frame", ["[]", "5", "null", '"hello"', "{}", '{"type": 5}'])
def test_json_without_a_type_is_an_invalid_event(frame: str) -> None:
    detail = refusal(frame)
    assert (detail.code, detail.param) == ("invalid_event", None)


def test_an_unknown_type_is_told_what_there_is() -> None:
    detail = refusal({"type": "response.explode", "event_id": "mine"})
    assert (detail.code, detail.param, detail.event_id) == ("invalid_value", "type", "mine")
    assert detail.message.startswith("Invalid value: 'response.explode'. Supported values are: ")
    for name in CLIENT_EVENTS:
        assert f"'{name}'" in detail.message


def test_output_audio_buffer_clear_is_not_for_websockets() -> None:
    assert code_and_param({"type": "output_audio_buffer.clear"}) == ("invalid_value", "type")


def test_the_clients_event_id_comes_back() -> None:
    assert refusal({"type": "response.cancel", "x": 1, "event_id": "mine"}).event_id == "mine"
    assert refusal({"type": "response.cancel", "x": 1}).event_id is None


def test_an_event_id_has_at_most_512_characters() -> None:
    ga.decode(json.dumps({"type": "response.cancel", "event_id": "x" * 512}))
    frame = {"type": "response.cancel", "event_id": "x" * 513}
    assert code_and_param(frame) == ("string_above_max_length", "event_id")


@pytest.mark.parametrize(
    ("frame", "code", "param"),
    [
        ({"type": "input_audio_buffer.append"}, "missing_required_parameter", "audio"),
        ({"type": "input_audio_buffer.append", "audio": 5}, "invalid_type", "audio"),
        ({"type": "session.update"}, "missing_required_parameter", "session"),
        ({"type": "session.update", "session": None}, "invalid_type", "session"),
        (
            {"type": "conversation.item.truncate", "item_id": "a", "content_index": 0},
            "missing_required_parameter",
            "audio_end_ms",
        ),
        (message(id="x" * 33), "string_above_max_length", "item.id"),
        (message(colour="red"), "unknown_parameter", "item.colour"),
        (message(role="robot"), "invalid_value", "item.role"),
        (message(type="mcp_anything"), "invalid_value", "item.type"),
        (
            message(content=[{"type": "input_text"}]),
            "missing_required_parameter",
            "item.content[0].text",
        ),
        (message(content="hello"), "invalid_type", "item.content"),
        (respond(max_output_tokens=0), "integer_below_min_value", "response.max_output_tokens"),
        (respond(max_output_tokens=4097), "integer_above_max_value", "response.max_output_tokens"),
        (respond(metadata={"a": 1}), "invalid_type", "response.metadata.a"),
        (respond(conversation="other"), "invalid_value", "response.conversation"),
        (respond(output_modalities=["video"]), "invalid_value", "response.output_modalities[0]"),
        (
            respond(audio={"output": {"format": "pcm16"}}),
            "invalid_type",
            "response.audio.output.format",
        ),
        (
            respond(audio={"output": {"format": {"type": "audio/pcm"}}}),
            "missing_required_parameter",
            "response.audio.output.format.rate",
        ),
        (respond(modalities=["text"]), "unknown_parameter", "response.modalities"),
        (respond(temperature=0.8), "unknown_parameter", "response.temperature"),
        (
            {"type": "session.update", "session": {"temperature": 0.8}},
            "unknown_parameter",
            "session.temperature",
        ),
    ],
)
def test_a_field_at_fault_is_named(frame: dict[str, Any], code: str, param: str) -> None:
    assert code_and_param(frame) == (code, param)


@pytest.mark.parametrize(
    ("value", "code"),
    [(-1, "integer_below_min_value"), (1.5, "invalid_type"), ("1", "invalid_type")],
)
def test_milliseconds_are_whole_and_not_negative(value: object, code: str) -> None:
    event = {"type": "conversation.item.truncate", "item_id": "a", "content_index": 0}
    assert ga.decode(json.dumps({**event, "audio_end_ms": 5})) == ConversationItemTruncate(
        item_id="a", content_index=0, audio_end_ms=5
    )
    assert code_and_param({**event, "audio_end_ms": value}) == (code, "audio_end_ms")


# --- what is sent -------------------------------------------------------------------------------


def test_audio_is_sent_as_base64() -> None:
    event = OutputAudioDelta(response_id="r", item_id="i", output_index=0, delta=b"\x01\x02\x03")
    assert shown(event)["delta"] == "AQID"


def test_keys_that_the_wire_leaves_out_are_absent_and_null_ones_are_null() -> None:
    item = MessageItem(id="i", role="user", content=())
    sent = shown(ConversationItemAdded(previous_item_id=None, item=item))
    assert sent["previous_item_id"] is None
    assert sent["item"] == {
        "type": "message",
        "id": "i",
        "status": "completed",
        "role": "user",
        "content": [],
    }


def test_an_error_has_all_its_keys() -> None:
    sent = shown(Error(event_id="e", error=ErrorDetail(code=None, message="No.")))
    assert sent == {
        "type": "error",
        "event_id": "e",
        "error": {
            "type": "invalid_request_error",
            "code": None,
            "message": "No.",
            "param": None,
            "event_id": None,
        },
    }


def test_what_was_sent_can_be_read_again() -> None:
    item = MessageItem(id="i", role="user", content=(InputText(text="hello"),))
    sent = shown(ConversationItemRetrieved(item=item))
    again = {"type": "conversation.item.create", "item": sent["item"]}
    assert ga.decode(json.dumps(again)) == ConversationItemCreate(item=item)


def test_a_temperature_that_a_beta_client_has_set_is_not_shown() -> None:
    event = SessionUpdated(session=RealtimeSession(temperature=0.9))
    assert "temperature" not in shown(event)["session"]
    assert event.session == RealtimeSession(temperature=0.9)


def test_a_call_id_of_other_letters_is_refused() -> None:
    item = {"type": "function_call_output", "call_id": "c 1", "output": ""}
    with pytest.raises(Refusal) as refused:
        ga.decode(json.dumps({"type": "conversation.item.create", "item": item}))
    detail = refused.value.detail
    assert (detail.code, detail.param) == ("invalid_value", "item.call_id")


def test_unknown_keys_of_references_and_listed_tools_are_refused() -> None:
    reference = {"type": "item_reference", "id": "a", "role": "user"}
    assert code_and_param(respond(input=[reference])) == (
        "unknown_parameter",
        "response.input[0].role",
    )
    listing = {"type": "mcp_list_tools", "server_label": "dice", "tools": [{"name": "a", "zz": 1}]}
    event = {"type": "conversation.item.create", "item": listing}
    assert code_and_param(event) == ("unknown_parameter", "item.tools[0].zz")
