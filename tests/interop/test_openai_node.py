"""OpenAI's own SDK for JavaScript drives every kind of turn, over wss: it opens nothing else."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support.certificate import write_certificate
from support.node import Node, Seen
from support.recorded_turns import write_recording
from support.server import serving
from vivavoce.app import running
from vivavoce.config import Settings

REPLIES = """
rules:
  - when: weather in (?P<city>\\w+)
    call: {tool: get_weather, arguments: {city: "{city:title}"}}
    after_tool: "In {city:title} it is {result}."
  - {say: "I heard: {heard}."}
"""

SILENCE_MS = 640
"""More than ends a turn by default."""


@pytest.fixture
def certificate(tmp_path: Path) -> dict[str, Any]:
    """The settings for TLS with a new certificate."""
    cert, key = write_certificate(tmp_path)
    return {"tls_cert": cert, "tls_key": key}


@pytest.fixture
def built_in_engines(require_module: Callable[..., ModuleType]) -> None:
    require_module("pocketsphinx", reason="it has no wheel for this Python")
    require_module("espeakng_loader", reason="pip install 'vivavoce[demo]' brings it")


@pytest.fixture(params=["ws", "websocket"])
def socket(request: pytest.FixtureRequest) -> str:
    """The client for Node, on `ws`; and the one for browsers, on the WebSocket built into Node."""
    name: str = request.param
    return name


async def scripted(node: Node, certificate: dict[str, Any], **asked: Any) -> Seen:
    """A turn with scripted engines, at which nothing may be an error to the SDK."""
    async with serving(replies=REPLIES, **certificate) as server:
        return await converse(node, certificate, url=server.url, **asked)


async def built_in(node: Node, certificate: dict[str, Any], **asked: Any) -> Seen:
    """A turn with the engines that need no download, without an error."""
    async with running(Settings(port=0, **certificate)) as server:
        return await converse(node, certificate, url=server.url, **asked)


async def converse(node: Node, certificate: dict[str, Any], **asked: Any) -> Seen:
    """What the SDK sees of a turn."""
    seen = await node.converse("openai_client.mjs", trusting=certificate["tls_cert"], **asked)
    assert "error" not in seen.reports, seen.reports["error"]
    return seen


@pytest.mark.client("openai (npm)", "text")
async def test_openai_node_text_turn(node: Node, certificate: dict[str, Any], socket: str) -> None:
    seen = await scripted(node, certificate, socket=socket, turn="text")
    (answer,) = seen.of("response.done")
    assert answer["response"]["output"][0]["content"] == [
        {"type": "output_text", "text": "I heard: good morning."}
    ]
    deltas = seen.of("response.output_text.delta")
    assert "".join(event["delta"] for event in deltas) == "I heard: good morning."


@pytest.mark.client("openai (npm)", "spoken")
@pytest.mark.usefixtures("built_in_engines")
async def test_openai_node_spoken_turn(
    node: Node, certificate: dict[str, Any], socket: str, tmp_path: Path
) -> None:
    speech = write_recording(tmp_path, "sum", silence_ms=SILENCE_MS)
    seen = await built_in(node, certificate, socket=socket, turn="spoken", speech=speech)
    (heard,) = seen.of("conversation.item.input_audio_transcription.completed")
    assert heard["transcript"] == "what is six times seven"
    (said,) = seen.of("response.output_audio_transcript.done")
    assert said["transcript"] == "6 times 7 is 42."
    assert seen.of("response.output_audio.delta")


@pytest.mark.client("openai (npm)", "tool")
async def test_openai_node_tool_turn(node: Node, certificate: dict[str, Any], socket: str) -> None:
    seen = await scripted(node, certificate, socket=socket, turn="tool")
    (call,) = seen.of("response.function_call_arguments.done")
    assert (call["name"], call["arguments"]) == ("get_weather", '{"city": "London"}')
    (said,) = seen.of("response.output_text.done")
    assert said["text"] == "In London it is foggy."


@pytest.mark.client("openai (npm)", "barge-in")
@pytest.mark.usefixtures("built_in_engines")
async def test_openai_node_barge_in_turn(
    node: Node, certificate: dict[str, Any], socket: str, tmp_path: Path
) -> None:
    speech = write_recording(tmp_path, "stop", silence_ms=SILENCE_MS)
    seen = await built_in(node, certificate, socket=socket, turn="interrupted", speech=speech)
    story, answer = seen.of("response.done")
    assert story["response"]["status"] == "cancelled"
    assert story["response"]["status_details"]["reason"] == "turn_detected"
    (truncated,) = seen.of("conversation.item.truncated")
    assert truncated["item_id"] == story["response"]["output"][0]["id"]
    assert answer["response"]["status"] == "completed"
