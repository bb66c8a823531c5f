"""Responses: rows 90 to 111."""

import base64
from typing import Any

import pytest

from support.cued_model import CuedModel
from support.dialect_client import Connect, DialectClient
from support.items import message
from support.orders import (
    ANSWER_BESIDE,
    ITEM,
    SPEAKING_CANCELLED,
    SPOKEN,
    SPOKEN_ANSWER,
    WRITING_CANCELLED,
    WRITTEN_ANSWER,
    told,
)
from support.server import Event
from support.sound import silence, tone

STARTED = "input_audio_buffer.speech_started"
HELLO_MS = 60 * len("Hello.")
"""How long the answer to nothing takes to say."""

WEATHER: Event = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}


def said(response: Event) -> str:
    """What a response said, in writing or aloud."""
    content = response["output"][0]["content"][0]
    text: str = content.get("text", content.get("transcript"))
    return text


async def begin(client: DialectClient, **response: Any) -> str:
    """Ask for a written answer, which pauses behind its first word; gives the response's id."""
    settings = {"output_modalities": ["text"], "input": [message("slowly")], **response}
    asked = client.dialect.settings(settings)
    await client.send("response.create", response=asked)
    created = await client.until("response.created")
    await client.until("response.output_text.delta")
    return str(created["response"]["id"])


async def finished(client: DialectClient, response_id: str) -> Event:
    """The response with this id, when it is done."""
    while True:
        response: Event = (await client.until("response.done"))["response"]
        if response["id"] == response_id:
            return response


# --- what is told, and in which order -----------------------------------------------------------


async def test_row_090_a_written_turn_is_told_in_order(connect: Connect) -> None:
    async with connect() as client:
        await client.update(output_modalities=["text"])
        await client.say("good morning")
        await client.send("response.create")
        events = await client.all_until("response.done")
        assert told(events) == (ITEM + WRITTEN_ANSWER).of(client.dialect)


@pytest.mark.parametrize("modality", ["text", "audio"])
async def test_row_091_parts_and_contents_have_types_of_their_own(
    connect: Connect, modality: str
) -> None:
    async with connect() as client:
        events = await client.respond(output_modalities=[modality])
        parts = [event["part"]["type"] for event in events if "part" in event]
        assert parts == [modality, modality]
        (content,) = events[-1]["response"]["output"][0]["content"]
        assert content["type"] == client.dialect.content(f"output_{modality}")


@pytest.mark.parametrize(
    ("modality", "stream", "field"),
    [("text", "output_text", "text"), ("audio", "output_audio_transcript", "transcript")],
)
async def test_row_092_the_deltas_are_the_text(
    connect: Connect, modality: str, stream: str, field: str
) -> None:
    async with connect() as client:
        await client.create(message("one two three"))
        *_, done = await client.respond(output_modalities=[modality])
        deltas = [event["delta"] for event in client.of(f"response.{stream}.delta")]
        (whole,) = client.of(f"response.{stream}.done")
        (part,) = client.of("response.content_part.done")
        assert "".join(deltas) == whole[field] == "I heard: one two three."
        assert part["part"][field] == said(done["response"]) == whole[field]


@pytest.mark.parametrize(
    ("form", "bytes_per_ms"), [("audio/pcm", 48), ("audio/pcmu", 8), ("audio/pcma", 8)]
)
async def test_row_093_audio_deltas_are_whole_samples_of_the_format(
    connect: Connect, form: str, bytes_per_ms: int
) -> None:
    rate = {"rate": 24_000} if form == "audio/pcm" else {}
    async with connect() as client:
        await client.update(audio={"output": {"format": {"type": form, **rate}}})
        await client.respond()
        deltas = [base64.b64decode(e["delta"]) for e in client.of("response.output_audio.delta")]
        sample = 2 if rate else 1
        assert all(delta and len(delta) % sample == 0 for delta in deltas)
        spoken_ms = len(b"".join(deltas)) / bytes_per_ms
        assert spoken_ms == pytest.approx(HELLO_MS, abs=5)


async def test_row_094_the_audio_is_done_before_its_transcript_and_its_part(
    connect: Connect,
) -> None:
    async with connect() as client:
        events = await client.respond()
        assert told(events) == SPOKEN_ANSWER.of(client.dialect)
        *_, last_audio = client.of("response.output_audio.delta")
        *_, last_words = client.of("response.output_audio_transcript.delta")
        (audio_done,) = client.of("response.output_audio.done")
        order = [events.index(each) for each in (last_words, last_audio, audio_done)]
        assert order == sorted(order)


async def test_row_095_what_is_inside_is_done_first(connect: Connect) -> None:
    async with connect() as client:
        events = await client.respond(output_modalities=["text"])
        ends = ["conversation.item.done", "response.output_item.done", "response.done"]
        expected = client.dialect.events(ends)
        assert told(events)[-len(expected) :] == expected
        shown = [event["item"] for event in events[-len(expected) : -1]]
        assert [*events[-1]["response"]["output"] * len(shown)] == shown


