"""Rows 26 to 52: what `session.update` takes, what it refuses, and what it leaves as it was."""

import base64
import zlib
from typing import Any

import numpy as np
import pytest

from support.dialect_client import Connect, DialectClient
from support.server import Event
from support.sound import utterance
from vivavoce.audio import g711
from vivavoce.engines.stt.scripted import ScriptedRecognizer

DETECTION = "audio.input.turn_detection"
TRANSCRIPTION = "audio.input.transcription"
VOICE = "audio.output.voice"
PCM = {"type": "audio/pcm", "rate": 24_000}
LAWS = {
    "audio/pcmu": (g711.encode_mulaw, g711.decode_mulaw),
    "audio/pcma": (g711.encode_alaw, g711.decode_alaw),
}
HEARD_MS = 300 + 480 + 150
"""How long `utterance(480)` is heard: the padding, the tone, and the pad behind it."""
WORDS = "A tone is heard."
HERTZ = 200 + zlib.crc32(b"echo") % 400
"""The tone that the scripted synthesizer gives to this voice."""

TOOL = {"type": "function", "name": "sail", "description": "Set sail.", "parameters": {}}

AGENTS_JS: list[Event] = [
    {
        "type": "realtime",
        "instructions": "Be kind.",
        "model": "gpt-realtime-2.1",
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "format": PCM,
                "noise_reduction": None,
                "transcription": {"model": "gpt-4o-mini-transcribe"},
                "turn_detection": {"type": "semantic_vad"},
            },
            "output": {"format": PCM, "speed": 1},
        },
        "tool_choice": "auto",
        "tools": [TOOL],
    },
    {"type": "realtime", "tracing": "auto"},
]
"""What @openai/agents 0.20.0 sends when it connects."""

AGENTS_PYTHON: list[Event] = [
    {
        "type": "realtime",
        "instructions": "Be kind.",
        "model": "gpt-realtime-2.1",
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "format": PCM,
                "transcription": {"model": "gpt-4o-mini-transcribe"},
                "turn_detection": {"type": "semantic_vad", "interrupt_response": True},
            },
            "output": {"format": PCM, "voice": "ash"},
        },
        "tools": [TOOL],
    },
    {"type": "realtime", "tracing": {"workflow_name": "Realtime session"}},
]
"""What openai-agents 0.24.0 sends."""


def detection(**rules: Any) -> Event:
    """A change of `turn_detection`."""
    return {"input": {"turn_detection": rules}}


def transcription(**rules: Any) -> Event:
    """A change of `transcription`."""
    return {"input": {"transcription": rules}}


def voice(name: str) -> Event:
    """A change of the voice."""
    return {"output": {"voice": name}}


async def assert_unchanged(client: DialectClient, before: Event) -> None:
    """An update that changes nothing shows the session as it was."""
    assert await client.update() == before


# --- how updates are applied --------------------------------------------------------------------


async def test_row_026_an_update_needs_a_type(connect: Connect) -> None:
    async with connect() as client:
        error = await client.refused("session.update", session={"instructions": "Be kind."})
        assert (error["code"], error["param"]) == ("missing_required_parameter", "session.type")
        assert await client.update(instructions="Be kind.")


async def test_row_027_an_unknown_key_is_named_and_nothing_applied(connect: Connect) -> None:
    async with connect() as client:
        before = client.session
        error = await client.refused_update(instructions="Be kind.", colour="red")
        assert (error["code"], error["param"]) == ("unknown_parameter", "session.colour")
        await assert_unchanged(client, before)


async def test_row_028_one_bad_field_spoils_the_update(connect: Connect) -> None:
    async with connect() as client:
        before = client.session
        error = await client.refused_update(
            instructions="Be rude.", audio={**detection(type="server_vad", threshold=2)}
        )
        assert error["code"] == "decimal_above_max_value"
        assert error["param"] == client.dialect.path(f"session.{DETECTION}.threshold")
        await assert_unchanged(client, before)


