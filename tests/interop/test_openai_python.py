"""OpenAI's own Python SDK drives every kind of turn, with scripted engines."""

import base64
from typing import Any

import pytest
from openai import AsyncOpenAI

from support.sdk_client import SdkClient, sdk_client
from support.server import serving
from support.sound import BYTES_PER_MS, silence, tone, utterance
from support.telltale_engines import fingerprint
from vivavoce.engines.stt.scripted import ScriptedRecognizer

REPLIES = """
rules:
  - {event: inaudible, say: "Pardon?"}
  - {event: opening, say: Hello.}
  - when: story
    say: >-
      Once upon a time there was a lighthouse on a small rock, far out in the grey sea. Its keeper
      was an old woman called Marta, and every evening she climbed two hundred and twelve steps to
      light the lamp. One autumn night a fog came in, so thick that even the great lamp could not
      be seen from the water, and a ship was coming towards the rock.
  - when: weather in (?P<city>\\w+)
    call: {tool: get_weather, arguments: {city: "{city:title}"}}
    after_tool: "In {city:title} it is {result}."
  - {say: "I heard: {heard}."}
"""

WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "get_weather",
    "description": "Look up the weather for a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


def kinds(events: list[Any]) -> list[str]:
    """The types of events, deltas left out."""
    return [event.type for event in events if not event.type.endswith(".delta")]


async def configure(client: SdkClient, **session: Any) -> Any:
    """Update the session through the SDK."""
    wanted: Any = {"type": "realtime", **session}
    await client.api.session.update(session=wanted)
    return await client.until("session.updated")


@pytest.mark.client("openai (Python)", "text")
async def test_a_written_turn() -> None:
    async with serving(replies=REPLIES) as server, sdk_client(server.url) as client:
        await configure(client, output_modalities=["text"])
        await client.say("good morning")
        await client.api.response.create()
        events = await client.turn()
        assert kinds(events) == [
            "conversation.item.added",
            "conversation.item.done",
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
            "response.output_text.done",
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
        ]
        deltas = "".join(event.delta for event in client.of("response.output_text.delta"))
        response = events[-1].response
        assert deltas == response.output[0].content[0].text == "I heard: good morning."
        assert response.usage.total_tokens == (
            response.usage.input_tokens + response.usage.output_tokens
        )


async def test_a_spoken_answer_to_written_words() -> None:
    async with serving(replies=REPLIES) as server, sdk_client(server.url) as client:
        await client.api.response.create(response={"metadata": {"who": "me"}})
        events = await client.turn()
        assert kinds(events) == [
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
        ]
        assert events[0].response.metadata == events[-1].response.metadata == {"who": "me"}
        assert client.of("response.output_audio_transcript.done")[0].transcript == "Hello."
        assert len(client.spoken()) == len("Hello.") * 60 * BYTES_PER_MS


@pytest.mark.client("openai (Python)", "spoken")
async def test_a_spoken_turn() -> None:
    heard = ScriptedRecognizer("good morning", deltas=True)
    async with serving(replies=REPLIES, stt=heard) as server, sdk_client(server.url) as client:
        await configure(client, audio={"input": {"transcription": {"model": "x"}}})
        await client.append(utterance())
        events = await client.turn()
        transcribed = [e for e in events if "input_audio_transcription" in e.type]
        answered = [e for e in events if e not in transcribed]
        assert kinds(answered)[:6] == [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "response.created",
        ]
        assert "".join(e.delta for e in transcribed[:-1]) == transcribed[-1].transcript
        assert transcribed[-1].transcript == "good morning"
        item_ids = {e.item_id for e in (*answered[:3], *transcribed)}
        assert item_ids == {answered[3].item.id}
        (said,) = client.of("response.output_audio_transcript.done")
        assert said.transcript == "I heard: good morning."
        assert client.spoken()


