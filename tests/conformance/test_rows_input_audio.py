"""Input audio: rows 53 to 74."""

import base64
from typing import Any

import pytest

from support.cued_model import CuedModel
from support.dialect_client import Connect, DialectClient
from support.orders import COMMITTED, ITEM, SPOKEN, SPOKEN_ANSWER, TIMED_OUT, WRITTEN_ANSWER, told
from support.server import Event
from support.sound import silence, tone, utterance
from support.telltale_engines import FingerprintRecognizer, fingerprint
from vivavoce.engines.stt.scripted import ScriptedRecognizer

COMMIT = "input_audio_buffer.commit"
STARTED = "input_audio_buffer.speech_started"
STOPPED = "input_audio_buffer.speech_stopped"
TRANSCRIPTION = "conversation.item.input_audio_transcription"

MIB = 1024 * 1024
BEFORE_MS = 320
SPEECH_MS = 480
TURN_MS = BEFORE_MS + SPEECH_MS + 640
"""A turn's length: its parts are whole windows of the detector, which are 32 ms long."""


async def listen(client: DialectClient, *, transcribe: bool = False, **detection: Any) -> None:
    """Set turn detection; without any rules for it there is none."""
    rules = {"type": "server_vad", **detection} if detection else None
    model = {"model": "whisper-1"} if transcribe else None
    await client.update(audio={"input": {"turn_detection": rules, "transcription": model}})


async def commit(client: DialectClient, audio: bytes = b"") -> list[Event]:
    """Say this and commit it; gives all that comes of it at once."""
    await client.append(audio)
    await client.send(COMMIT)
    return await client.all_until(ITEM.of(client.dialect)[-1])


async def transcript(client: DialectClient) -> str:
    """What was heard in the next item."""
    text: str = (await client.until(f"{TRANSCRIPTION}.completed"))["transcript"]
    return text


# --- the buffer ---------------------------------------------------------------------------------


async def test_row_053_append_has_no_reply(connect: Connect) -> None:
    async with connect() as client:
        await client.append(silence(1000), chunk=960)
        await client.nothing_new()


async def test_row_054_bad_base64_leaves_the_buffer_as_it_was(connect: Connect) -> None:
    whole = tone(300)
    async with connect(stt=FingerprintRecognizer()) as client:
        await listen(client, transcribe=True)
        await client.append(whole[:4801])
        error = await client.refused("input_audio_buffer.append", audio="no base64!")
        assert (error["code"], error["param"]) == ("invalid_value", "audio")
        await commit(client, whole[4801:])
        assert await transcript(client) == fingerprint(whole)


async def test_row_055_an_append_of_more_than_15_mib_is_refused(connect: Connect) -> None:
    async with connect() as client:
        await listen(client)
        audio = base64.b64encode(bytes(15 * MIB + 3)).decode()
        error = await client.refused("input_audio_buffer.append", audio=audio)
        assert (error["code"], error["param"]) == ("string_above_max_length", "audio")
        assert "only has 0.00ms" in (await client.refused(COMMIT))["message"]


@pytest.mark.parametrize("chunk", [1, 961])
async def test_row_056_a_sample_may_be_cut_in_two(connect: Connect, chunk: int) -> None:
    async with connect(stt=FingerprintRecognizer()) as client:
        await listen(client, transcribe=True)
        await client.append(tone(120), chunk)
        await commit(client)
        assert await transcript(client) == fingerprint(tone(120))


async def test_row_057_commit_makes_an_item_and_no_response(connect: Connect) -> None:
    async with connect() as client:
        await listen(client)
        events = await commit(client, tone(300))
        assert told(events) == COMMITTED.of(client.dialect)
        committed, *shown = events
        assert {event["item"]["id"] for event in shown} == {committed["item_id"]}
        await client.nothing_new()


