"""Which events of ours the Agents SDK for JavaScript understands: all but three of the service's.

Its schema is strict, and it takes an event that the schema refuses for one that it does not know:
nothing is said, and a user's program never hears of it.
"""

import json
from collections.abc import Iterable
from typing import Any, get_args

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from support.mcp_server import dice_server
from support.moves import Move, moves
from support.node import Node
from support.server import Client, Event, serving
from support.sound import silence, tone, utterance
from support.world import IDLE, SHORT_LEAD, TALKATIVE, WITH_TOOLS, World
from vivavoce.dialects import ga
from vivavoce.engines.stt.scripted import ScriptedRecognizer
from vivavoce.protocol.server_events import (
    OWN,
    RateLimitsAtStart,
    ServerEvent,
    TimeoutTriggered,
)
from vivavoce.protocol.session_config import SessionConfig
from vivavoce.session.outputs import Send, SendAudio, SendRetrieved

REPLIES = """
rules:
  - when: weather in (?P<city>\\w+)
    call: {tool: get_weather, arguments: {city: "{city:title}"}}
    after_tool: "In {city:title} it is {result}."
  - when: story
    say: >-
      Once upon a time there was a lighthouse on a small rock, far out in the grey sea. Its keeper
      was an old woman called Marta, and every evening she climbed two hundred and twelve steps to
      light the lamp. One autumn night a fog came in, so thick that even the great lamp could not
      be seen from the water, and a ship was coming towards the rock.
  - {when: look, call: {tool: dice__look}}
  - {when: drop, call: {tool: dice__drop}}
  - {say: "I heard: {heard}."}
"""

WEATHER: Event = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}

FAILED = "conversation.item.input_audio_transcription.failed"
"""The service has null for its `error.param`, as we do; the SDK's schema has no null there."""

TIMEOUT = TimeoutTriggered(event_id="event_1", item_id="item_1", audio_start_ms=0, audio_end_ms=5)

UNKNOWN = {"input_audio_buffer.timeout_triggered", "response.mcp_call.failed"}
"""No schema of the SDK has these events of the service."""

SENT_BY_GA = {
    str(member.__struct_config__.tag)
    for member in get_args(ServerEvent)
    if member is not RateLimitsAtStart and member not in OWN
}

configs = st.sampled_from((TALKATIVE, IDLE, WITH_TOOLS))


async def verdicts(node: Node, events: Iterable[Event]) -> dict[str, set[str]]:
    """The types of these events by verdict of the SDK: known, unknown, refused."""
    lines = "".join(json.dumps(event) + "\n" for event in events)
    judged: dict[str, set[str]] = {}
    for line in await node.run("agents_schema.mjs", stdin=lines):
        ((verdict, event),) = line.items()
        judged.setdefault(verdict, set()).add(event["type"])
    return judged


def decoded(event: ServerEvent) -> list[Event]:
    """An event as a client of the GA dialect gets it."""
    return [msgspec.json.decode(frame) for frame in ga.encode(event)]


async def respond(client: Client, **response: Any) -> Event:
    """A response; gives its end."""
    await client.send("response.create", response=response)
    return await client.until("response.done")


async def written_and_called(client: Client) -> None:
    """An error, written answers, one that is cut short, and a call."""
    await client.send("nonsense")
    await client.update(output_modalities=["text"], tools=[WEATHER])
    await client.say("good morning")
    await respond(client)
    await respond(client, max_output_tokens=1, metadata={"who": "me"}, conversation="none")
    await client.say("the weather in london please")
    (call,) = (await respond(client))["response"]["output"]
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "foggy"}
    await client.send("conversation.item.create", item=output)
    await respond(client)


async def called_elsewhere(client: Client, url: str) -> None:
    """The tools of an MCP server, a call that succeeds, and one that fails; and no server."""
    dice: Event = {"type": "mcp", "server_label": "dice", "server_url": url}
    gone: Event = dice | {"server_label": "gone", "server_url": "http://192.0.2.1/mcp"}
    await client.update(output_modalities=["text"], tools=[dice | {"require_approval": "never"}])
    await client.until("mcp_list_tools.completed")
    for asked, ended in (("look", "completed"), ("drop", "failed")):
        await client.say(asked)
        await client.send("response.create")
        await client.until(f"response.mcp_call.{ended}")
    await client.update(tools=[gone])
    await client.until("mcp_list_tools.failed")


async def heard_and_interrupted(client: Client) -> None:
    """A turn that is understood, an answer that is spoken over, and a turn that is not."""
    await client.update(output_modalities=["audio"], audio={"input": {"transcription": {}}})
    await client.append(utterance())
    await client.until("response.done")
    await client.say("a story please")
    await client.send("response.create")
    item_id = (await client.until("response.output_audio.delta"))["item_id"]
    await client.append(silence(320) + tone(500))
    await client.until("response.done")
    await client.send(
        "conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=100
    )
    await client.append(silence(640))
    await client.until("response.done")
    for kind in ("retrieve", "delete"):
        await client.send(f"conversation.item.{kind}", item_id=item_id)
    await client.send("input_audio_buffer.clear")
    await client.until("input_audio_buffer.cleared")


async def test_openai_agents_node_knows_an_event_of_each_type(node: Node) -> None:
    hearing = ScriptedRecognizer(["good morning", None], deltas=True)
    allowed = ["127.0.0.1"]
    async with (
        dice_server() as dice,
        serving(
            replies=REPLIES, stt=hearing, requests_per_minute=1000, mcp_private_hosts=allowed
        ) as server,
        server.connect() as client,
    ):
        await written_and_called(client)
        await called_elsewhere(client, dice.url)
        await heard_and_interrupted(client)
    judged = await verdicts(node, [*client.events, *decoded(TIMEOUT)])
    assert judged == {
        "known": SENT_BY_GA - {FAILED} - UNKNOWN,
        "refused": {FAILED},
        "unknown": UNKNOWN,
    }


async def test_openai_agents_node_knows_the_events_of_random_conversations(node: Node) -> None:
    frames: set[bytes] = set()

    @given(seed=st.integers(0, 2**16), config=configs, script=moves)
    def converse(seed: int, config: SessionConfig, script: list[Move]) -> None:
        world = World(seed, config=config, limits=SHORT_LEAD)
        for move in script:
            world.make(move)
        world.settle()
        outputs = (output for step in world.log for output in step.outputs)
        for output in outputs:
            if isinstance(output, Send | SendAudio | SendRetrieved):
                frames.update(ga.encode(output.event))

    converse()
    judged = await verdicts(node, map(msgspec.json.decode, frames))
    assert {"session.updated", "response.done", "error"} <= judged["known"]
    assert judged.get("refused", set()) <= {FAILED}
    assert judged.get("unknown", set()) <= UNKNOWN


async def test_openai_agents_node_refuses_what_its_schema_does_not_have(node: Node) -> None:
    added: Event = {"type": "conversation.item.added", "event_id": "event_1"}
    wrong: Event = {"id": "item_1", "type": "message", "role": None, "content": []}
    image: Event = {"type": "message", "role": "user", "content": [{"type": "input_image"}]}
    for item in (wrong, image):
        assert await verdicts(node, [added | {"item": item}]) == {"refused": {added["type"]}}
