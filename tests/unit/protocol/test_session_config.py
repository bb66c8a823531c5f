"""The merge rules of protocol section 2, and checklist rows 26 to 52."""

from typing import Any

import msgspec
import pytest

from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.protocol.errors import ErrorDetail, Refusal
from vivavoce.protocol.session_config import (
    PcmaFormat,
    PcmFormat,
    PcmuFormat,
    RealtimeSession,
    SemanticVad,
    ServerVad,
    TranscriptionConfig,
    TranscriptionSession,
    bytes_per_second,
    merge,
)
from vivavoce.protocol.tools import Tool

SESSION = RealtimeSession(id="sess_1", model="any", expires_at=3600)
TOOL = {"type": "function", "name": "dial"}


def updated(session: RealtimeSession = SESSION, **patch: Any) -> RealtimeSession:
    merged = merge(session, {"type": "realtime", **patch})
    assert isinstance(merged, RealtimeSession)
    return merged


def heard(session: RealtimeSession = SESSION, **audio_input: Any) -> RealtimeSession:
    return updated(session, audio={"input": audio_input})


def spoken(**audio_output: Any) -> RealtimeSession:
    return updated(audio={"output": audio_output})


def refused(**patch: Any) -> ErrorDetail:
    with pytest.raises(Refusal) as refusal:
        merge(SESSION, patch)
    return refusal.value.detail


# --- merging ------------------------------------------------------------------------------------


def test_an_update_of_nothing_changes_nothing() -> None:
    assert updated() == SESSION


def test_absent_keys_stay() -> None:
    first = updated(instructions="Be kind.", tools=[TOOL])
    second = updated(first, max_output_tokens=9)
    assert (second.instructions, len(second.tools)) == ("Be kind.", 1)


def test_nested_keys_are_merged_one_by_one() -> None:
    first = heard(transcription={"model": "any", "language": "de"})
    second = heard(first, turn_detection={"threshold": 0.9})
    assert second.audio.input.transcription == TranscriptionConfig(model="any", language="de")
    assert second.audio.input.turn_detection == ServerVad(threshold=0.9)
    assert second.audio.output == SESSION.audio.output


def test_a_turn_detection_of_another_type_starts_from_its_defaults() -> None:
    first = heard(turn_detection={"threshold": 0.9, "create_response": False})
    second = heard(first, turn_detection={"type": "semantic_vad", "eagerness": "low"})
    assert second.audio.input.turn_detection == SemanticVad(eagerness="low")


def test_null_clears_what_can_be_empty() -> None:
    first = heard(transcription={"model": "any"})
    cleared = heard(first, transcription=None, turn_detection=None).audio.input
    assert (cleared.transcription, cleared.turn_detection) == (None, None)


def test_turn_detection_comes_back_with_its_type() -> None:
    off = heard(turn_detection=None)
    on = heard(off, turn_detection={"type": "server_vad"})
    assert on.audio.input.turn_detection == ServerVad()


def test_empty_text_and_lists_clear() -> None:
    first = updated(instructions="Be kind.", tools=[TOOL])
    cleared = updated(first, instructions="", tools=[])
    assert (cleared.instructions, cleared.tools) == ("", ())


def test_a_tools_schema_is_replaced_and_not_merged() -> None:
    first = updated(tools=[{**TOOL, "parameters": {"type": "object", "required": ["a"]}}])
    second = updated(first, tools=[{**TOOL, "parameters": {"type": "object"}}])
    assert second.tools == (Tool(name="dial", parameters={"type": "object"}),)


def test_a_format_is_replaced_whole() -> None:
    assert spoken(format={"type": "audio/pcmu"}).audio.output.format == PcmuFormat()
    detail = refused(type="realtime", audio={"output": {"format": {"type": "audio/pcm"}}})
    assert detail.param == "session.audio.output.format.rate"


def test_the_old_session_is_untouched() -> None:
    updated(instructions="Be kind.")
    assert SESSION.instructions == ""


def test_defaults() -> None:
    assert SESSION.audio.input.turn_detection == ServerVad(
        threshold=0.5, prefix_padding_ms=300, silence_duration_ms=500
    )
    assert SESSION.output_modalities == ("audio",)
    assert SESSION.audio.input.format == PcmFormat(rate=24_000)


