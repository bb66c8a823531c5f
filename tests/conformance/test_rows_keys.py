"""Rows 120, 121 and 130: secrets for browsers."""

import time
from typing import Any

import pytest
from openai.types.realtime import ClientSecretCreateResponse

from support.dialect_client import Connect
from support.sdk_types import SENT_BUT_UNDECLARED, undeclared
from support.server import Event, LiveServer, serving
from vivavoce.protocol.session_config import RealtimeSession
from vivavoce.runtime.client_secrets import ClientSecrets
from vivavoce.runtime.clock import Clock

API_KEY = "sk-1"
SECRET_KEY = "of thirty-two letters, or of more"
KEYED: dict[str, Any] = {"api_keys": [API_KEY], "secret_key": SECRET_KEY}
MODEL = "gpt-4o-realtime-preview"


def bearer(key: str) -> dict[str, str]:
    """The header with a key."""
    return {"Authorization": f"Bearer {key}"}


async def post(server: LiveServer, path: str, body: Event, *, status: int = 200) -> Event:
    """What a POST gives, with the header of the old SDK, which must not matter."""
    headers = {**bearer(API_KEY), "OpenAI-Beta": "assistants=v2"}
    url = f"{server.url}/realtime/{path}"
    async with server.http.post(url, json=body, headers=headers) as answer:
        content: Event = await answer.json()
        assert answer.status == status, content
    return content


async def test_row_120_a_secret_is_shown_with_its_session_for_ten_minutes() -> None:
    async with serving(**KEYED) as server:
        before = int(time.time())
        made = await post(server, "client_secrets", {})
        assert made.keys() == {"value", "expires_at", "session"}
        assert made["value"].startswith("ek_")
        assert before + 600 <= made["expires_at"] <= time.time() + 600
        session = made["session"]
        assert (session["object"], session["expires_at"]) == ("realtime.session", 0)
        assert session["id"].startswith("sess_")
        judged = ClientSecretCreateResponse.model_validate(made)
        assert {f"session.{key}" for key in undeclared(judged.session)} <= SENT_BUT_UNDECLARED


@pytest.mark.parametrize("seconds", [10, 7200])
async def test_row_120_the_shortest_and_the_longest_life(seconds: int) -> None:
    async with serving(**KEYED) as server:
        before = int(time.time())
        asked = {"expires_after": {"anchor": "created_at", "seconds": seconds}}
        made = await post(server, "client_secrets", asked)
        assert before + seconds <= made["expires_at"] <= time.time() + seconds


@pytest.mark.parametrize(
    ("seconds", "code"), [(9, "integer_below_min_value"), (7201, "integer_above_max_value")]
)
async def test_row_120_other_lives_are_refused(seconds: int, code: str) -> None:
    async with serving(**KEYED) as server:
        asked = {"expires_after": {"anchor": "created_at", "seconds": seconds}}
        error = (await post(server, "client_secrets", asked, status=400))["error"]
        assert (error["code"], error["param"]) == (code, "expires_after.seconds")


async def test_row_121_a_secret_opens_the_session_that_it_holds(connect: Connect) -> None:
    session = {
        "type": "realtime",
        "model": MODEL,
        "instructions": "Speak like a pirate.",
        "output_modalities": ["text"],
        "audio": {"input": {"turn_detection": None}, "output": {"voice": "sage"}},
    }
    async with serving(**KEYED) as server:
        value = (await post(server, "client_secrets", {"session": session}))["value"]
        for _ in range(2):
            async with connect("", server=server, headers=bearer(value)) as client:
                assert client.shown("model") == MODEL
                assert client.shown("instructions") == "Speak like a pirate."
                assert client.shown("output_modalities") == ["text"]
                assert client.shown("audio.input.turn_detection") is None
                assert client.shown("audio.output.voice") == "sage"


async def test_row_121_an_expired_secret_is_an_invalid_key(connect: Connect) -> None:
    ten_minutes_ago = Clock(int(time.time()) - 600)
    secret = ClientSecrets(SECRET_KEY, ten_minutes_ago).mint(RealtimeSession(model=MODEL), 600)
    async with connect("", headers=bearer(secret.value), greeted=False, **KEYED) as client:
        assert (await client.error())["code"] == "invalid_api_key"
        closed = await client.until_closed()
    assert (closed.code, closed.reason) == (3000, "invalid_request_error.invalid_api_key")


async def test_row_130_sessions(connect: Connect) -> None:
    asked = {"model": MODEL, "instructions": "Be kind.", "temperature": 0.9, "voice": "ash"}
    async with serving(**KEYED) as server:
        made = await post(server, "sessions", asked)
        assert (made["object"], made["expires_at"]) == ("realtime.session", 0)
        secret = made["client_secret"]
        assert secret["value"].startswith("ek_")
        assert time.time() + 50 < secret["expires_at"] <= time.time() + 60
        async with connect("", server=server, headers=bearer(secret["value"])) as client:
            own = {"id", "expires_at", "client_secret"}
            assert made.keys() == client.session.keys()
            assert {name: made[name] for name in made.keys() - own} == {
                name: client.session[name] for name in client.session.keys() - own
            }
            assert {name: client.session[name] for name in asked} == asked


async def test_row_130_transcription_sessions(connect: Connect) -> None:
    asked = {"input_audio_transcription": {"model": "whisper-1"}, "turn_detection": None}
    async with serving(**KEYED) as server:
        made = await post(server, "transcription_sessions", asked)
        assert made["object"] == "realtime.transcription_session"
        assert made["input_audio_format"] == "pcm16"
        assert made["input_audio_transcription"]["model"] == "whisper-1"
        assert made["turn_detection"] is None
        secret = made["client_secret"]["value"]
        async with connect("", server=server, headers=bearer(secret)) as client:
            assert client.session["object"] == "realtime.transcription_session"
            assert client.session["input_audio_transcription"]["model"] == "whisper-1"