async def test_row_096_a_created_response_is_empty(connect: Connect) -> None:
    async with connect() as client:
        created, *_, done = await client.respond()
        response = created["response"]
        assert (response["status"], response["status_details"]) == ("in_progress", None)
        assert (response["output"], response["usage"]) == ([], None)
        assert response["id"] == done["response"]["id"]
        assert response.keys() == done["response"].keys()


@pytest.mark.parametrize("modality", ["text", "audio"])
async def test_row_097_usage_adds_up(connect: Connect, modality: str) -> None:
    async with connect() as client:
        await client.create(message("hello"))
        *_, done = await client.respond(output_modalities=[modality])
        usage = done["response"]["usage"]
        given, made = usage["input_token_details"], usage["output_token_details"]
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        assert usage["input_tokens"] == given["text_tokens"] + given["audio_tokens"] > 0
        assert usage["output_tokens"] == made["text_tokens"] + made["audio_tokens"] > 0
        assert (made["audio_tokens"] > 0) is (modality == "audio")


# --- what is asked for --------------------------------------------------------------------------


async def test_row_098_metadata_comes_back(connect: Connect) -> None:
    async with connect() as client:
        metadata = {"client_event_id": "mine", "topic": "weather"}
        for given in (metadata, None):
            created, *_, done = await client.respond(metadata=given)
            assert created["response"]["metadata"] == given
            assert done["response"]["metadata"] == given


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ({str(number): "" for number in range(17)}, "object_above_max_properties"),
        ({"k" * 65: ""}, "string_above_max_length"),
        ({"key": "v" * 513}, "string_above_max_length"),
    ],
    ids=["17 pairs", "long key", "long value"],
)
async def test_row_099_metadata_beyond_its_bounds_is_refused(
    connect: Connect, metadata: dict[str, str], code: str
) -> None:
    async with connect() as client:
        error = await client.refused("response.create", response={"metadata": metadata})
        assert error["code"] == code
        assert error["param"].startswith("response.metadata")
        await client.nothing_new()


async def test_row_099_metadata_up_to_its_bounds_is_taken(connect: Connect) -> None:
    async with connect() as client:
        metadata = {f"{number:064}": "v" * 512 for number in range(16)}
        *_, done = await client.respond(metadata=metadata)
        assert done["response"]["metadata"] == metadata


async def test_row_100_there_is_one_response_at_a_time(connect: Connect) -> None:
    model = CuedModel()
    async with connect(llm=model) as client:
        first = await begin(client)
        error = await client.refused("response.create")
        assert error["code"] == "conversation_already_has_active_response"
        assert f"active response in progress: {first}" in error["message"]
        await client.nothing_new()
        model.cue.set()
        assert said(await finished(client, first)) == "One moment. Well. Yes."
        assert len(client.of("response.created")) == 1


async def test_row_101_a_response_beside_the_conversation_leaves_no_trace(
    connect: Connect,
) -> None:
    async with connect() as client:
        settings = {"conversation": "none", "output_modalities": ["text"]}
        events = await client.respond(**settings, input=[message("aside")])
        assert told(events) == ANSWER_BESIDE.of(client.dialect)
        for event in (events[0], events[-1]):
            assert event["response"]["conversation_id"] is None
        assert said(events[-1]["response"]) == "I heard: aside."
        assert (await client.create(message("hello")))["previous_item_id"] is None


async def test_row_101_a_response_beside_the_conversation_runs_in_parallel(
    connect: Connect,
) -> None:
    model = CuedModel()
    async with connect(llm=model) as client:
        first = await begin(client)
        beside = await client.respond(conversation="none", input=[message("aside")])
        assert beside[-1]["response"]["status"] == "completed"
        assert beside[-1]["response"]["id"] != first
        model.cue.set()
        assert said(await finished(client, first)) == "One moment. Well. Yes."


async def test_row_102_an_empty_input_has_no_history(connect: Connect) -> None:
    model = CuedModel()
    async with connect(llm=model) as client:
        await client.create(message("hello"))
        *_, done = await client.respond(input=[])
        assert said(done["response"]) == "Hello."
        assert model.prompts[-1].messages == ()


async def test_row_102_an_input_may_refer_to_items(connect: Connect) -> None:
    model = CuedModel()
    async with connect(llm=model) as client:
        for text in ("one", "two", "three"):
            await client.create(message(text, id=text))
        reference = {"type": "item_reference", "id": "two"}
        await client.respond(input=[message("zero"), reference])
        assert [each.text for each in model.prompts[-1].messages] == ["zero", "two"]


async def test_row_102_an_unknown_reference_is_refused(connect: Connect) -> None:
    async with connect() as client:
        given = [{"type": "item_reference", "id": "nobody"}]
        error = await client.refused("response.create", response={"input": given})
        assert error["type"] == "invalid_request_error"
        assert "'nobody'" in error["message"]
        await client.nothing_new()


