"""The beta dialect over a socket (protocol 2.7, 5.3; 9 rows 14, 15 and 131 to 134)."""

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.beta_judge import BETA, MODEL, BetaClient, BetaJudge, beta_client, beta_judge
from support.server import Event, serving
from support.sound import silence, tone, utterance
from vivavoce.engines.base import ModelOutput
from vivavoce.engines.llm.scripted import ScriptedModel
from vivavoce.engines.stt.scripted import ScriptedRecognizer
from vivavoce.protocol.prompt import Prompt

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
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


@pytest.fixture(scope="module")
def judge(openai_beta: Path) -> Iterator[BetaJudge]:
    with beta_judge(openai_beta) as judge:
        yield judge


def kinds(events: list[Event]) -> list[str]:
    """The types of events, deltas left out."""
    return [event["type"] for event in events if not event["type"].endswith(".delta")]


def spoken(client: BetaClient) -> str:
    """What the assistant said last."""
    transcript: str = client.of("response.audio_transcript.done")[-1]["transcript"]
    return transcript


# --- turns (rows 131 and 132) -------------------------------------------------------------------


async def test_a_written_turn(judge: BetaJudge) -> None:
    async with serving(replies=REPLIES) as server, beta_client(server, judge) as client:
        await client.configure(modalities=["text"])
        await client.say("good morning")
        await client.send("response.create")
        events = await client.turn()
        assert kinds(events) == [
            "conversation.item.created",
            "response.created",
            "response.output_item.added",
            "conversation.item.created",
            "response.content_part.added",
            "response.text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.done",
        ]
        response = events[-1]["response"]
        content = [{"type": "text", "text": "I heard: good morning."}]
        assert response["output"][0]["content"] == content
        assert response["modalities"] == ["text"]
        deltas = [event["delta"] for event in client.of("response.text.delta")]
        assert "".join(deltas) == content[0]["text"]


async def test_a_spoken_turn(judge: BetaJudge) -> None:
    heard = ScriptedRecognizer("good morning", deltas=True)
    async with (
        serving(replies=REPLIES, stt=heard) as server,
        beta_client(server, judge) as client,
    ):
        await client.configure(input_audio_transcription={"model": "whisper-1"})
        await client.append(utterance())
        events = await client.turn()
        transcribed = [e for e in events if "input_audio_transcription" in e["type"]]
        assert kinds([e for e in events if e not in transcribed]) == [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.created",
            "response.created",
            "response.output_item.added",
            "conversation.item.created",
            "response.content_part.added",
            "response.audio.done",
            "response.audio_transcript.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.done",
        ]
        assert transcribed[-1]["transcript"] == "good morning"
        assert spoken(client) == "I heard: good morning."
        response = events[-1]["response"]
        assert response["modalities"] == ["audio", "text"]
        assert response["output_audio_format"] == "pcm16"
        assert response["output"][0]["content"][0]["type"] == "audio"


async def test_limits_are_told_when_a_response_begins(judge: BetaJudge) -> None:
    async with (
        serving(replies=REPLIES, requests_per_minute=1) as server,
        beta_client(server, judge) as client,
    ):
        await client.configure(modalities=["text"])
        await client.send("response.create")
        first = kinds(await client.turn())
        await client.send("response.create")
        second = await client.turn()
    assert first[:2] == ["response.created", "rate_limits.updated"]
    assert first[-1] == "response.done"
    assert kinds(second) == ["response.created", "rate_limits.updated", "response.done"]
    assert second[1]["rate_limits"][0]["remaining"] == 0
    error = second[-1]["response"]["status_details"]["error"]
    assert error["code"] == "rate_limit_exceeded"
    assert error["message"].startswith("This session has reached its limit of requests")