async def test_row_029_other_fields_stay(connect: Connect) -> None:
    async with connect() as client:
        await client.update(instructions="Be kind.", tools=[TOOL])
        await client.update(audio=voice("echo"))
        assert client.shown("instructions") == "Be kind."
        assert [tool["name"] for tool in client.shown("tools")] == ["sail"]
        assert client.shown(VOICE) == "echo"


async def test_row_030_other_nested_fields_stay(connect: Connect) -> None:
    async with connect() as client:
        await client.update(audio=transcription(model="whisper-1", language="de"))
        await client.update(audio=detection(type="server_vad", threshold=0.7))
        assert client.shown(f"{TRANSCRIPTION}.language") == "de"
        await client.update(audio=detection(type="server_vad", silence_duration_ms=400))
        assert client.shown(f"{DETECTION}.threshold") == 0.7
        assert client.shown(f"{DETECTION}.silence_duration_ms") == 400


async def test_row_031_detection_is_switched_off_by_null(connect: Connect) -> None:
    async with connect() as client:
        await client.update(audio={"input": {"turn_detection": None}})
        assert client.shown(DETECTION) is None
        await client.append(utterance())
        await client.nothing_new()


async def test_row_032_empty_instructions_and_tools_clear_them(connect: Connect) -> None:
    async with connect() as client:
        await client.update(instructions="Be kind.", tools=[TOOL])
        await client.update(instructions="", tools=[])
        assert client.shown("instructions") == ""
        assert client.shown("tools") == []


# --- fields -------------------------------------------------------------------------------------


async def test_row_033_both_modalities_are_refused(connect: Connect) -> None:
    async with connect() as client:
        error = await client.refused_update(output_modalities=["audio", "text"])
        assert (error["code"], error["param"]) == ("invalid_value", "session.output_modalities")


async def refused_formats(connect: Connect, given: Any) -> list[Event]:
    """The errors that this format gets, as the input's and as the output's."""
    async with connect() as client:
        return [
            await client.refused_update(audio={way: {"format": given}})
            for way in ("input", "output")
        ]


def codes_and_params(errors: list[Event]) -> list[tuple[str, str]]:
    return [(error["code"], error["param"]) for error in errors]


async def test_row_034_pcm_needs_a_rate(connect: Connect) -> None:
    errors = await refused_formats(connect, {"type": "audio/pcm"})
    assert codes_and_params(errors) == [
        ("missing_required_parameter", "session.audio.input.format.rate"),
        ("missing_required_parameter", "session.audio.output.format.rate"),
    ]


async def test_row_035_a_rate_of_16000_is_too_low(connect: Connect) -> None:
    errors = await refused_formats(connect, {"type": "audio/pcm", "rate": 16_000})
    assert codes_and_params(errors) == [
        ("integer_below_min_value", "session.audio.input.format.rate"),
        ("integer_below_min_value", "session.audio.output.format.rate"),
    ]


async def test_row_036_a_format_is_an_object(connect: Connect) -> None:
    errors = await refused_formats(connect, "pcm16")
    assert codes_and_params(errors) == [
        ("invalid_type", "session.audio.input.format"),
        ("invalid_type", "session.audio.output.format"),
    ]


@pytest.mark.parametrize("law", LAWS)
async def test_row_037_g711_is_heard(connect: Connect, law: str) -> None:
    encode, _ = LAWS[law]
    async with connect() as client:
        await client.update(
            audio={"input": {"format": {"type": law}, "transcription": {"model": "whisper-1"}}}
        )
        assert client.shown("audio.input.format") == {"type": law}
        spoken = np.frombuffer(utterance(480), "<i2")[::3]  # the tone is far below 4 kHz
        await client.append(encode(spoken.tobytes()))
        completed = "conversation.item.input_audio_transcription.completed"
        heard = (await client.until(completed))["transcript"]
        assert int(heard.split()[0]) == pytest.approx(HEARD_MS, abs=32)