async def test_row_058_a_commit_needs_100_ms(connect: Connect) -> None:
    async with connect() as client:
        await listen(client)
        await client.append(tone(99))
        error = await client.refused(COMMIT)
        assert error["code"] == "input_audio_buffer_commit_empty"
        assert error["message"] == (
            "Error committing input audio buffer: buffer too small. Expected at least 100ms of "
            "audio, but buffer only has 99.00ms of audio."
        )
        await commit(client, tone(1))


async def test_row_059_a_second_commit_finds_nothing(connect: Connect) -> None:
    async with connect() as client:
        await listen(client)
        await commit(client, tone(300))
        assert (await client.refused(COMMIT))["code"] == "input_audio_buffer_commit_empty"


async def test_row_060_clear_leaves_nothing_to_commit(connect: Connect) -> None:
    async with connect() as client:
        await listen(client)
        await client.append(tone(300))
        await client.send("input_audio_buffer.clear")
        assert (await client.next())["type"] == "input_audio_buffer.cleared"
        assert (await client.refused(COMMIT))["code"] == "input_audio_buffer_commit_empty"


async def test_row_061_committed_names_the_item_before(connect: Connect) -> None:
    async with connect() as client:
        await listen(client)
        committed = [(await commit(client, tone(200)))[0] for _ in range(3)]
        before = [None, *(event["item_id"] for event in committed[:-1])]
        shown = client.of("conversation.item.added")
        assert [event["previous_item_id"] for event in committed] == before
        assert [event["previous_item_id"] for event in shown] == before


# --- turns --------------------------------------------------------------------------------------


async def test_row_062_a_turn_has_one_id_from_its_first_sound_on(connect: Connect) -> None:
    async with connect() as client:
        await client.append(utterance(SPEECH_MS))
        *events, shown = await client.all_until("conversation.item.added")
        assert [event["type"] for event in events] == [
            STARTED,
            STOPPED,
            "input_audio_buffer.committed",
        ]
        assert {event["item_id"] for event in events} == {shown["item"]["id"]}


@pytest.mark.parametrize("padding_ms", [0, 300])
async def test_row_063_a_turn_begins_so_long_before_its_first_sound(
    connect: Connect, padding_ms: int
) -> None:
    async with connect() as client:
        await listen(client, prefix_padding_ms=padding_ms)
        for _ in range(3):
            await client.append(utterance(SPEECH_MS))
            await client.until("response.done")
        first = BEFORE_MS - padding_ms
        begins = [event["audio_start_ms"] for event in client.of(STARTED)]
        assert begins == [first, first + TURN_MS, first + 2 * TURN_MS]


async def test_row_064_a_turn_ends_after_its_last_sound(connect: Connect) -> None:
    async with connect() as client:
        await client.append(utterance(SPEECH_MS))
        begin = (await client.until(STARTED))["audio_start_ms"]
        end = (await client.until(STOPPED))["audio_end_ms"]
        assert type(end) is int
        assert begin < BEFORE_MS + SPEECH_MS <= end <= TURN_MS


async def test_row_065_a_spoken_turn_is_told_in_order(connect: Connect) -> None:
    async with connect() as client:
        await listen(client, transcribe=True, threshold=0.5)
        await client.append(utterance(SPEECH_MS))
        events = await client.all_until("response.done")
        assert told(events) == (SPOKEN + SPOKEN_ANSWER).of(client.dialect)


async def test_row_066_a_turn_is_not_answered_without_create_response(connect: Connect) -> None:
    async with connect() as client:
        await listen(client, transcribe=True, create_response=False)
        await client.append(utterance(SPEECH_MS))
        events = await client.all_until(f"{TRANSCRIPTION}.completed")
        assert told(events) == SPOKEN.of(client.dialect)
        await client.nothing_new()


async def test_row_067_speech_need_not_interrupt_an_answer(connect: Connect) -> None:
    model = CuedModel()
    async with connect(llm=model) as client:
        await listen(client, interrupt_response=False)
        await client.update(output_modalities=["text"])
        await client.say("slowly")
        await client.send("response.create")
        await client.until("response.output_text.delta")
        await client.append(utterance(SPEECH_MS))
        await client.until("input_audio_buffer.committed")
        assert not client.of("response.done")
        model.cue.set()
        response = (await client.until("response.done"))["response"]
        assert response["status"] == "completed"
        assert response["output"][0]["content"][0]["text"] == "One moment. Well. Yes."


