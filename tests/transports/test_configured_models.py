"""Models of a configuration file, as the sessions that ask for them find them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from support.server import LiveServer
from vivavoce.app import running
from vivavoce.config import read_settings
from vivavoce.runtime.trace import Origin
from vivavoce.session.barge_in_policy import BargeInPolicy
from vivavoce.session.speculation import Speculation

FILE = """
stt: {engine: scripted}
tts: {engine: scripted}
instructions: Be polite.
speculate: generate
aliases: {gpt-realtime: brief}
default_model: plain
models:
- name: plain
  pipeline: {vad: scripted}
- name: brief
  pipeline: {vad: scripted}
  instructions: Be brief.
  voice: cedar
  turn_detection: {type: semantic_vad, eagerness: high}
  max_output_tokens: 50
  tools: [{type: function, name: look}]
  barge_in: {least_voiced_ms: 300}
  speculate: transcribe
"""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LiveServer]:
    file = tmp_path / "vivavoce.yaml"
    file.write_text(FILE)
    settings = read_settings(file, {"port": 0, "trace": str(tmp_path / "traces")})
    async with aiohttp.ClientSession() as http, running(settings) as live:
        yield LiveServer(live.url, http)


async def created(server: LiveServer, model: str) -> dict[str, Any]:
    """The session that a client of this model is shown first."""
    async with server.connect(f"model={model}") as client:
        session: dict[str, Any] = client.of("session.created")[0]["session"]
    await server.until_idle()
    return session


@pytest.mark.parametrize("name", ["brief", "gpt-realtime"])
async def test_a_session_begins_as_its_model_says(server: LiveServer, name: str) -> None:
    session = await created(server, name)
    assert session["model"] == name
    assert session["instructions"] == "Be brief."
    assert session["max_output_tokens"] == 50
    assert session["audio"]["output"]["voice"] == "cedar"
    assert session["audio"]["input"]["turn_detection"]["eagerness"] == "high"
    assert [tool["name"] for tool in session["tools"]] == ["look"]


async def test_another_name_is_the_default_model(server: LiveServer) -> None:
    session = await created(server, "gpt-4o")
    assert (session["model"], session["instructions"]) == ("gpt-4o", "Be polite.")


@pytest.mark.parametrize(
    ("name", "policy", "speculate"),
    [
        ("gpt-realtime", BargeInPolicy(least_voiced_ms=300), "transcribe"),
        ("plain", BargeInPolicy(), "generate"),
    ],
)
async def test_a_session_is_held_to_what_its_model_allows(
    name: str, policy: BargeInPolicy, speculate: Speculation, server: LiveServer, tmp_path: Path
) -> None:
    await created(server, name)
    (trace,) = (tmp_path / "traces").iterdir()
    first = msgspec.json.decode(trace.read_bytes().splitlines()[0], type=Origin)
    assert (first.limits.barge_in, first.limits.speculate) == (policy, speculate)
