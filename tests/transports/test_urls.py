"""The forms that base URLs and their queries have (protocol 1.1, 9 rows 5, 6 and 13)."""

import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI

from support.sdk_client import SdkClient
from support.server import PATIENCE_S, serving

BASES = ["", "/v1", "/openai", "/openai/v1"]


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("slash", ["", "/", "//"])
async def test_every_base_is_served_with_and_without_a_slash(base: str, slash: str) -> None:
    async with serving(api_keys=["sk-1"]) as server:
        root = server.url.removesuffix("/v1") + base
        headers = {"api-key": "sk-1"}
        async with server.http.ws_connect(
            f"{root}/realtime{slash}?model=test", headers=headers
        ) as socket:
            assert (await socket.receive_json(timeout=PATIENCE_S))["type"] == "session.created"
        url = f"{root}/realtime/client_secrets{slash}"
        async with server.http.post(url, headers=headers) as answer:
            assert answer.status == 200
        async with server.http.get(f"{root}/models{slash}", headers=headers) as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    "path", ["/v1//realtime", "//v1/realtime", "//realtime//", "/openai///v1//realtime"]
)
async def test_several_slashes_are_one(path: str) -> None:
    async with serving() as server:
        root = server.url.removesuffix("/v1")
        async with server.http.ws_connect(f"{root}{path}?model=test") as socket:
            assert (await socket.receive_json(timeout=PATIENCE_S))["type"] == "session.created"


@pytest.mark.parametrize(
    "path", ["/v1realtime", "/v2/realtime", "/v1/realtime/x", "/v1/x//realtime"]
)
async def test_other_paths_are_not_found(path: str) -> None:
    async with (
        serving() as server,
        server.http.get(server.url.removesuffix("/v1") + path) as answer,
    ):
        assert answer.status == 404


@pytest.mark.parametrize(
    ("query", "kind", "model"),
    [
        ("model=m", "realtime", "m"),
        ("deployment=d", "realtime", "d"),
        ("deployment=d&api-version=2025-04-01-preview", "realtime", "d"),
        ("model=m&deployment=d", "realtime", "m"),
        ("model=m&intent=", "realtime", "m"),
        ("model=m&intent=conversation", "realtime", "m"),
        ("model=m&organization=o&x=%FF&x=2", "realtime", "m"),
        ("model=org%2Fm%20x", "realtime", "org/m x"),
        ("intent=transcription", "transcription", None),
        ("intent=transcription&api-version=1", "transcription", None),
        ("intent=transcription&deployment=d", "transcription", None),
        ("intent=transcription&model=", "transcription", None),
    ],
)
async def test_what_the_query_asks_for(query: str, kind: str, model: str | None) -> None:
    async with serving() as server, server.connect(query) as client:
        session = client.events[0]["session"]
    assert session["type"] == kind
    assert session.get("model") == model


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "missing_model"),
        ("deployment=", "missing_model"),
        ("intent=translation", "missing_model"),
        ("intent=transcription&model=m", "invalid_model"),
    ],
)
async def test_exactly_one_of_model_and_intent_is_needed(query: str, code: str) -> None:
    async with serving() as server, server.connect(query, greeted=False) as client:
        assert (await client.error())["code"] == code
        closed = await client.until_closed()
    assert (closed.code, closed.reason) == (4000, f"invalid_request_error.{code}")


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("slash", ["", "/"])
async def test_the_sdk_of_openai_takes_any_base_url(base: str, slash: str) -> None:
    async with serving() as server:
        url = server.url.removesuffix("/v1") + base + slash
        async with (
            AsyncOpenAI(base_url=url, api_key="none") as openai,
            openai.realtime.connect(model="gpt-realtime") as connection,
        ):
            created = await SdkClient(connection).next()
    assert created.session.model == "gpt-realtime"


async def test_the_sdk_for_azure() -> None:
    async with serving(api_keys=["sk-1"]) as server:
        root = server.url.removesuffix("/v1")
        async with (
            AsyncAzureOpenAI(
                azure_endpoint=root,
                websocket_base_url=f"{root.replace('http', 'ws')}/openai",
                api_key="sk-1",
                api_version="2025-04-01-preview",
            ) as openai,
            openai.realtime.connect(model="my-deployment") as connection,
        ):
            created = await SdkClient(connection).next()
    assert created.session.model == "my-deployment"