@pytest.mark.parametrize("law", LAWS)
async def test_row_037_g711_is_spoken(connect: Connect, law: str) -> None:
    _, decode = LAWS[law]
    async with connect(replies=f"rules: [{{say: '{WORDS}'}}]") as client:
        await client.update(audio={"output": {"format": {"type": law}, "voice": "echo"}})
        assert client.shown("audio.output.format") == {"type": law}
        await client.say("Hello.")
        await client.respond()
        deltas = client.of("response.output_audio.delta")
        encoded = b"".join(base64.b64decode(event["delta"]) for event in deltas)
        assert len(encoded) / 8 == pytest.approx(60 * len(WORDS), abs=5)
        spectrum = np.abs(np.fft.rfft(np.frombuffer(decode(encoded), "<i2")))
        pitch = np.argmax(spectrum) * 8000 / len(encoded)
        assert pitch == pytest.approx(HERTZ, abs=3)


@pytest.mark.parametrize("speed", [0.25, 1.5])
async def test_row_038_the_slowest_and_the_fastest_speed(connect: Connect, speed: float) -> None:
    async with connect() as client:
        await client.update(audio={"output": {"speed": speed}})
        assert client.shown("audio.output.speed") == speed


@pytest.mark.parametrize(
    ("speed", "code"), [(0.2, "decimal_below_min_value"), (1.6, "decimal_above_max_value")]
)
async def test_row_038_other_speeds_are_refused(connect: Connect, speed: float, code: str) -> None:
    async with connect() as client:
        error = await client.refused_update(audio={"output": {"speed": speed}})
        param = client.dialect.path("session.audio.output.speed")
        assert (error["code"], error["param"]) == (code, param)


@pytest.mark.parametrize("tokens", [1, 4096, "inf"])
async def test_row_039_the_bounds_of_max_output_tokens(connect: Connect, tokens: int | str) -> None:
    async with connect() as client:
        await client.update(max_output_tokens=tokens)
        assert client.shown("max_output_tokens") == tokens


@pytest.mark.parametrize(
    ("tokens", "code"), [(0, "integer_below_min_value"), (4097, "integer_above_max_value")]
)
async def test_row_039_what_is_beyond_them(connect: Connect, tokens: int, code: str) -> None:
    async with connect() as client:
        error = await client.refused_update(max_output_tokens=tokens)
        param = client.dialect.path("session.max_output_tokens")
        assert (error["code"], error["param"]) == (code, param)


async def test_row_040_the_model_may_be_repeated_and_not_changed(connect: Connect) -> None:
    async with connect() as client:
        await client.update(model=client.session["model"])
        error = await client.refused_update(model="another")
        assert (error["code"], error["param"]) == ("invalid_value", "session.model")


async def test_row_041_the_voice_may_change_before_it_is_heard(connect: Connect) -> None:
    async with connect() as client:
        await client.update(output_modalities=["text"])
        await client.respond()
        await client.update(audio=voice("echo"))
        assert client.shown(VOICE) == "echo"


async def test_row_042_the_voice_cannot_change_once_it_was_heard(connect: Connect) -> None:
    async with connect() as client:
        await client.respond()
        assert (await client.refused_update(audio=voice("echo")))["code"] == "cannot_update_voice"


async def test_row_043_the_same_voice_may_be_sent_again(connect: Connect) -> None:
    async with connect() as client:
        await client.update(audio=voice("echo"))
        await client.respond()
        await client.update(audio=voice("echo"), instructions="Be kind.")
        assert client.shown(VOICE) == "echo"


async def test_row_044_tracing_is_accepted(connect: Connect) -> None:
    async with connect() as client:
        await client.update(tracing="auto")
        assert client.shown("tracing") == "auto"