async def test_row_068_the_transcript_of_speech_is_null_at_first(connect: Connect) -> None:
    async with connect() as client:
        await listen(client)
        _, *shown = await commit(client, tone(300))
        content = [{"type": "input_audio", "transcript": None}]
        assert [event["item"]["content"] for event in shown] == [content] * len(shown)


# --- transcription ------------------------------------------------------------------------------


async def test_row_069_the_deltas_are_the_transcript(connect: Connect) -> None:
    async with connect(stt=ScriptedRecognizer("what is the time", deltas=True)) as client:
        await listen(client, transcribe=True)
        item_id = (await commit(client, tone(300)))[0]["item_id"]
        assert await transcript(client) == "what is the time"
        deltas = client.of(f"{TRANSCRIPTION}.delta")
        assert [event["delta"] for event in deltas] == ["what", " is", " the", " time"]
        parts = {(event["item_id"], event["content_index"]) for event in deltas}
        assert parts == {(item_id, 0)}


async def test_row_070_a_transcript_says_what_it_cost(connect: Connect) -> None:
    async with connect() as client:
        await listen(client, transcribe=True)
        await commit(client, tone(2000))
        completed = await client.until(f"{TRANSCRIPTION}.completed")
        assert completed["usage"] == {"type": "duration", "seconds": 2}


async def test_row_071_an_answer_comes_without_a_transcript(connect: Connect) -> None:
    async with connect(stt=ScriptedRecognizer((None,)), llm=CuedModel()) as client:
        await listen(client, transcribe=True, threshold=0.5)
        await client.append(utterance(SPEECH_MS))
        response = (await client.until("response.done"))["response"]
        assert response["status"] == "completed"
        assert response["output"][0]["content"][0]["transcript"] == "Pardon?"
        (failed,) = client.of(f"{TRANSCRIPTION}.failed")
        (started,) = client.of(STARTED)
        assert failed["item_id"] == started["item_id"]


async def test_row_072_log_probabilities_do_not_come_unasked(connect: Connect) -> None:
    async with connect(stt=ScriptedRecognizer("hello", deltas=True)) as client:
        await listen(client, transcribe=True)
        await commit(client, tone(300))
        await transcript(client)
        for event in (*client.of(f"{TRANSCRIPTION}.delta"), client.events[-1]):
            assert event.get("logprobs") is None


@pytest.mark.refused("no recogniser gives log probabilities")
async def test_row_072_log_probabilities_cannot_be_had(connect: Connect) -> None:
    async with connect() as client:
        error = await client.refused_update(include=["item.input_audio_transcription.logprobs"])
        assert (error["code"], error["param"]) == ("invalid_value", "session.include")


# --- silence ------------------------------------------------------------------------------------


async def test_row_073_silence_is_no_event(connect: Connect) -> None:
    async with connect() as client:
        await client.append(silence(10_000), chunk=9600)
        # A command waits until the audio that was sent before it is scored.
        await client.say("hello")
        assert (await client.next())["type"] == client.dialect.event("conversation.item.added")


async def test_row_074_silence_is_answered_after_the_idle_timeout(connect: Connect) -> None:
    async with connect(llm=CuedModel()) as client:
        await listen(client, idle_timeout_ms=5000)
        await client.update(output_modalities=["text"])
        await client.append(silence(480))
        await client.respond()
        await client.append(silence(480))
        events = await client.all_until("response.done")
        assert told(events) == (TIMED_OUT + WRITTEN_ANSWER).of(client.dialect)
        timeout, committed, shown, *_, done = events
        assert timeout["item_id"] == committed["item_id"] == shown["item"]["id"]
        assert 480 <= timeout["audio_start_ms"] <= timeout["audio_end_ms"] == 960
        assert done["response"]["output"][0]["content"][0]["text"] == "Are you there?"
