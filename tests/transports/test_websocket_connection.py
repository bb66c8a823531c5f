"""Connecting and closing (protocol 1.1, 9 rows 1 to 6, 10 to 13, 20 to 25)."""

import time

import aiohttp
import pytest

from support.server import PATIENCE_S, serving
from support.upgrade import HANDSHAKE

DEFAULT_DETECTION = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}
PCM = {"type": "audio/pcm", "rate": 24000}


async def test_the_first_frame_shows_the_whole_session_with_its_defaults() -> None:
    before = time.time()
    async with serving() as server, server.connect("model=gpt-realtime") as client:
        created = client.events[0]["session"]
    assert created.pop("id").startswith("sess_")
    assert before + 3599 <= created.pop("expires_at") <= time.time() + 3600
    assert created == {
        "type": "realtime",
        "object": "realtime.session",
        "model": "gpt-realtime",
        "output_modalities": ["audio"],
        "instructions": "",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "audio": {
            "input": {
                "format": PCM,
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": DEFAULT_DETECTION,
            },
            "output": {"format": PCM, "voice": "alloy", "speed": 1.0},
        },
        "include": None,
    }


async def test_nothing_follows_session_created_by_itself() -> None:
    async with serving() as server, server.connect() as client:
        await client.nothing_new()
        assert client.kinds() == ["session.created", "error"]


async def test_a_transcription_session_has_no_model_and_no_output() -> None:
    async with serving() as server, server.connect("intent=transcription") as client:
        created = client.events[0]["session"]
    assert created["type"] == "transcription"
    assert created["object"] == "realtime.transcription_session"
    assert "model" not in created
    assert created["audio"].keys() == {"input"}
    assert created["audio"]["input"]["transcription"] is None
    assert created["audio"]["input"]["turn_detection"].keys() == {
        "type",
        "threshold",
        "prefix_padding_ms",
        "silence_duration_ms",
    }


@pytest.mark.parametrize("query", ["", "model=", "intent=translation"])
async def test_without_a_model_there_is_an_error_and_close_4000(query: str) -> None:
    async with serving() as server, server.connect(query, greeted=False) as client:
        assert (await client.error())["code"] == "missing_model"
        closed = await client.until_closed()
    assert (closed.code, closed.reason) == (4000, "invalid_request_error.missing_model")


@pytest.mark.parametrize(
    ("offered", "selected"),
    [
        ((), None),
        (("realtime",), "realtime"),
        (("realtime", "openai-insecure-api-key.sk-secret"), "realtime"),
        (("openai-insecure-api-key.sk-secret", "openai-agents-sdk.0.20.0", "realtime"), "realtime"),
    ],
)
async def test_only_the_subprotocol_realtime_is_ever_selected(
    offered: tuple[str, ...], selected: str | None
) -> None:
    async with serving() as server, server.connect(protocols=offered) as client:
        assert client.socket.protocol == selected


async def test_a_key_alone_is_not_echoed() -> None:
    key = "openai-insecure-api-key.sk-secret"
    async with serving() as server, aiohttp.ClientSession() as http:
        url = f"{server.url}/realtime?model=test"
        upgrade = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "MTIzNDU2Nzg5MDEyMzQ1Ng==",
            "Sec-WebSocket-Protocol": key,
        }
        async with http.get(url, headers=upgrade) as answer:
            assert answer.status == 101
            assert "Sec-WebSocket-Protocol" not in answer.headers


@pytest.mark.parametrize("path", ["/realtime", "/v1/realtime"])
async def test_base_urls_with_and_without_v1_are_served(path: str) -> None:
    async with serving() as server:
        url = server.url.removesuffix("/v1") + path
        async with server.http.ws_connect(f"{url}?model=test") as socket:
            assert (await socket.receive_json(timeout=PATIENCE_S))["type"] == "session.created"


async def test_unknown_query_parameters_are_ignored() -> None:
    async with serving() as server, server.connect("model=test&api-version=2&x=1") as client:
        assert client.events[0]["session"]["model"] == "test"


async def test_the_beta_header_of_rest_clients_does_not_select_beta() -> None:
    headers = {"OpenAI-Beta": "assistants=v2"}
    async with serving() as server, server.connect(headers=headers) as client:
        assert client.events[0]["session"]["output_modalities"] == ["audio"]


async def test_without_an_upgrade_the_answer_is_an_http_error() -> None:
    async with serving() as server, server.http.get(f"{server.url}/realtime?model=x") as answer:
        assert answer.status == 400


async def test_compression_is_not_used() -> None:
    async with (
        serving() as server,
        server.http.ws_connect(f"{server.url}/realtime?model=x", compress=15) as socket,
    ):
        assert socket.compress == 0


async def test_the_close_of_a_client_is_answered_with_its_code() -> None:
    async with serving() as server, server.connect() as client:
        await client.socket.close(code=1000, message=b"bye")
        assert client.socket.close_code == 1000
        await server.until_idle()


async def test_more_sessions_than_allowed_are_refused_until_one_ends() -> None:
    async with serving(max_sessions=1) as server:
        async with server.connect(), server.connect(greeted=False) as second:
            assert (await second.error())["code"] == "too_many_sessions"
            assert (await second.until_closed()).code == 1013
        await server.until_idle()
        async with server.connect() as third:
            await third.nothing_new()


async def test_the_models_and_the_health_of_the_server_can_be_asked() -> None:
    async with serving() as server, server.http.get(f"{server.url}/models") as answer:
        listed = await answer.json()
        assert [model["object"] for model in listed["data"]] == ["model"]
        async with server.connect():
            assert await server.sessions() == 1


@pytest.mark.parametrize(
    "query",
    [
        "call_id=rtc_E6U0u6ZFxXUxYesuS1",
        "model=m&call_id=rtc_u1_E6U0u6ZFxXUxYesuS1",
        "intent=transcription&call_id=",
    ],
)
async def test_a_sideband_of_no_call_is_refused_before_the_upgrade(query: str) -> None:
    async with serving() as server:
        url = f"{server.url}/realtime?{query}"
        async with server.http.get(url, headers=HANDSHAKE) as answer:
            assert (answer.status, await answer.read()) == (404, b"")
