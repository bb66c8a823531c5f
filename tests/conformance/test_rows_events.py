"""Row 136: every type of event that the server sends, at least once, before the SDK's judge."""

from typing import Any, get_args

import pytest
from openai.types.beta.realtime import RealtimeServerEvent as BetaServerEvent
from openai.types.realtime import RealtimeServerEvent

from support.beta_judge import MODEL
from support.dialect_client import Connect, DialectClient
from support.own_events import MEASURED
from support.server import Event
from support.sound import silence, tone, utterance
from vivavoce.engines.stt.scripted import ScriptedRecognizer

NOT_ON_A_SOCKET = {
    "input_audio_buffer.dtmf_event_received",
    "output_audio_buffer.started",
    "output_audio_buffer.stopped",
    "output_audio_buffer.cleared",
}
NEVER_SENT = {
    "conversation.created",  # nor does the live service
    "conversation.item.input_audio_transcription.segment",  # no recogniser tells speakers apart
}
ELSEWHERE = {"input_audio_buffer.timeout_triggered"}
"""What the tests of row 74 wait for; those of rows 116 to 118 see the events of MCP."""

ASKED = "vivavoce_events=turn.measured"

REPLIES = """
rules:
  - {event: inaudible, say: "Pardon?"}
  - when: weather in (?P<city>\\w+)
    call: {tool: get_weather, arguments: {city: "{city:title}"}}
  - when: story
    say: >-
      Once upon a time there was a lighthouse on a small rock, far out in the grey sea. Its keeper
      was an old woman called Marta, and every evening she climbed two hundred and twelve steps to
      light the lamp. One autumn night a fog came in, so thick that even the great lamp could not
      be seen from the water, and a ship was coming towards the rock.
  - {say: "I heard: {heard}."}
"""

WEATHER: Event = {
    "type": "function",
    "name": "get_weather",
    "description": "Look up the weather for a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


def types_of(union: Any) -> set[str]:
    """The types of the events of a union of the SDK."""
    members, *_ = get_args(union)
    return {get_args(each.model_fields["type"].annotation)[0] for each in get_args(members)}


async def write_and_call(client: DialectClient) -> None:
    """An error, a written answer and a call."""
    await client.nothing_new()
    await client.update(output_modalities=["text"], tools=[WEATHER])
    await client.say("good morning")
    await client.respond()
    await client.say("the weather in london please")
    await client.respond()


async def speak_and_interrupt(client: DialectClient) -> None:
    """A turn that is understood, an answer that is spoken over, and a turn that is not."""
    await client.update(
        output_modalities=["audio"], audio={"input": {"transcription": {"model": "whisper-1"}}}
    )
    await client.append(utterance())
    await client.until("response.done")
    await client.say("a story please")
    await client.send("response.create")
    item_id = (await client.until("response.output_audio.delta"))["item_id"]
    await client.append(silence(320) + tone(500))
    await client.until("response.done")
    heard = {"item_id": item_id, "content_index": 0, "audio_end_ms": 1}
    await client.send("conversation.item.truncate", **heard)
    await client.append(silence(640))
    await client.until("response.done")
    await client.send("conversation.item.retrieve", item_id=item_id)
    await client.send("conversation.item.delete", item_id=item_id)
    await client.send("input_audio_buffer.clear")
    await client.until("input_audio_buffer.cleared")


async def tour(connect: Connect) -> set[str]:
    """The types of all events that could be had; each was judged when it came."""
    hearing = ScriptedRecognizer(["good morning", None], deltas=True)
    async with connect(replies=REPLIES, stt=hearing, requests_per_minute=1000) as client:
        await write_and_call(client)
        await speak_and_interrupt(client)
    return set(client.kinds())


@pytest.mark.dialect("ga")
async def test_row_136_every_event_of_ga_is_valid(connect: Connect) -> None:
    mcp = {kind for kind in types_of(RealtimeServerEvent) if "mcp_" in kind}
    old = {"conversation.item.created"}
    expected = types_of(RealtimeServerEvent) - mcp - old - NOT_ON_A_SOCKET - NEVER_SENT - ELSEWHERE
    assert await tour(connect) == expected


@pytest.mark.dialect("beta")
async def test_row_136_every_event_of_beta_is_valid(connect: Connect) -> None:
    seen = await tour(connect)
    async with connect("intent=transcription") as client:
        whisper = {"model": "whisper-1"}
        await client.update("transcription", audio={"input": {"transcription": whisper}})
        seen |= set(client.kinds())
    assert seen == types_of(BetaServerEvent) - NOT_ON_A_SOCKET - NEVER_SENT


async def test_row_136_an_event_of_our_own_comes_to_who_asks_for_it(connect: Connect) -> None:
    async with connect(f"model={MODEL}&{ASKED}", replies=REPLIES) as client:
        client.asked_for_measures = True
        await client.append(utterance())
        done = await client.until("response.done")
        measured = await client.next()
    (committed,) = client.of("input_audio_buffer.committed")
    assert measured["type"] == MEASURED
    assert measured["response_id"] == done["response"]["id"]
    assert measured["item_id"] == committed["item_id"]
    assert measured["first_audio_ms"] >= measured["endpoint_ms"]


async def test_row_136_an_event_of_our_own_comes_to_nobody_else(connect: Connect) -> None:
    async with connect(replies=REPLIES) as client:
        await client.append(utterance())
        await client.until("response.done")
        await client.nothing_new()
    assert MEASURED not in client.kinds()


async def test_row_136_another_event_of_our_own_is_refused(connect: Connect) -> None:
    async with connect(f"model={MODEL}&vivavoce_events=moods", greeted=False) as client:
        refusal = await client.error()
        await client.until_closed()
    assert (refusal["code"], refusal["param"]) == ("invalid_value", "vivavoce_events")
