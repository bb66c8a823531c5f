"""The translation between the beta dialect and the machine's values (protocol 2.7)."""

import json
from typing import Any

import pytest

from vivavoce.dialects import beta, ga
from vivavoce.protocol.client_events import (
    CLIENT_EVENTS,
    ConversationItemCreate,
    ResponseCreate,
    ResponseParams,
    SessionUpdate,
)
from vivavoce.protocol.errors import ErrorDetail, Refusal, unknown_parameter
from vivavoce.protocol.items import (
    FunctionCallItem,
    InputText,
    ItemReference,
    MessageItem,
    OutputAudio,
    OutputText,
)
from vivavoce.protocol.server_events import (
    ConversationItemAdded,
    ConversationItemDone,
    Error,
    FunctionCallArgumentsDone,
    OutputAudioDelta,
    OutputTextDone,
    RateLimit,
    RateLimitsAtStart,
    RateLimitsUpdated,
    ServerEvent,
    SessionCreated,
    SessionUpdated,
    TimeoutTriggered,
)
from vivavoce.protocol.session_config import (
    Audio,
    AudioInput,
    AudioOutput,
    PcmaFormat,
    PcmuFormat,
    RealtimeSession,
    ServerVad,
    TranscriptionSession,
    VoiceId,
    merge,
)
from vivavoce.protocol.tools import Tool, ToolChoiceFunction


def decoded(kind: str, **fields: Any) -> Any:
    return beta.decode(json.dumps({"type": kind, **fields}))


def refused(kind: str, **fields: Any) -> ErrorDetail:
    with pytest.raises(Refusal) as refusal:
        decoded(kind, **fields)
    return refusal.value.detail


def patch(**session: Any) -> dict[str, Any]:
    event = decoded("session.update", session=session)
    assert isinstance(event, SessionUpdate)
    return event.session


def updated(session: RealtimeSession, **flat: Any) -> dict[str, Any]:
    """The session as it is shown after an update that the machine has merged."""
    merged = merge(session, patch(**flat))
    sent: dict[str, Any] = shown(SessionUpdated(session=merged))["session"]
    return sent


def shown(event: ServerEvent) -> Any:
    (frame,) = beta.encode(event)
    return json.loads(frame)


# --- sessions -----------------------------------------------------------------------------------


def test_a_session_is_shown_flat_in_the_order_of_the_live_service() -> None:
    session = shown(SessionCreated(session=RealtimeSession(id="sess_1", model="m")))["session"]
    assert list(session) == [
        "id",
        "object",
        "expires_at",
        "input_audio_noise_reduction",
        "turn_detection",
        "input_audio_format",
        "input_audio_transcription",
        "client_secret",
        "include",
        "model",
        "modalities",
        "instructions",
        "voice",
        "output_audio_format",
        "tool_choice",
        "temperature",
        "max_response_output_tokens",
        "speed",
        "tracing",
        "tools",
    ]
    assert session["modalities"] == ["audio", "text"]
    assert session["temperature"] == 0.8
    assert session["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "create_response": True,
        "interrupt_response": True,
    }


FLAT: dict[str, Any] = {
    "modalities": ["text"],
    "instructions": "Be kind.",
    "voice": "ash",
    "speed": 1.25,
    "input_audio_format": "g711_ulaw",
    "output_audio_format": "g711_alaw",
    "input_audio_transcription": {"model": "whisper-1", "language": "de", "prompt": None},
    "input_audio_noise_reduction": None,
    "turn_detection": None,
    "tools": [{"type": "function", "name": "dial", "parameters": {"type": "object"}}],
    "tool_choice": "required",
    "temperature": 0.6,
    "max_response_output_tokens": 4096,
    "tracing": "auto",
    "model": "m",
}


def test_every_field_of_an_update_comes_back_as_it_was_set() -> None:
    session = updated(RealtimeSession(model="m"), **FLAT)
    assert {name: session[name] for name in FLAT} == FLAT


def test_what_was_shown_can_be_sent_again() -> None:
    session = updated(RealtimeSession(model="m"), **FLAT)
    read_only = ("id", "object", "expires_at")
    again = {name: value for name, value in session.items() if name not in read_only}
    assert updated(RealtimeSession(model="m"), **again) == session


def test_an_update_is_one_of_the_machines_values() -> None:
    merged = merge(RealtimeSession(model="m"), patch(**FLAT))
    assert isinstance(merged, RealtimeSession)
    assert merged.output_modalities == ("text",)
    assert merged.temperature == 0.6
    assert merged.audio.input.format == PcmuFormat()
    assert merged.audio.output == AudioOutput(format=PcmaFormat(), voice="ash", speed=1.25)


