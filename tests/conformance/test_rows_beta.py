"""Rows 131 to 134: what the beta dialect has and GA does not. Here events have their own names."""

import pytest

from support.dialect_client import Connect, kinds
from support.server import Client
from support.sound import utterance
from vivavoce.engines.stt.scripted import ScriptedRecognizer


async def test_row_131_an_item_is_created_and_not_added(connect: Connect) -> None:
    async with connect() as client:
        await client.say("good morning")
        await client.send("response.create")
        await Client.until(client, "response.done")
        shown = [event for event in client.events if "item" in event]
        assert [event["type"] for event in shown] == [
            "conversation.item.created",
            "response.output_item.added",
            "conversation.item.created",
            "response.output_item.done",
        ]
        assert all(event["item"]["object"] == "realtime.item" for event in shown)


async def test_row_132_a_written_answer(connect: Connect) -> None:
    async with connect() as client:
        await client.send("session.update", session={"modalities": ["text"]})
        await client.say("good morning")
        await client.send("response.create")
        await Client.until(client, "response.done")
        deltas = [e["delta"] for e in client.events if e["type"] == "response.text.delta"]
        done = [e["text"] for e in client.events if e["type"] == "response.text.done"]
        assert done == ["".join(deltas)] == ["I heard: good morning."]
        content = client.events[-1]["response"]["output"][0]["content"]
        assert content == [{"type": "text", "text": done[0]}]


async def test_row_132_a_spoken_answer(connect: Connect) -> None:
    async with connect() as client:
        await client.say("good morning")
        await client.send("response.create")
        await Client.until(client, "response.done")
        told = kinds(client.events)
        audio_done, transcript_done = "response.audio.done", "response.audio_transcript.done"
        assert told.index(audio_done) < told.index(transcript_done)
        assert {"response.audio.delta", "response.audio_transcript.delta"} <= set(client.kinds())
        content = client.events[-1]["response"]["output"][0]["content"]
        assert content == [{"type": "audio", "transcript": "I heard: good morning."}]


async def test_row_133_a_session_is_flat_in_and_out(connect: Connect) -> None:
    flat = {
        "modalities": ["text"],
        "voice": "sage",
        "speed": 1.25,
        "input_audio_format": "g711_ulaw",
        "output_audio_format": "g711_alaw",
        "input_audio_transcription": {"model": "whisper-1", "language": "en", "prompt": None},
        "input_audio_noise_reduction": None,
        "turn_detection": None,
        "temperature": 1.1,
        "max_response_output_tokens": 100,
    }
    async with connect() as client:
        await client.send("session.update", session=flat)
        session = (await client.until("session.updated"))["session"]
        assert {name: session[name] for name in flat} == flat


@pytest.mark.parametrize("temperature", [0.6, 1.2])
async def test_row_133_the_bounds_of_temperature(connect: Connect, temperature: float) -> None:
    async with connect() as client:
        await client.update(temperature=temperature)
        assert client.session["temperature"] == temperature
        done = (await client.respond())[-1]
        assert done["response"]["temperature"] == temperature


@pytest.mark.parametrize(
    ("temperature", "code"), [(0.5, "decimal_below_min_value"), (1.3, "decimal_above_max_value")]
)
async def test_row_133_what_is_beyond_them(connect: Connect, temperature: float, code: str) -> None:
    async with connect() as client:
        error = await client.refused_update(temperature=temperature)
        assert (error["code"], error["param"]) == (code, "session.temperature")


async def test_row_133_the_fields_of_ga_are_unknown(connect: Connect) -> None:
    async with connect() as client:
        error = await client.refused("session.update", session={"output_modalities": ["text"]})
        assert (error["code"], error["param"]) == ("unknown_parameter", "session.output_modalities")


async def test_row_134_a_transcription_session_is_updated_by_its_own_event(
    connect: Connect,
) -> None:
    heard = ScriptedRecognizer("good morning")
    async with connect("intent=transcription", stt=heard) as client:
        session = {
            "input_audio_transcription": {"model": "whisper-1", "language": "en"},
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 400},
        }
        await client.send("transcription_session.update", session=session)
        updated = (await client.until("transcription_session.updated"))["session"]
        assert updated["input_audio_transcription"]["language"] == "en"
        assert updated["turn_detection"]["silence_duration_ms"] == 400
        await client.append(utterance())
        completed = "conversation.item.input_audio_transcription.completed"
        assert (await client.until(completed))["transcript"] == "good morning"


async def test_row_134_each_update_belongs_to_its_kind_of_session(connect: Connect) -> None:
    async with connect() as client:
        error = await client.refused("transcription_session.update", session={})
        assert error["code"] == "invalid_parameter"
    async with connect("intent=transcription") as client:
        error = await client.refused("session.update", session={})
        assert error["code"] == "invalid_parameter"