@pytest.mark.client("openai (Python)", "tool")
async def test_a_tool_turn() -> None:
    async with serving(replies=REPLIES) as server, sdk_client(server.url) as client:
        await configure(client, output_modalities=["text"], tools=[WEATHER])
        await client.say("the weather in london please")
        await client.api.response.create()
        events = await client.turn()
        assert kinds(events)[2:] == [
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            "response.function_call_arguments.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
        ]
        call = events[-1].response.output[0]
        assert (call.name, call.arguments) == ("get_weather", '{"city": "London"}')
        deltas = client.of("response.function_call_arguments.delta")
        assert "".join(event.delta for event in deltas) == call.arguments
        output = {"type": "function_call_output", "call_id": call.call_id, "output": "foggy"}
        await client.api.conversation.item.create(item=output)  # type: ignore[arg-type]
        await client.api.response.create()
        await client.turn()
        assert client.of("response.output_text.done")[-1].text == "In London it is foggy."


@pytest.mark.client("openai (Python)", "barge-in")
async def test_a_barge_in_and_what_is_kept() -> None:
    async with serving(replies=REPLIES) as server, sdk_client(server.url) as client:
        await client.say("a story please")
        await client.api.response.create()
        first = (await client.until("response.output_audio.delta")).item_id
        # More of the story was written than may be sent ahead, so it is still being told.
        await client.append(silence(320) + tone(500))
        events = await client.turn()
        assert kinds(events)[-7:] == [
            "input_audio_buffer.speech_started",
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
        ]
        cancelled = events[-1].response
        assert cancelled.status == "cancelled"
        assert cancelled.status_details.reason == "turn_detected"
        assert cancelled.output[0].status == "incomplete"
        await client.api.conversation.item.truncate(
            item_id=first, content_index=0, audio_end_ms=1500
        )
        truncated = await client.until("conversation.item.truncated")
        assert (truncated.item_id, truncated.audio_end_ms) == (first, 1500)
        await client.api.conversation.item.retrieve(item_id=first)
        kept = (await client.until("conversation.item.retrieved")).item
        assert kept.content[0].transcript is None
        await client.append(silence(640))
        assert (await client.turn())[-1].response.status == "completed"


async def test_a_truncation_beyond_what_was_said_is_refused() -> None:
    async with serving(replies=REPLIES) as server, sdk_client(server.url) as client:
        await client.api.response.create()
        item_id = (await client.turn())[-1].response.output[0].id
        await client.api.conversation.item.truncate(
            item_id=item_id, content_index=0, audio_end_ms=60_000
        )
        error = (await client.until("error")).error
        assert (error.type, error.code) == ("invalid_request_error", "invalid_value")


async def test_a_cancelled_answer_and_the_next_one() -> None:
    async with serving(replies=REPLIES) as server, sdk_client(server.url) as client:
        await client.say("a story please")
        await client.api.response.create()
        await client.until("response.output_audio.delta")
        await client.api.response.create()
        error = (await client.until("error")).error
        assert error.code == "conversation_already_has_active_response"
        await client.api.response.cancel()
        cancelled = (await client.turn())[-1].response
        assert cancelled.status == "cancelled"
        assert cancelled.status_details.reason == "client_cancelled"
        await client.say("hello")
        await client.api.response.create()
        assert (await client.turn())[-1].response.status == "completed"


async def test_a_manual_turn() -> None:
    async with serving(replies=REPLIES) as server, sdk_client(server.url) as client:
        updated = await configure(client, audio={"input": {"turn_detection": None}})
        assert updated.session.audio.input.turn_detection is None
        await client.append(utterance())
        await client.api.input_audio_buffer.clear()
        await client.until("input_audio_buffer.cleared")
        await client.append(tone(300))
        await client.api.input_audio_buffer.commit()
        committed = await client.until("input_audio_buffer.committed")
        assert committed.previous_item_id is None
        await client.until("conversation.item.done")
        await client.api.conversation.item.retrieve(item_id=committed.item_id)
        audio = (await client.until("conversation.item.retrieved")).item.content[0].audio
        assert fingerprint(base64.b64decode(audio)) == fingerprint(tone(300))
        await client.api.response.create()
        await client.turn()
        said = client.of("response.output_audio_transcript.done")[-1].transcript
        assert said == "I heard: 300 milliseconds of speech."
        assert not client.of("input_audio_buffer.speech_started")