def test_an_update_needs_no_type_and_has_none() -> None:
    assert patch() == {"type": "realtime"}
    detail = refused("session.update", session={"type": "realtime"})
    assert (detail.code, detail.param) == ("unknown_parameter", "session.type")


def test_turn_detection_none_means_null() -> None:
    turned_off = patch(turn_detection={"type": "none"})
    assert turned_off == patch(turn_detection=None)
    assert updated(RealtimeSession(), turn_detection={"type": "none"})["turn_detection"] is None


def test_nested_fields_are_merged_one_by_one() -> None:
    session = updated(RealtimeSession(), turn_detection={"threshold": 0.25})
    assert session["turn_detection"]["threshold"] == 0.25
    assert session["turn_detection"]["silence_duration_ms"] == 500


@pytest.mark.parametrize("both", [["audio", "text"], ["text", "audio"]])
def test_speech_and_text_together_is_what_ga_calls_audio(both: list[str]) -> None:
    assert patch(modalities=both)["output_modalities"] == ["audio"]


@pytest.mark.parametrize(
    "choice",
    [
        "dial",
        {"type": "function", "name": "dial"},
        {"type": "function", "function": {"name": "dial"}},
    ],
)
def test_all_forms_of_a_forced_tool(choice: Any) -> None:
    tool = {"type": "function", "name": "dial"}
    merged = merge(RealtimeSession(), patch(tools=[tool], tool_choice=choice))
    assert isinstance(merged, RealtimeSession)
    assert merged.tool_choice == ToolChoiceFunction(name="dial")
    assert shown(SessionUpdated(session=merged))["session"]["tool_choice"] == "dial"


@pytest.mark.parametrize("mode", ["auto", "none", "required"])
def test_a_tool_choice_that_is_a_mode(mode: str) -> None:
    assert patch(tool_choice=mode)["tool_choice"] == mode


def test_a_tool_may_leave_out_its_type() -> None:
    assert updated(RealtimeSession(), tools=[{"name": "dial"}])["tools"] == [
        {"type": "function", "name": "dial"}
    ]


def test_what_came_with_ga_is_not_shown() -> None:
    session = RealtimeSession(
        reasoning=None,
        tools=(Tool(name="dial"),),
        audio=Audio(
            input=AudioInput(turn_detection=ServerVad(idle_timeout_ms=6000)),
            output=AudioOutput(voice=VoiceId(id="voice_1")),
        ),
    )
    sent = shown(SessionCreated(session=session))["session"]
    assert sent["voice"] == "voice_1"
    assert "idle_timeout_ms" not in sent["turn_detection"]
    assert not {"audio", "truncation", "prompt", "reasoning", "output_modalities"} & sent.keys()


def test_a_transcription_session_has_its_own_events() -> None:
    event = decoded(
        "transcription_session.update",
        session={
            "input_audio_transcription": {"model": "whisper-1"},
            "turn_detection": {"type": "none"},
            "modalities": ["text"],
        },
    )
    merged = merge(TranscriptionSession(id="sess_1"), event.session)
    sent = shown(SessionUpdated(session=merged))
    assert sent["type"] == "transcription_session.updated"
    assert sent["session"]["object"] == "realtime.transcription_session"
    assert sent["session"]["input_audio_transcription"]["model"] == "whisper-1"
    assert sent["session"]["turn_detection"] is None
    assert shown(SessionCreated(session=merged))["type"] == "session.created"


def test_each_update_is_for_its_kind_of_session() -> None:
    event = decoded("transcription_session.update", session={})
    with pytest.raises(Refusal) as refusal:
        merge(RealtimeSession(), event.session)
    assert refusal.value.detail.code == "invalid_parameter"


# --- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({"temperature": 0.5}, "decimal_below_min_value", "temperature"),
        ({"temperature": 1.3}, "decimal_above_max_value", "temperature"),
        ({"temperature": "warm"}, "invalid_type", "temperature"),
        ({"modalities": ["audio"]}, "invalid_value", "modalities"),
        ({"modalities": []}, "invalid_value", "modalities"),
        ({"modalities": ["text", "smell"]}, "invalid_value", "modalities[1]"),
        ({"modalities": "text"}, "invalid_type", "modalities"),
        ({"input_audio_format": "mp3"}, "invalid_value", "input_audio_format"),
        ({"output_audio_format": {"type": "audio/pcm"}}, "invalid_type", "output_audio_format"),
        ({"audio": {}}, "unknown_parameter", "audio"),
        ({"output_modalities": ["text"]}, "unknown_parameter", "output_modalities"),
        ({"truncation": "auto"}, "unknown_parameter", "truncation"),
        ({"tools": [{"type": "mcp", "server_label": "a"}]}, "invalid_value", "tools[0].type"),
        (
            {"tool_choice": {"type": "mcp", "server_label": "a"}},
            "invalid_value",
            "tool_choice.type",
        ),
        (
            {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 6000}},
            "unknown_parameter",
            "turn_detection.idle_timeout_ms",
        ),
    ],
)
def test_what_beta_does_not_have_is_refused(session: dict[str, Any], code: str, param: str) -> None:
    detail = refused("session.update", session=session, event_id="mine")
    assert (detail.code, detail.param) == (code, f"session.{param}")
    assert detail.event_id == "mine"


