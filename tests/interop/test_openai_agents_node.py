"""OpenAI's Agents SDK for JavaScript, unmodified but for its URL, drives every kind of turn.

It drops an event that its schema refuses without a word, so its program shows each event to that
schema and reports what is refused.
"""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support.node import Node, Seen
from support.recorded_turns import write_recording
from support.server import serving
from support.sound import BYTES_PER_MS
from vivavoce.app import running
from vivavoce.config import Settings

NAME = "@openai/agents (npm, WebSocket)"

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
  - {say: "I heard: {heard}."}
"""

SILENCE_MS = 4_320
"""More than the ceiling of `semantic_vad`, which the SDK asks for, with its eagerness `auto`."""

WRITTEN = {"outputModalities": ["text"]}


@pytest.fixture
def built_in_engines(require_module: Callable[..., ModuleType]) -> None:
    require_module("pocketsphinx", reason="it has no wheel for this Python")
    require_module("espeakng_loader", reason="pip install 'vivavoce[demo]' brings it")


async def scripted(node: Node, **asked: Any) -> Seen:
    """A turn with scripted engines."""
    async with serving(replies=REPLIES) as server:
        return await converse(node, server.url, **asked)


async def built_in(node: Node, **asked: Any) -> Seen:
    """A turn with the engines that need no download."""
    async with running(Settings(port=0)) as server:
        return await converse(node, server.url, **asked)


async def converse(node: Node, url: str, **asked: Any) -> Seen:
    """What the SDK sees of a turn: no error, and no event that it does not understand."""
    # The SDK opens the URL as it stands.
    url = f"{url.replace('http', 'ws', 1)}/realtime?model=gpt-realtime"
    seen = await node.converse("agents_client.mjs", url=url, **asked)
    for name in ("error", "refused", "unknown"):
        assert name not in seen.reports, seen.reports[name]
    return seen


def messages(seen: Seen, role: str) -> list[Any]:
    """The messages of the SDK's own history, as they are at the end."""
    return [item for item in seen.the("history") if item.get("role") == role]


async def test_openai_agents_node_settings_are_taken(node: Node) -> None:
    # It sends its settings and its tracing, in the order in which its socket wakes it.
    *_, session = [event["session"] for event in (await scripted(node, turn="connected")).events]
    assert session["audio"]["input"]["turn_detection"] == {
        "type": "semantic_vad",
        "eagerness": "auto",
        "create_response": True,
        "interrupt_response": True,
    }
    assert session["instructions"] == "Be brief."
    assert session["tracing"] == "auto"


@pytest.mark.client(NAME, "text")
async def test_openai_agents_node_text_turn(node: Node) -> None:
    seen = await scripted(node, turn="text", config=WRITTEN)
    (question,), (answer,) = messages(seen, "user"), messages(seen, "assistant")
    assert question["content"] == [{"type": "input_text", "text": "good morning"}]
    assert answer["content"] == [{"type": "output_text", "text": "I heard: good morning."}]
    assert answer["status"] == "completed"


@pytest.mark.client(NAME, "spoken")
@pytest.mark.usefixtures("built_in_engines")
async def test_openai_agents_node_spoken_turn(node: Node, tmp_path: Path) -> None:
    speech = write_recording(tmp_path, "sum", silence_ms=SILENCE_MS)
    seen = await built_in(node, turn="spoken", speech=speech)
    (question,), (answer,) = messages(seen, "user"), messages(seen, "assistant")
    assert question["content"][0]["transcript"] == "what is six times seven"
    assert answer["content"][0]["transcript"] == "6 times 7 is 42."
    assert seen.the("audioBytes") > 1000 * BYTES_PER_MS
    assert "interrupted" not in seen.reports


@pytest.mark.usefixtures("built_in_engines")
async def test_openai_agents_node_spoken_turn_with_an_eager_ending(
    node: Node, tmp_path: Path
) -> None:
    speech = write_recording(tmp_path, "hello", silence_ms=SILENCE_MS // 2)
    eager = {"audio": {"input": {"turnDetection": {"type": "semantic_vad", "eagerness": "high"}}}}
    seen = await built_in(node, turn="spoken", speech=speech, config=eager)
    (question,) = messages(seen, "user")
    assert question["content"][0]["transcript"] == "hello there"


@pytest.mark.client(NAME, "tool")
async def test_openai_agents_node_tool_turn(node: Node) -> None:
    seen = await scripted(node, turn="tool", config=WRITTEN)
    assert seen.the("tool") == {"name": "get_weather", "result": "foggy over London"}
    (answer,) = messages(seen, "assistant")
    assert answer["content"][0]["text"] == "In London it is foggy over London."


@pytest.mark.client(NAME, "barge-in")
@pytest.mark.usefixtures("built_in_engines")
async def test_openai_agents_node_barge_in_turn(node: Node, tmp_path: Path) -> None:
    speech = write_recording(tmp_path, "stop", silence_ms=SILENCE_MS)
    seen = await built_in(node, turn="spoken_over", speech=speech)
    story, answer = seen.of("response.done")
    assert story["response"]["status_details"]["reason"] == "turn_detected"
    assert answer["response"]["status"] == "completed"
    assert seen.the("interrupted") is True
    (truncated,) = seen.of("conversation.item.truncated")
    assert truncated["item_id"] == story["response"]["output"][0]["id"]
    assert messages(seen, "user")[-1]["content"][0]["transcript"] == "stop please"


@pytest.mark.client(NAME, "barge-in")
async def test_openai_agents_node_barge_in_turn_of_the_program(node: Node) -> None:
    seen = await scripted(node, turn="stopped")
    (story,) = seen.of("response.done")
    assert story["response"]["status_details"]["reason"] == "client_cancelled"
    assert seen.the("interrupted") is True
    (truncated,) = seen.of("conversation.item.truncated")
    assert truncated["item_id"] == story["response"]["output"][0]["id"]