async def test_row_045_transcription_is_shown_with_nulls(connect: Connect) -> None:
    async with connect() as client:
        await client.update(audio=transcription(model="whisper-1"))
        shown = {"model": "whisper-1", "language": None, "prompt": None}
        assert client.shown(TRANSCRIPTION) == shown


@pytest.mark.parametrize("ms", [5000, 30_000, None])
async def test_row_046_the_bounds_of_the_idle_timeout(connect: Connect, ms: int | None) -> None:
    async with connect() as client:
        await client.update(audio=detection(type="server_vad", idle_timeout_ms=ms))
        assert client.shown(f"{DETECTION}.idle_timeout_ms") == ms


@pytest.mark.parametrize(
    ("ms", "code"), [(4999, "integer_below_min_value"), (30_001, "integer_above_max_value")]
)
async def test_row_046_what_is_beyond_them(connect: Connect, ms: int, code: str) -> None:
    async with connect() as client:
        error = await client.refused_update(audio=detection(type="server_vad", idle_timeout_ms=ms))
        assert (error["code"], error["param"]) == (code, f"session.{DETECTION}.idle_timeout_ms")


@pytest.mark.parametrize("eagerness", ["low", "medium", "high", "auto"])
async def test_row_047_semantic_detection_with_every_eagerness(
    connect: Connect, eagerness: str
) -> None:
    async with connect() as client:
        await client.update(audio=detection(type="semantic_vad", eagerness=eagerness))
        assert client.shown(DETECTION) == {
            "type": "semantic_vad",
            "eagerness": eagerness,
            "create_response": True,
            "interrupt_response": True,
        }


async def test_row_048_a_realtime_session_stays_one(connect: Connect) -> None:
    async with connect() as client:
        error = await client.refused_update("transcription")
        assert error["code"] == "invalid_parameter"


@pytest.mark.refused("this server's streaming recognisers do bear turn detection")
async def test_row_049_a_streaming_recogniser_with_turn_detection(connect: Connect) -> None:
    heard = ScriptedRecognizer("good morning", deltas=True)
    async with connect("intent=transcription", stt=heard) as client:
        await client.update(
            "transcription",
            audio={
                "input": {
                    "transcription": {"model": "gpt-4o-transcribe"},
                    "turn_detection": {"type": "server_vad"},
                }
            },
        )
        await client.append(utterance())
        completed = "conversation.item.input_audio_transcription.completed"
        assert (await client.until(completed))["transcript"] == "good morning"


@pytest.mark.parametrize("effort", ["minimal", "low", "medium", "high", "xhigh"])
async def test_row_050_reasoning_and_parallel_calls_are_accepted(
    connect: Connect, effort: str
) -> None:
    async with connect() as client:
        before = client.session
        after = await client.update(reasoning={"effort": effort}, parallel_tool_calls=False)
        assert after == before


@pytest.mark.parametrize(
    "truncation",
    [
        "auto",
        "disabled",
        {"type": "retention_ratio", "retention_ratio": 0.5},
        {
            "type": "retention_ratio",
            "retention_ratio": 0.8,
            "token_limits": {"post_instructions": 4000},
        },
    ],
)
async def test_row_051_truncation_in_all_its_forms(connect: Connect, truncation: Any) -> None:
    async with connect() as client:
        await client.update(truncation=truncation)
        assert client.shown("truncation") == truncation


@pytest.mark.parametrize("updates", [AGENTS_JS, AGENTS_PYTHON], ids=["agents-js", "agents-python"])
async def test_row_052_the_first_updates_of_the_agents_sdks(
    connect: Connect, updates: list[Event]
) -> None:
    async with connect("model=gpt-realtime-2.1") as client:
        for session in updates:
            await client.send("session.update", session=session)
            await client.until("session.updated")
        assert client.shown(f"{DETECTION}.type") == "semantic_vad"
        assert client.shown("tracing") == updates[-1]["tracing"]
