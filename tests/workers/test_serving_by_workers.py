"""A server of two workers is one server, whoever of them answers."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from support.scrape import Scrape
from support.sdk_client import sdk_client
from support.served_process import SCRIPTED, ServedProcess, served
from support.server import Client, LiveServer
from support.upgrade import HANDSHAKE
from vivavoce.protocol.ids import worker_of

KEY = "a-key-of-the-tests"
HEADERS = {"Authorization": f"Bearer {KEY}"}
PLACES = 6
CONFIG = f"""
{SCRIPTED}
port: 0
workers: 2
max_sessions: {PLACES}
api_keys: [{KEY}]
"""


def configure(path: Path, more: str = "") -> None:
    """Write the configuration that the next reload reads."""
    path.write_text(CONFIG + more)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("served") / "vivavoce.yaml"
    configure(path)
    return path


@pytest.fixture(scope="module")
def process(config: Path) -> Iterator[ServedProcess]:
    with served(config) as process:
        yield process


@pytest.fixture
async def server(process: ServedProcess) -> AsyncIterator[LiveServer]:
    """The server, without any session; every request comes over a connection of its own."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector, headers=HEADERS) as http:
        server = LiveServer(process.url, http)
        await server.until_idle()
        yield server


async def callers(
    server: LiveServer, ending: contextlib.AsyncExitStack, count: int, **how: Any
) -> list[Client]:
    """So many callers, one after the other."""
    return [await ending.enter_async_context(server.connect(**how)) for _ in range(count)]


def worker_in(client: Client) -> int | None:
    """The worker that holds a caller's session."""
    return worker_of(client.events[0]["session"]["id"])


async def test_callers_are_spread_evenly(server: LiveServer) -> None:
    async with contextlib.AsyncExitStack() as ending:
        held = [worker_in(client) for client in await callers(server, ending, 4)]
        assert sorted(held, key=str) == [1, 1, 2, 2]


async def test_the_sdk_of_openai_has_a_conversation(process: ServedProcess) -> None:
    async with sdk_client(process.url, api_key=KEY) as client:
        for text in ("Hello!", "What is two plus three?"):
            await client.say(text)
            await client.api.response.create()
            events = await client.turn()
            assert events[-1].response.status == "completed"
        assert client.spoken()
        worker = worker_of(client.events[0].session.id)
        await process.until_logged(f"INFO worker {worker}: ")


async def test_a_client_secret_opens_sessions_in_every_worker(server: LiveServer) -> None:
    url = f"{server.url}/realtime/client_secrets"
    session = {"type": "realtime", "model": "m", "instructions": "Sing."}
    async with server.http.post(url, json={"session": session}) as answer:
        secret = (await answer.json())["value"]
    async with contextlib.AsyncExitStack() as ending:
        bearer = {"Authorization": f"Bearer {secret}"}
        clients = await callers(server, ending, 2, headers=bearer)
        assert {worker_in(client) for client in clients} == {1, 2}
        assert {client.events[0]["session"]["instructions"] for client in clients} == {"Sing."}


async def test_the_places_are_those_of_all_workers(server: LiveServer) -> None:
    async with contextlib.AsyncExitStack() as ending:
        await callers(server, ending, PLACES - 1)
        async with server.connect():
            assert await server.sessions() == PLACES
            async with server.connect(greeted=False) as refused:
                assert (await refused.error())["code"] == "too_many_sessions"
                assert (await refused.until_closed()).code == aiohttp.WSCloseCode.TRY_AGAIN_LATER
        await server.until_sessions(PLACES - 1)
        await callers(server, ending, 1)


@pytest.mark.parametrize("worker", [1, 2])
async def test_a_sideband_comes_to_the_worker_of_its_call(
    server: LiveServer, process: ServedProcess, worker: int
) -> None:
    url = f"{server.url}/realtime?model=m&call_id=rtc_u{worker}_E6U0u6ZFxXUxYesuS1"
    for _ in range(3):  # so that it comes to either worker first
        async with server.http.get(url, headers=HANDSHAKE) as answer:
            assert (answer.status, await answer.read()) == (404, b"")
        line = await process.until_logged("a sideband is refused")
        assert line.startswith(f"INFO worker {worker}: ")