async def test_row_103_what_a_response_overrides_does_not_last(connect: Connect) -> None:
    model = CuedModel()
    async with connect(llm=model) as client:
        session = await client.update(instructions="Be brief.")
        *_, done = await client.respond(
            instructions="Be long.", tools=[WEATHER], output_modalities=["text"]
        )
        assert client.dialect.shown(done["response"], "output_modalities") == ["text"]
        *_, done = await client.respond()
        assert client.dialect.shown(done["response"], "output_modalities") == ["audio"]
        asked = [(prompt.instructions, len(prompt.tools)) for prompt in model.prompts]
        assert asked == [("Be long.", 1), ("Be brief.", 0)]
        assert await client.update() == session


# --- the end that was not expected --------------------------------------------------------------


async def test_row_104_cancelling_closes_what_was_begun(connect: Connect) -> None:
    async with connect(llm=CuedModel()) as client:
        await begin(client)
        await client.send("response.cancel")
        events = await client.all_until("response.done")
        assert told(events) == WRITING_CANCELLED.of(client.dialect)
        assert events[0]["text"] == events[1]["part"]["text"] == "One"
        response = events[-1]["response"]
        assert response["status"] == "cancelled"
        assert response["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
        assert (response["output"][0]["status"], said(response)) == ("incomplete", "One")


async def test_row_105_there_is_nothing_to_cancel(connect: Connect) -> None:
    model = CuedModel()
    async with connect(llm=model) as client:
        error = await client.refused("response.cancel")
        assert error["code"] == "response_cancel_not_active"
        assert error["message"].startswith("Cancellation failed: no active response found")
        first = await begin(client)
        error = await client.refused("response.cancel", response_id="resp_nobody")
        assert error["code"] == "response_cancel_not_active"
        model.cue.set()
        assert (await finished(client, first))["status"] == "completed"


async def test_row_106_a_response_beside_the_conversation_is_cancelled_by_its_id(
    connect: Connect,
) -> None:
    model = CuedModel()
    async with connect(llm=model) as client:
        first = await begin(client)
        beside = await begin(client, conversation="none")
        await client.send("response.cancel", response_id=beside)
        assert (await finished(client, beside))["status"] == "cancelled"
        model.cue.set()
        assert (await finished(client, first))["status"] == "completed"


async def test_row_107_the_next_response_may_follow_at_once(connect: Connect) -> None:
    async with connect() as client:
        for _ in range(3):
            *_, done = await client.respond()
            assert done["response"]["status"] == "completed"


async def test_row_108_speech_cancels_an_answer_and_is_answered(connect: Connect) -> None:
    async with connect(llm=CuedModel(words=3)) as client:
        await client.create(message("slowly"))
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        await client.append(silence(320) + tone(480))
        await client.until(STARTED)
        events = await client.all_until("response.done")
        assert told(events) == SPEAKING_CANCELLED.of(client.dialect)
        response = events[-1]["response"]
        assert response["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
        words = [e["delta"] for e in client.of("response.output_audio_transcript.delta")]
        assert (response["output"][0]["status"], said(response)) == ("incomplete", "".join(words))
        assert "One moment. Well. Yes.".startswith(said(response))
        await client.append(silence(640))
        events = await client.all_until("response.done")
        assert told(events) == (SPOKEN + SPOKEN_ANSWER).of(client.dialect)[1:]
        assert events[-1]["response"]["status"] == "completed"


async def test_row_109_an_answer_that_is_too_long_is_incomplete(connect: Connect) -> None:
    async with connect() as client:
        await client.create(message("one two three"))
        *_, done = await client.respond(max_output_tokens=3, output_modalities=["text"])
        response = done["response"]
        assert response["status"] == response["output"][0]["status"] == "incomplete"
        assert response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
        assert response["max_output_tokens"] == response["usage"]["output_tokens"] == 3
        assert said(response) == "I heard: one"


async def test_row_110_a_failed_response_does_not_end_the_session(connect: Connect) -> None:
    async with connect(llm=CuedModel()) as client:
        await client.create(message("break"))
        *_, done = await client.respond()
        assert done["response"]["status"] == "failed"
        details = done["response"]["status_details"]
        assert details["type"] == "failed"
        assert details["error"]["code"] == "server_error"
        await client.create(message("hello"))
        *_, done = await client.respond()
        assert said(done["response"]) == "I heard: hello."


async def test_row_111_rate_limits_are_told_in_their_place(connect: Connect) -> None:
    async with connect(requests_per_minute=60, tokens_per_minute=6000) as client:
        events = await client.respond(output_modalities=["text"])
        if not client.beta:
            events.append(await client.next())
        kinds = told(events)
        assert kinds.index("rate_limits.updated") == (1 if client.beta else len(kinds) - 1)
        (updated,) = client.of("rate_limits.updated")
        requests, tokens = updated["rate_limits"]
        assert (requests["name"], requests["limit"]) == ("requests", 60)
        assert (tokens["name"], tokens["limit"]) == ("tokens", 6000)
        for limit in (requests, tokens):
            assert 0 <= limit["remaining"] <= limit["limit"]
            assert 0 <= limit["reset_seconds"] <= 60
        assert requests["remaining"] == 59
        await client.nothing_new()