async def test_a_tool_turn(judge: BetaJudge) -> None:
    async with serving(replies=REPLIES) as server, beta_client(server, judge) as client:
        choice = {"type": "function", "function": {"name": "get_weather"}}
        await client.configure(modalities=["text"], tools=[WEATHER], tool_choice=choice)
        await client.say("the weather in london please")
        await client.send("response.create")
        events = await client.turn()
        assert kinds(events)[1:] == [
            "response.created",
            "response.output_item.added",
            "conversation.item.created",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.done",
        ]
        call = events[-1]["response"]["output"][0]
        assert (call["name"], call["arguments"]) == ("get_weather", '{"city": "London"}')
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "foggy"}
        await client.send("conversation.item.create", item=output)
        await client.send("response.create", response={"tool_choice": "none"})
        await client.turn()
        assert client.of("response.text.done")[-1]["text"] == "In London it is foggy."


async def test_a_barge_in_and_what_is_kept(judge: BetaJudge) -> None:
    async with serving(replies=REPLIES) as server, beta_client(server, judge) as client:
        await client.say("a story please")
        await client.send("response.create")
        first = (await client.until("response.audio.delta"))["item_id"]
        await client.append(silence(320) + tone(500))
        events = await client.turn()
        assert kinds(events)[-6:] == [
            "input_audio_buffer.speech_started",
            "response.audio.done",
            "response.audio_transcript.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.done",
        ]
        cancelled = events[-1]["response"]
        assert cancelled["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
        place = {"item_id": first, "content_index": 0, "audio_end_ms": 1500}
        await client.send("conversation.item.truncate", **place)
        await client.until("conversation.item.truncated")
        await client.send("conversation.item.retrieve", item_id=first)
        kept = (await client.until("conversation.item.retrieved"))["item"]
        assert kept["content"] == [{"type": "audio"}]
        await client.append(silence(640))
        assert (await client.turn())[-1]["response"]["status"] == "completed"


async def test_a_manual_turn_on_the_telephone(judge: BetaJudge) -> None:
    async with serving(replies=REPLIES) as server, beta_client(server, judge) as client:
        session = await client.configure(
            turn_detection={"type": "none"},
            input_audio_format="g711_ulaw",
            output_audio_format="g711_alaw",
        )
        assert session["turn_detection"] is None
        await client.append(b"\x00\x80" * 1200)
        await client.send("input_audio_buffer.commit")
        committed = await client.until("input_audio_buffer.committed")
        item = (await client.until("conversation.item.created"))["item"]
        assert item["id"] == committed["item_id"]
        assert item["content"] == [{"type": "input_audio", "transcript": None}]
        await client.send("response.create")
        created = (await client.until("response.created"))["response"]
        assert created["output_audio_format"] == "g711_alaw"
        assert (await client.turn())[-1]["response"]["status"] == "completed"
        assert spoken(client) == "I heard: 300 milliseconds of speech."


async def test_history_is_seeded_with_the_old_content_types(judge: BetaJudge) -> None:
    async with serving(replies=REPLIES) as server, beta_client(server, judge) as client:
        content = [{"type": "text", "text": "Welcome back."}]
        item = {"type": "message", "role": "assistant", "content": content}
        await client.send("conversation.item.create", item=item)
        shown = (await client.until("conversation.item.created"))["item"]
        assert (shown["content"], shown["object"]) == (content, "realtime.item")
        await client.send("conversation.item.delete", item_id=shown["id"])
        await client.until("conversation.item.deleted")
        await client.nothing_new()


async def test_a_response_beside_the_conversation(judge: BetaJudge) -> None:
    async with serving(replies=REPLIES) as server, beta_client(server, judge) as client:
        content = [{"type": "input_text", "text": "aside"}]
        asked = {
            "conversation": "none",
            "modalities": ["text"],
            "metadata": {"topic": "x"},
            "max_response_output_tokens": 100,
            "input": [{"type": "message", "role": "user", "content": content}],
        }
        await client.send("response.create", response=asked)
        events = await client.turn()
        response = events[-1]["response"]
        assert (response["conversation_id"], response["metadata"]) == (None, {"topic": "x"})
        assert response["max_output_tokens"] == 100
        assert not [kind for kind in kinds(events) if kind.startswith("conversation.item")]


# --- sessions (rows 133 and 134) ----------------------------------------------------------------


class PromptedModel(ScriptedModel):
    """A scripted model that keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.prompts: list[Prompt] = []

    async def generate(self, prompt: Prompt) -> AsyncGenerator[ModelOutput, None]:
        self.prompts.append(prompt)
        async for output in super().generate(prompt):
            yield output


async def test_the_temperature_reaches_the_model(judge: BetaJudge) -> None:
    model = PromptedModel()
    async with serving(llm=model) as server, beta_client(server, judge) as client:
        await client.send("response.create")
        assert (await client.turn())[-1]["response"]["temperature"] == 0.8
        assert (await client.configure(temperature=1.1))["temperature"] == 1.1
        await client.send("response.create")
        assert (await client.turn())[-1]["response"]["temperature"] == 1.1
        await client.send("response.create", response={"temperature": 0.7})
        assert (await client.turn())[-1]["response"]["temperature"] == 0.7
        await client.send("response.create")
        await client.turn()
    assert [prompt.temperature for prompt in model.prompts] == [None, 1.1, 0.7, 1.1]


async def test_a_refused_update_names_the_field_and_changes_nothing(judge: BetaJudge) -> None:
    async with serving() as server, beta_client(server, judge) as client:
        before = client.events[0]["session"]
        wrong = {"instructions": "Be rude.", "turn_detection": {"threshold": 2}}
        await client.send("session.update", session=wrong, event_id="mine")
        error = await client.error()
        assert error["code"] == "decimal_above_max_value"
        assert (error["param"], error["event_id"]) == ("session.turn_detection.threshold", "mine")
        assert "'session.turn_detection.threshold'" in error["message"]
        assert await client.configure() == before


async def test_a_transcription_session(judge: BetaJudge) -> None:
    heard = ScriptedRecognizer("good morning")
    async with (
        serving(stt=heard) as server,
        beta_client(server, judge, "intent=transcription") as client,
    ):
        session = {
            "input_audio_format": "pcm16",
            "input_audio_transcription": {"model": "whisper-1", "language": "en"},
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 400},
        }
        await client.send("transcription_session.update", session=session)
        updated = (await client.until("transcription_session.updated"))["session"]
        assert updated["input_audio_transcription"]["model"] == "whisper-1"
        assert updated["turn_detection"]["silence_duration_ms"] == 400
        await client.append(utterance())
        done = "conversation.item.input_audio_transcription.completed"
        events = await client.all_until(done)
        assert kinds(events) == [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.created",
            done,
        ]
        assert events[-1]["transcript"] == "good morning"


async def test_each_update_belongs_to_its_kind_of_session(judge: BetaJudge) -> None:
    async with serving() as server:
        async with beta_client(server, judge) as client:
            await client.send("transcription_session.update", session={})
            assert (await client.error())["code"] == "invalid_parameter"
        async with beta_client(server, judge, "intent=transcription") as client:
            await client.send("session.update", session={})
            assert (await client.error())["code"] == "invalid_parameter"


# --- who speaks it (rows 14 and 15) -------------------------------------------------------------


async def test_a_browser_asks_for_it_with_a_subprotocol(judge: BetaJudge) -> None:
    offered = ("realtime", "openai-insecure-api-key.none", "openai-beta.realtime-v1")
    async with (
        serving() as server,
        beta_client(server, judge, headers={}, protocols=offered) as client,
    ):
        assert client.socket.protocol == "realtime"
        assert client.events[0]["session"]["modalities"] == ["audio", "text"]


async def test_the_header_of_assistants_does_not_ask_for_it() -> None:
    async with (
        serving() as server,
        server.connect(headers={"OpenAI-Beta": "assistants=v2"}) as client,
    ):
        assert client.events[0]["session"]["output_modalities"] == ["audio"]


async def test_both_dialects_at_the_same_time(judge: BetaJudge) -> None:
    async with (
        serving(replies=REPLIES) as server,
        beta_client(server, judge) as old,
        server.connect() as new,
    ):
        for client in (old, new):
            await client.send("response.create")
        assert (await old.until("response.done"))["response"]["modalities"] == ["audio", "text"]
        assert (await new.until("response.done"))["response"]["output_modalities"] == ["audio"]


async def test_a_session_that_cannot_begin(judge: BetaJudge) -> None:
    async with serving() as server:
        url = f"{server.url}/realtime"
        async with server.http.ws_connect(url, headers=BETA) as socket:
            client = BetaClient(socket, judge)
            assert (await client.error())["code"] == "missing_model"
            assert (await client.until_closed()).code == 4000


# --- secrets (row 130) --------------------------------------------------------------------------


async def minted(server: Any, path: str, body: Event, *, status: int = 200) -> Event:
    """What a POST gives, with the header that the old SDK sends."""
    headers = {"OpenAI-Beta": "assistants=v2"}
    async with server.http.post(
        f"{server.url}/realtime/{path}", json=body, headers=headers
    ) as answer:
        content: Event = await answer.json()
        assert answer.status == status, content
    return content


async def test_a_secret_for_a_session(judge: BetaJudge) -> None:
    async with serving(replies=REPLIES) as server:
        body = {"model": MODEL, "instructions": "Be kind.", "temperature": 0.9, "voice": "ash"}
        made = await minted(server, "sessions", body)
        secret = made["client_secret"]
        assert secret["value"].startswith("ek_")
        assert {name: made[name] for name in body} == body
        assert (made["object"], made["expires_at"]) == ("realtime.session", 0)
        bearer = {"Authorization": f"Bearer {secret['value']}"}
        async with beta_client(server, judge, headers={**bearer, **BETA}) as client:
            session = client.events[0]["session"]
            assert {name: session[name] for name in body} == body
        async with server.connect(f"model={MODEL}", headers=bearer) as new:
            assert "temperature" not in new.events[0]["session"]
            await new.send("response.create")
            assert "temperature" not in (await new.until("response.done"))["response"]


async def test_a_secret_for_a_transcription_session(judge: BetaJudge) -> None:
    async with serving() as server:
        body = {"input_audio_transcription": {"model": "whisper-1"}, "turn_detection": None}
        made = await minted(server, "transcription_sessions", body)
        assert made["object"] == "realtime.transcription_session"
        assert made["input_audio_transcription"]["model"] == "whisper-1"
        assert made["turn_detection"] is None
        bearer = {"Authorization": f"Bearer {made['client_secret']['value']}"}
        async with beta_client(server, judge, "", headers={**bearer, **BETA}) as client:
            session = client.events[0]["session"]
            assert session["object"] == "realtime.transcription_session"
            assert session["turn_detection"] is None


async def test_a_secret_lasts_a_minute_or_as_long_as_was_asked() -> None:
    async with serving() as server:
        short = (await minted(server, "sessions", {}))["client_secret"]
        asked = {"expires_after": {"anchor": "created_at", "seconds": 600}}
        long = (await minted(server, "sessions", {"client_secret": asked}))["client_secret"]
        assert 535 <= long["expires_at"] - short["expires_at"] <= 545


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"temperature": 2}, "decimal_above_max_value", "temperature"),
        (
            {"turn_detection": {"threshold": 2}},
            "decimal_above_max_value",
            "turn_detection.threshold",
        ),
        ({"colour": "red"}, "unknown_parameter", "colour"),
        (
            {"client_secret": {"expires_after": {"seconds": 9}}},
            "integer_below_min_value",
            "client_secret.expires_after.seconds",
        ),
        ([], "invalid_type", None),
    ],
)
async def test_a_request_that_is_wrong(body: Any, code: str, param: str | None) -> None:
    async with serving() as server:
        error = (await minted(server, "sessions", body, status=400))["error"]
        assert (error["code"], error["param"]) == (code, param)


async def test_ga_secrets_have_no_temperature() -> None:
    async with serving() as server:
        body = {"session": {"type": "realtime", "temperature": 0.8}}
        error = (await minted(server, "client_secrets", body, status=400))["error"]
        assert (error["code"], error["param"]) == ("unknown_parameter", "session.temperature")