# --- what is accepted ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "patch",
    [
        {"output_modalities": ["text"]},
        {"max_output_tokens": 1},
        {"max_output_tokens": 4096},
        {"max_output_tokens": "inf"},
        {"tracing": "auto"},
        {"tracing": {"workflow_name": "w", "group_id": "g", "metadata": {"a": 1}}},
        {"truncation": "auto"},
        {"truncation": "disabled"},
        {"truncation": {"type": "retention_ratio", "retention_ratio": 0.8}},
        {"reasoning": {"effort": "low"}},
        {"parallel_tool_calls": True},
        {"model": "any"},
        {"tools": [TOOL], "tool_choice": "required"},
        {"tools": [TOOL], "tool_choice": {"type": "function", "name": "dial"}},
        {"tool_choice": "none"},
        {"prompt": None},
        {"include": None},
        {"audio": {"input": {"noise_reduction": None}}},
        {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 48_000}}}},
        {"audio": {"output": {"voice": {"id": "voice_1"}}}},
        {"audio": {"output": {"speed": 0.25}}},
        {"audio": {"output": {"speed": 1.5}}},
        {"audio": {"output": {"speed": 1}}},
        {"audio": {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": None}}}},
    ],
)
def test_accepted(patch: dict[str, Any]) -> None:
    shown = msgspec.json.decode(msgspec.json.encode(updated(**patch)))
    for key in patch.keys() - {"audio"}:
        assert shown[key] == patch[key]


@pytest.mark.parametrize("eagerness", ["low", "medium", "high", "auto"])
def test_semantic_vad_with_every_eagerness(eagerness: Any) -> None:
    session = heard(turn_detection={"type": "semantic_vad", "eagerness": eagerness})
    assert session.audio.input.turn_detection == SemanticVad(eagerness=eagerness)


@pytest.mark.parametrize("name", ["audio/pcmu", "audio/pcma"])
def test_g711_in_and_out(name: str) -> None:
    expected = {"audio/pcmu": PcmuFormat(), "audio/pcma": PcmaFormat()}[name]
    assert heard(format={"type": name}).audio.input.format == expected
    assert spoken(format={"type": name}).audio.output.format == expected


def test_fields_that_are_only_input_are_not_echoed() -> None:
    shown = updated(reasoning={"effort": "low"}, parallel_tool_calls=True).echoed()
    assert not {"reasoning", "parallel_tool_calls"} & msgspec.to_builtins(shown).keys()


def test_the_echo_fills_what_is_not_set_with_null() -> None:
    shown = msgspec.to_builtins(heard(transcription={"model": "any"}).echoed())
    assert shown["audio"]["input"]["transcription"] == {
        "model": "any",
        "language": None,
        "prompt": None,
    }
    assert shown["audio"]["input"]["noise_reduction"] is None
    assert shown["tracing"] is None


# --- what is refused ----------------------------------------------------------------------------

VAD = "session.audio.input.turn_detection"
REFUSED = [
    ({}, "missing_required_parameter", "session.type"),
    ({"type": "other"}, "invalid_value", "session.type"),
    ({"type": None}, "invalid_value", "session.type"),
    ({"type": "transcription"}, "invalid_parameter", None),
    ({"id": "sess_2"}, "unknown_parameter", "session.id"),
    ({"object": "o", "id": "i", "expires_at": 1}, "unknown_parameter", "session.object"),
    ({"audio": {"input": {"gain": 2}}}, "unknown_parameter", "session.audio.input.gain"),
    ({"audio": None}, "invalid_type", "session.audio"),
    ({"model": "other"}, "invalid_value", "session.model"),
    ({"output_modalities": ["audio", "text"]}, "invalid_value", "session.output_modalities"),
    ({"output_modalities": []}, "invalid_value", "session.output_modalities"),
    ({"max_output_tokens": 0}, "integer_below_min_value", "session.max_output_tokens"),
    ({"max_output_tokens": 4097}, "integer_above_max_value", "session.max_output_tokens"),
    ({"tool_choice": "required"}, "invalid_value", "session.tool_choice"),
    (
        {"tools": [TOOL], "tool_choice": {"type": "function", "name": "other"}},
        "invalid_value",
        "session.tool_choice",
    ),
    (
        {"tools": [{"type": "mcp", "server_label": "a"}]},
        "missing_required_parameter",
        "session.tools[0].server_url",
    ),
    ({"prompt": {"id": "p"}}, "invalid_value", "session.prompt"),
    (
        {"include": ["item.input_audio_transcription.logprobs"]},
        "invalid_value",
        "session.include",
    ),
    (
        {"audio": {"input": {"noise_reduction": {"type": "near_field"}}}},
        "invalid_value",
        "session.audio.input.noise_reduction",
    ),
    (
        {"audio": {"input": {"format": "pcm16"}}},
        "invalid_type",
        "session.audio.input.format",
    ),
    (
        {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16_000}}}},
        "integer_below_min_value",
        "session.audio.input.format.rate",
    ),
    (
        {"audio": {"output": {"speed": 0.2}}},
        "decimal_below_min_value",
        "session.audio.output.speed",
    ),
    (
        {"audio": {"output": {"speed": 1.6}}},
        "decimal_above_max_value",
        "session.audio.output.speed",
    ),
    (
        {"audio": {"input": {"turn_detection": {"threshold": 1.1}}}},
        "decimal_above_max_value",
        f"{VAD}.threshold",
    ),
    (
        {"audio": {"input": {"turn_detection": {"silence_duration_ms": -1}}}},
        "integer_below_min_value",
        f"{VAD}.silence_duration_ms",
    ),
    (
        {"audio": {"input": {"turn_detection": {"idle_timeout_ms": 4999}}}},
        "integer_below_min_value",
        f"{VAD}.idle_timeout_ms",
    ),
    (
        {"audio": {"input": {"turn_detection": {"type": "other"}}}},
        "invalid_value",
        f"{VAD}.type",
    ),
]


