"""Keys: where they may be, and what is told to who has none (protocol 1.1, 6.2, 9 rows 8 to 12)."""

import logging
from typing import Any

import pytest
from openai import AsyncOpenAI, AuthenticationError

from support.sdk_client import SdkClient
from support.server import LiveServer, serving
from vivavoce.config import ConfigError, Settings

KEY = "sk-the-right-one"
KEYS = (KEY, "sk-for-the-other-team")
WRONG = "sk-the-wrong-one"

Carrier = dict[str, Any]


def carriers(key: str) -> list[Carrier]:
    """All places in which a WebSocket may carry a key."""
    return [
        {"headers": {"Authorization": f"Bearer {key}"}},
        {"headers": {"authorization": f"bearer  {key}"}},
        {"headers": {"api-key": key}},
        {"protocols": ("realtime", f"openai-insecure-api-key.{key}")},
        {"protocols": (f"openai-insecure-api-key.{key}", "openai-agents-sdk.0.20.0", "realtime")},
    ]


async def refused(server: LiveServer, query: str = "model=x", **carrier: Any) -> tuple[Any, ...]:
    """How a connection that is not admitted ends: the error, the close code and its reason."""
    async with server.connect(query, greeted=False, **carrier) as client:
        error = await client.error()
        closed = await client.until_closed()
    return error, closed.code, closed.reason


@pytest.mark.parametrize("carrier", [c for key in KEYS for c in carriers(key)])
async def test_every_key_is_accepted_in_every_place(carrier: Carrier) -> None:
    async with serving(api_keys=KEYS) as server, server.connect(**carrier) as client:
        await client.nothing_new()


@pytest.mark.parametrize("key", [WRONG, KEY[:-1], KEY + "x", "ek_nothing", "ek_", "schlüssel"])
@pytest.mark.parametrize("place", range(3))
async def test_a_wrong_key_is_told_and_closed_with_3000(key: str, place: int) -> None:
    async with serving(api_keys=KEYS) as server:
        error, code, reason = await refused(server, **carriers(key)[place])
    assert (error["type"], error["code"]) == ("invalid_request_error", "invalid_api_key")
    assert (code, reason) == (3000, "invalid_request_error.invalid_api_key")


@pytest.mark.parametrize(
    "carrier",
    [{}, {"headers": {"Authorization": "Bearer "}}, {"headers": {"Authorization": "Basic eDp5"}}],
)
async def test_no_key_is_told_with_a_null_code_and_closed_with_3000(carrier: Carrier) -> None:
    async with serving(api_keys=KEYS) as server:
        error, code, reason = await refused(server, **carrier)
    assert error["code"] is None
    assert "Bearer" in error["message"]
    assert (code, reason) == (3000, "invalid_request_error")


@pytest.mark.parametrize("name", ["api-key", "api_key", "Api-Key", "access_token"])
@pytest.mark.parametrize("api_keys", [(), KEYS])
async def test_a_key_in_the_url_is_refused_and_told_why(
    name: str, api_keys: tuple[str, ...]
) -> None:
    async with serving(api_keys=api_keys) as server:
        error, code, _ = await refused(server, f"model=x&{name}={KEY}")
    assert (error["code"], code) == ("invalid_api_key", 3000)
    assert "URLs are written to logs" in error["message"]
    assert KEY not in error["message"]


async def test_who_has_no_key_learns_nothing_of_models() -> None:
    async with serving(api_keys=KEYS) as server:
        error, code, _ = await refused(server, "")
    assert (error["code"], code) == (None, 3000)


@pytest.mark.parametrize("carrier", [{}, *carriers(WRONG)])
async def test_without_keys_everybody_is_admitted(carrier: Carrier) -> None:
    async with serving() as server, server.connect(**carrier) as client:
        await client.nothing_new()


@pytest.mark.parametrize("key", [None, WRONG])
async def test_rest_answers_401_in_the_shape_of_openai(key: str | None) -> None:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    # What would be a WebSocket elsewhere does not get by without a key either.
    headers["Upgrade"] = "websocket"
    async with serving(api_keys=KEYS) as server:
        url = f"{server.url}/realtime/client_secrets"
        async with server.http.post(url, headers=headers, json={}) as answer:
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            error = (await answer.json())["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert error["code"] == (None if key is None else "invalid_api_key")


async def test_unknown_paths_and_methods_are_json_too() -> None:
    async with serving() as server:
        async with server.http.get(f"{server.url}/nothing") as answer:
            assert answer.status == 404
            assert "/v1/nothing" in (await answer.json())["error"]["message"]
        async with server.http.get(f"{server.url}/realtime/client_secrets") as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "POST")
            assert (await answer.json())["error"]["type"] == "invalid_request_error"


async def test_the_sdk_of_openai_knows_its_refusal() -> None:
    async with serving(api_keys=KEYS) as server:
        async with AsyncOpenAI(base_url=server.url, api_key=WRONG, max_retries=0) as openai:
            with pytest.raises(AuthenticationError, match="Incorrect API key provided"):
                await openai.models.list()
        async with AsyncOpenAI(base_url=server.url, api_key=KEY, max_retries=0) as openai:
            assert (await openai.models.list()).data
            async with openai.realtime.connect(model="x") as connection:
                assert (await SdkClient(connection).next()).type == "session.created"


async def test_health_needs_no_key() -> None:
    async with serving(api_keys=KEYS) as server:
        assert await server.sessions() == 0


async def test_no_key_is_ever_logged_or_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    settings = Settings(api_keys=KEYS, secret_key="s" * 40, llm_api_key="sk-llm")
    assert not [key for key in (*KEYS, "ssss", "sk-llm") if key in repr(settings)]
    async with serving(api_keys=KEYS) as server:
        shown = [await refused(server, **carrier) for carrier in carriers(WRONG)]
        shown.append(await refused(server, f"model=x&api-key={WRONG}"))
        async with server.connect(**carriers(KEY)[0]) as client:
            await client.nothing_new()
    for key in (*KEYS, WRONG):
        assert key not in caplog.text
        assert key not in str(shown)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
async def test_without_keys_other_addresses_are_refused(host: str) -> None:
    with pytest.raises(ConfigError, match="--allow-anonymous") as caught:
        async with serving(host=host):
            pass
    assert "everybody who can reach this machine" in str(caught.value)
    assert "VIVAVOCE_API_KEY" in str(caught.value)


@pytest.mark.parametrize("permission", [{"api_keys": KEYS}, {"allow_anonymous": True}])
async def test_other_addresses_need_a_key_or_a_clear_word(permission: dict[str, Any]) -> None:
    async with serving(host="0.0.0.0", **permission) as server:
        assert ":0.0.0.0" not in server.url


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.2", "::1"])
async def test_loopback_needs_no_key(host: str) -> None:
    async with serving(host=host) as server, server.connect() as client:
        await client.nothing_new()