@pytest.mark.parametrize(
    ("flat", "code", "param"),
    [
        (
            {"turn_detection": {"threshold": 2}},
            "decimal_above_max_value",
            "turn_detection.threshold",
        ),
        ({"turn_detection": {"type": "ears"}}, "invalid_value", "turn_detection.type"),
        (
            {"input_audio_transcription": {"model": 5}},
            "invalid_type",
            "input_audio_transcription.model",
        ),
        ({"speed": 9}, "decimal_above_max_value", "speed"),
        ({"voice": 5}, "invalid_type", "voice"),
        (
            {"max_response_output_tokens": 0},
            "integer_below_min_value",
            "max_response_output_tokens",
        ),
        ({"tool_choice": "dial"}, "invalid_value", "tool_choice"),
    ],
)
def test_what_the_machine_refuses_is_told_in_the_clients_terms(
    flat: dict[str, Any], code: str, param: str
) -> None:
    with pytest.raises(Refusal) as refusal:
        merge(RealtimeSession(), patch(**flat))
    error = shown(Error(error=refusal.value.detail))["error"]
    assert (error["code"], error["param"]) == (code, f"session.{param}")
    assert "audio.input" not in error["message"]
    assert "audio.output" not in error["message"]


def test_an_error_names_the_old_path_in_its_text() -> None:
    detail = unknown_parameter("session.audio.input.turn_detection.colour").detail
    assert shown(Error(event_id="e", error=detail)) == {
        "type": "error",
        "event_id": "e",
        "error": {
            "type": "invalid_request_error",
            "code": "unknown_parameter",
            "message": "Unknown parameter: 'session.turn_detection.colour'.",
            "param": "session.turn_detection.colour",
            "event_id": None,
        },
    }


@pytest.mark.parametrize("frame", ["[]", "5", "{}", '{"type": 5}'])
def test_json_without_a_type_is_an_invalid_event(frame: str) -> None:
    with pytest.raises(Refusal) as refusal:
        beta.decode(frame)
    assert refusal.value.detail.code == "invalid_event"


@pytest.mark.parametrize("frame", ["", "{", b"\xff", "[" * 100_000])
def test_broken_json_is_invalid_json(frame: str | bytes) -> None:
    with pytest.raises(Refusal) as refusal:
        beta.decode(frame)
    assert refusal.value.detail.code == "invalid_json"


def test_an_unknown_type_is_told_what_there_is() -> None:
    detail = refused("response.explode", event_id="mine")
    assert (detail.code, detail.param, detail.event_id) == ("invalid_value", "type", "mine")
    for name in (*CLIENT_EVENTS, "transcription_session.update"):
        assert f"'{name}'" in detail.message


@pytest.mark.parametrize(
    ("kind", "fields", "code", "param"),
    [
        ("session.update", {}, "missing_required_parameter", "session"),
        ("session.update", {"session": None}, "invalid_type", "session"),
        ("transcription_session.update", {}, "missing_required_parameter", "session"),
        ("conversation.item.create", {}, "missing_required_parameter", "item"),
        ("conversation.item.create", {"item": 5}, "invalid_type", "item"),
        ("response.create", {"response": 5}, "invalid_type", "response"),
        ("response.create", {"response": {"speed": 1}}, "unknown_parameter", "response.speed"),
        ("response.create", {"response": {"input": 5}}, "invalid_type", "response.input"),
        (
            "response.create",
            {"response": {"max_response_output_tokens": 0}},
            "integer_below_min_value",
            "response.max_response_output_tokens",
        ),
        (
            "response.create",
            {"response": {"input": [{"type": "message", "role": "user"}]}},
            "missing_required_parameter",
            "response.input[0].content",
        ),
    ],
)
def test_a_field_at_fault_is_named(
    kind: str, fields: dict[str, Any], code: str, param: str
) -> None:
    detail = refused(kind, **fields)
    assert (detail.code, detail.param) == (code, param)