async def test_a_transcription_session() -> None:
    texts = ScriptedRecognizer(["the first", "the second"], deltas=True)
    async with (
        serving(stt=texts, speculate="off") as server,
        sdk_client(server.url, transcription=True) as client,
    ):
        await client.api.session.update(
            session={
                "type": "transcription",
                "audio": {"input": {"transcription": {"model": "whisper-1"}}},
            }
        )
        await client.until("session.updated")
        for expected in ("the first", "the second"):
            await client.append(utterance())
            begin = len(client.events)
            done = await client.until("conversation.item.input_audio_transcription.completed")
            assert done.transcript == expected
            assert done.usage.type == "duration"
            assert kinds(client.events[begin:]) == [
                "input_audio_buffer.speech_started",
                "input_audio_buffer.speech_stopped",
                "input_audio_buffer.committed",
                "conversation.item.added",
                "conversation.item.done",
                "conversation.item.input_audio_transcription.completed",
            ]
        await client.api.response.create()
        assert (await client.until("error")).error.type == "invalid_request_error"


async def test_a_response_beside_the_conversation() -> None:
    async with serving(replies=REPLIES) as server, sdk_client(server.url) as client:
        await client.api.response.create(
            response={
                "conversation": "none",
                "output_modalities": ["text"],
                "metadata": {"topic": "x"},
                "input": [
                    {
                        "type": "message",
                        "role": "user",
                        "content": [{"type": "input_text", "text": "aside"}],
                    }
                ],
            }
        )
        events = await client.turn()
        assert events[-1].response.conversation_id is None
        assert not [e for e in events if e.type.startswith("conversation.item")]
        assert client.of("response.output_text.done")[0].text == "I heard: aside."


async def test_deleted_items_are_gone_and_the_chain_is_whole() -> None:
    async with serving(replies=REPLIES) as server, sdk_client(server.url) as client:
        for text in ("one", "two"):
            await client.say(text)
            await client.until("conversation.item.done")
        first, second = [event.item.id for event in client.of("conversation.item.done")]
        assert client.of("conversation.item.added")[1].previous_item_id == first
        await client.api.conversation.item.delete(item_id=second)
        assert (await client.until("conversation.item.deleted")).item_id == second
        await client.say("three")
        assert (await client.until("conversation.item.added")).previous_item_id == first


@pytest.mark.parametrize("encoding", ["audio/pcmu", "audio/pcma"])
async def test_telephone_audio_in_and_out(encoding: str) -> None:
    async with serving(replies=REPLIES) as server, sdk_client(server.url) as client:
        law = {"format": {"type": encoding}}
        await configure(client, audio={"input": law, "output": law})
        await client.api.response.create()
        await client.turn()
        seconds = len("Hello.") * 0.06
        assert abs(len(client.spoken()) - 8000 * seconds) < 80


async def test_a_line_that_was_cleared_stays_silent() -> None:
    async with serving(replies=REPLIES) as server, sdk_client(server.url) as client:
        law = {"format": {"type": "audio/pcmu"}}
        await configure(client, audio={"output": law})
        await client.say("a story please")
        await client.api.response.create()
        await client.until("response.output_audio.delta")
        await client.append(silence(320) + tone(500))
        await client.until("input_audio_buffer.speech_started")
        assert not [e for e in await client.turn() if e.type == "response.output_audio.delta"]


async def test_the_session_is_what_the_sdk_reads_it_to_be() -> None:
    async with serving() as server, AsyncOpenAI(base_url=server.url, api_key="none") as openai:
        models = await openai.models.list()
        assert [model.object for model in models.data] == ["model"]
        async with openai.realtime.connect(model="any-name") as connection:
            created = await connection.recv()
            assert created.type == "session.created"
            assert created.session.type == "realtime"
            assert created.session.model == "any-name"