@pytest.mark.parametrize(("patch", "code", "param"), REFUSED)
def test_refused(patch: dict[str, Any], code: str, param: str | None) -> None:
    typed = patch if not patch or "type" in patch else {"type": "realtime", **patch}
    detail = refused(**typed)
    assert (detail.code, detail.param) == (code, param)


def test_tracing_is_fixed_once_it_is_set() -> None:
    traced = updated(tracing="auto")
    assert updated(traced, tracing="auto") == traced
    with pytest.raises(Refusal) as refusal:
        updated(traced, tracing=None)
    assert refusal.value.detail.param == "session.tracing"


def test_a_transcription_session_on_a_realtime_connection_is_refused_in_known_words() -> None:
    assert refused(type="transcription").message == (
        "Passing a transcription session update event to a realtime session is not allowed."
    )


def test_a_transcription_session_has_no_answers_to_set() -> None:
    session = TranscriptionSession(id="sess_1")
    merged = merge(session, {"type": "transcription", "audio": {"input": {"transcription": None}}})
    assert merged == session
    with pytest.raises(Refusal) as refusal:
        merge(session, {"type": "transcription", "audio": {"output": {}}})
    assert refusal.value.detail.param == "session.audio.output"


@pytest.mark.parametrize(
    ("audio_format", "expected"),
    [(PcmFormat(rate=24_000), 48_000), (PcmuFormat(), 8_000), (PcmaFormat(), 8_000)],
)
def test_bytes_per_second(audio_format: Any, expected: int) -> None:
    assert bytes_per_second(audio_format) == expected


@pytest.mark.parametrize(
    ("key", "value", "default"),
    [
        ("instructions", "Be brief.", ""),
        ("tools", [{"type": "function", "name": "look"}], ()),
        ("tool_choice", "none", "auto"),
        ("max_output_tokens", 50, "inf"),
        ("truncation", "disabled", "auto"),
    ],
)
def test_null_clears(key: str, value: object, default: object) -> None:
    changed = merge(RealtimeSession(), {"type": "realtime", key: value})
    assert getattr(changed, key) != default
    assert getattr(merge(changed, {"type": "realtime", key: None}), key) == default


@pytest.mark.parametrize(
    ("field", "value"), [("languages", ["de"]), ("keywords", ["Vivavoce"]), ("delay", "low")]
)
def test_settings_of_other_recognisers_are_refused_by_name(field: str, value: object) -> None:
    transcription = {"model": "whisper-1", field: value}
    patch = {"type": "realtime", "audio": {"input": {"transcription": transcription}}}
    with pytest.raises(Refusal) as refused:
        merge(RealtimeSession(), patch)
    assert refused.value.detail.param == f"session.audio.input.transcription.{field}"
    transcription[field] = None
    merge(RealtimeSession(), patch)


# --- what depends on the recogniser ---------------------------------------------------------------

HEARING: dict[str, dict[str, Any]] = {
    "languages": {"audio": {"input": {"transcription": {"languages": ["en", "de"]}}}},
    "keywords": {"audio": {"input": {"transcription": {"keywords": ["Vivavoce"]}}}},
    "logprobs": {"include": ["item.input_audio_transcription.logprobs"]},
}


@pytest.mark.parametrize("ability", HEARING)
def test_a_setting_is_taken_where_the_recogniser_has_it(ability: str) -> None:
    patch = {"type": "realtime", **HEARING[ability]}
    with pytest.raises(Refusal):
        merge(RealtimeSession(), patch)
    able = HearingAbilities(**{ability: True})
    assert merge(RealtimeSession(), patch, able) != RealtimeSession()


def test_no_recogniser_has_a_delay() -> None:
    able = HearingAbilities(streams=True, languages=True, keywords=True, logprobs=True)
    patch = {"type": "realtime", "audio": {"input": {"transcription": {"delay": "low"}}}}
    with pytest.raises(Refusal):
        merge(RealtimeSession(), patch, able)