# --- items and responses ------------------------------------------------------------------------


def test_the_assistants_words_have_the_old_types() -> None:
    content = [{"type": "text", "text": "Hello."}]
    item = {"type": "message", "role": "assistant", "content": content, "id": "mine"}
    event = decoded("conversation.item.create", item=item, previous_item_id="root")
    message = MessageItem(id="mine", role="assistant", content=(OutputText(text="Hello."),))
    assert event == ConversationItemCreate(item=message, previous_item_id="root")
    sent = shown(ConversationItemAdded(event_id="e", previous_item_id=None, item=message))
    assert sent == {
        "type": "conversation.item.created",
        "event_id": "e",
        "previous_item_id": None,
        "item": {
            "id": "mine",
            "object": "realtime.item",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": content,
        },
    }


@pytest.mark.parametrize(
    ("role", "kind"),
    [
        ("assistant", "output_text"),
        ("assistant", "input_text"),
        ("user", "text"),
        ("user", "input_image"),
        ("system", "input_audio"),
    ],
)
def test_content_of_another_role_or_dialect_is_refused(role: str, kind: str) -> None:
    item = {"type": "message", "role": role, "content": [{"type": kind, "text": "x"}]}
    detail = refused("conversation.item.create", item=item)
    assert (detail.code, detail.param) == ("invalid_value", "item.content[0].type")
    assert detail.message.startswith(f"Invalid value: '{kind}'. Supported values are: ")


def test_the_words_of_truncated_speech_are_absent() -> None:
    item = MessageItem(id="i", role="assistant", content=(OutputAudio(),))
    sent = shown(ConversationItemAdded(previous_item_id=None, item=item))
    assert sent["item"]["content"] == [{"type": "audio"}]


def test_a_response_has_the_old_names() -> None:
    event = decoded(
        "response.create",
        response={
            "modalities": ["audio", "text"],
            "temperature": 1,
            "max_response_output_tokens": "inf",
            "voice": "ash",
            "output_audio_format": "g711_alaw",
            "conversation": "none",
            "metadata": {"a": "b"},
            "input": [
                {"type": "item_reference", "id": "i"},
                {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "hello"}],
                },
            ],
        },
    )
    assert isinstance(event, ResponseCreate)
    params = event.response
    assert isinstance(params, ResponseParams)
    assert (params.output_modalities, params.temperature) == (("audio",), 1.0)
    assert params.audio.output.voice == "ash"  # type: ignore[union-attr]
    assert params.input == (
        ItemReference(id="i"),
        MessageItem(role="user", content=(InputText(text="hello"),)),
    )


# --- other events -------------------------------------------------------------------------------


def test_events_have_the_old_names() -> None:
    place: dict[str, Any] = {"response_id": "r", "item_id": "i", "output_index": 0}
    delta = shown(OutputAudioDelta(**place, delta=b"\x01\x02\x03"))
    assert (delta["type"], delta["delta"]) == ("response.audio.delta", "AQID")
    assert shown(OutputTextDone(**place, text="x"))["type"] == "response.text.done"


def test_limits_are_told_when_a_response_begins_and_not_when_it_ends() -> None:
    left = (RateLimit(name="requests", limit=60, remaining=59, reset_seconds=1.0),)
    begun = shown(RateLimitsAtStart(event_id="e", rate_limits=left))
    assert (begun["type"], begun["event_id"]) == ("rate_limits.updated", "e")
    assert begun["rate_limits"][0]["remaining"] == 59
    assert beta.encode(RateLimitsUpdated(rate_limits=left)) == ()
    assert ga.encode(RateLimitsAtStart(rate_limits=left)) == ()


def test_the_name_of_a_call_is_in_its_item() -> None:
    done = FunctionCallArgumentsDone(
        response_id="r", item_id="i", output_index=0, call_id="c", name="dial", arguments="{}"
    )
    assert "name" not in shown(done)
    call = FunctionCallItem(id="i", name="dial", call_id="c", arguments="{}")
    sent = shown(ConversationItemAdded(previous_item_id=None, item=call))["item"]
    assert (sent["object"], sent["name"], sent["call_id"]) == ("realtime.item", "dial", "c")


def test_what_came_with_ga_is_not_sent() -> None:
    item = MessageItem(id="i", role="user", content=())
    assert beta.encode(ConversationItemDone(previous_item_id=None, item=item)) == ()
    timeout = TimeoutTriggered(audio_start_ms=0, audio_end_ms=1, item_id="i")
    assert beta.encode(timeout) == ()
