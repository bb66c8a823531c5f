"""A server that could answer is offered with what to type."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from vivavoce.config.discovery import offers
from vivavoce.config.resolution import Choice


@pytest.fixture
async def ollama() -> AsyncIterator[str]:
    """A server with one model; gives its base URL."""

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "qwen3", "owned_by": "x"}]})

    app = web.Application()
    app.router.add_get("/v1/models", models)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    await runner.cleanup()


async def test_a_server_on_a_usual_port_is_offered_with_its_model(ollama: str) -> None:
    (offer,) = await offers({}, servers={"Ollama": ollama})
    assert str(offer) == f"Ollama runs here. To let it answer: vivavoce serve --llm {ollama}#qwen3"


async def test_a_server_of_another_kind_is_not_offered(ollama: str) -> None:
    assert await offers({}, servers={"Ollama": f"{ollama}/elsewhere"}) == ()


async def test_a_port_where_nobody_listens_is_not_offered(unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/v1"
    assert await offers({}, servers={"llama.cpp": url}) == ()


async def test_our_own_port_is_not_asked(ollama: str) -> None:
    port = int(ollama.split(":")[2].removesuffix("/v1"))
    assert await offers({}, own_ports=[port], servers={"llama.cpp": ollama}) == ()


@pytest.mark.parametrize("name", ["OPENAI_BASE_URL", "OPENAI_API_KEY"])
async def test_the_environment_is_offered_without_its_key(name: str) -> None:
    value = "http://localhost:9/v1" if name == "OPENAI_BASE_URL" else "sk-secret"
    (offer,) = await offers({name: value}, servers={})
    assert "--profile remote" in str(offer)
    assert "sk-secret" not in str(offer)


async def test_what_a_url_has_of_keys_is_not_shown() -> None:
    url = "https://me:sk-1@example.com:8443/v1?key=sk-2#sk-3"
    (offer,) = await offers({"OPENAI_BASE_URL": url}, servers={})
    assert "https://example.com:8443/v1." in str(offer)
    assert "sk-" not in str(offer)
    shown = str(Choice("llm", "openai", options={"base_url": url, "model": "m"}))
    assert shown == "openai m at https://example.com:8443/v1"