async def test_a_call_of_a_worker_that_there_is_not_is_not_found(server: LiveServer) -> None:
    url = f"{server.url}/realtime/calls/rtc_u3_E6U0u6ZFxXUxYesuS1/hangup"
    async with server.http.post(url) as answer:
        assert answer.status == 404
        assert "hangup" in (await answer.json())["error"]["message"]


async def test_a_reload_over_http_reaches_every_worker(server: LiveServer, config: Path) -> None:
    configure(
        config, "instructions: New.\nmodels: [{name: fresh, pipeline: {}}]\ndefault_model: fresh\n"
    )
    async with server.http.post(f"{server.url}/admin/reload") as answer:
        told = await answer.json()
    assert "`instructions` has changed" in told["notices"][0]
    async with contextlib.AsyncExitStack() as ending:
        clients = await callers(server, ending, 2, query="model=fresh")
        assert {worker_in(client) for client in clients} == {1, 2}


async def test_a_reload_by_signal_reaches_every_worker(
    server: LiveServer, config: Path, process: ServedProcess
) -> None:
    configure(config, "models: [{name: fresher, pipeline: {}}]\ndefault_model: fresher\n")
    process.process.send_signal(signal.SIGHUP)
    await process.until_logged("the configuration was reloaded")
    async with contextlib.AsyncExitStack() as ending:
        clients = await callers(server, ending, 2, query="model=fresher")
        assert {worker_in(client) for client in clients} == {1, 2}


async def test_a_configuration_that_cannot_be_used_changes_nothing(
    server: LiveServer, config: Path
) -> None:
    configure(config, "models: [{name: last, pipeline: {}}]\ndefault_model: last\n")
    reload = f"{server.url}/admin/reload"
    async with server.http.post(reload) as answer:
        assert answer.status == 200
    configure(config, "models: [{name: broken, pipeline: {llm: nobody}}]\ndefault_model: broken\n")
    async with server.http.post(reload) as answer:
        assert (await answer.json())["error"]["code"] == "invalid_configuration"
    async with contextlib.AsyncExitStack() as ending:
        await callers(server, ending, 2, query="model=last")


async def test_a_reload_that_fails_unexpectedly_leaves_the_server_alone(
    server: LiveServer, config: Path, process: ServedProcess
) -> None:
    reload = f"{server.url}/admin/reload"
    configure(config, "models: " + 3000 * "[" + 3000 * "]")
    async with asyncio.TaskGroup() as tasks:
        # More than a pipe holds is logged of it: it has to be read.
        tasks.create_task(process.until_logged("RecursionError: "))
        async with server.http.post(reload) as answer:
            assert "log says why" in (await answer.json())["error"]["message"]
    configure(config)
    async with server.http.post(reload) as answer:
        assert answer.status == 200


async def test_callers_at_once_are_spread_evenly(server: LiveServer) -> None:
    async with contextlib.AsyncExitStack() as ending, asyncio.TaskGroup() as tasks:
        connecting = [
            tasks.create_task(ending.enter_async_context(server.connect())) for _ in range(PLACES)
        ]
        held = [worker_in(await one) for one in connecting]
        assert sorted(held, key=str) == [1, 1, 1, 2, 2, 2]


async def test_each_worker_tells_what_all_of_them_count(server: LiveServer) -> None:
    url = f"{server.url.removesuffix('/v1')}/metrics"
    async with contextlib.AsyncExitStack() as ending:
        await callers(server, ending, 4)
        for _ in range(4):
            async with server.http.get(url) as answer:
                found = Scrape(await answer.text())
            models = [labels["model"] for labels in found.labels("sessions")]
            assert sum(found.value("sessions", model=model) for model in models) == 4
    await server.until_idle()
