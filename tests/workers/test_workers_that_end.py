"""Workers, and the supervisor, that end: on purpose and not."""

import contextlib
import os
import signal
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from support.served_process import SCRIPTED, ServedProcess, refused, served
from support.server import Client, LiveServer
from vivavoce.protocol.ids import worker_of

CONFIG = f"{SCRIPTED}\nport: 0\nworkers: 2\n"


@contextlib.asynccontextmanager
async def connected(
    process: ServedProcess, count: int, query: str = "model=any"
) -> AsyncIterator[dict[int, Client]]:
    """So many callers, one in each worker; whatever certificate they are shown."""
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting)) as http,
        contextlib.AsyncExitStack() as ending,
    ):
        server = LiveServer(process.url, http)
        clients: dict[int, Client] = {}
        for _ in range(count):
            client = await ending.enter_async_context(server.connect(query))
            worker = worker_of(client.events[0]["session"]["id"])
            assert worker is not None
            clients[worker] = client
        assert sorted(clients) == list(range(1, count + 1))
        yield clients


def certificate_of(client: Client) -> bytes:
    """What a client was shown."""
    shown: bytes = client.socket.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return shown


async def test_a_worker_that_was_killed_is_replaced_and_calls_elsewhere_go_on(
    tmp_path: Path,
) -> None:
    config = tmp_path / "vivavoce.yaml"
    config.write_text(CONFIG + "tls: self-signed\nmax_sessions: 2\n")
    with served(config) as process:
        pids = await process.pids(2)
        async with connected(process, 2) as clients:
            shown = {certificate_of(client) for client in clients.values()}
            os.kill(pids[1], signal.SIGKILL)
            assert (await clients[1].until_closed()).code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE
            assert "and with it 1 sessions" in await process.until_logged("has ended with signal 9")
            assert f"process {pids[1]}" not in await process.until_logged("worker 1 is process")
            await clients[2].nothing_new()
            async with connected(process, 1) as more:
                await more[1].nothing_new()
                assert {certificate_of(more[1])} == shown
        assert "".join(process.log).count("fingerprint") == 1


async def test_a_worker_that_starts_during_a_reload_takes_it_up(tmp_path: Path) -> None:
    config = tmp_path / "vivavoce.yaml"
    config.write_text(CONFIG)
    with served(config) as process:
        pids = await process.pids(2)
        config.write_text(CONFIG + "models: [{name: fresh, pipeline: {}}]\n")
        os.kill(pids[2], signal.SIGKILL)
        await process.until_logged("has ended with signal 9")
        process.process.send_signal(signal.SIGHUP)
        await process.until_logged("the configuration was reloaded")
        async with connected(process, 2, query="model=fresh") as clients:
            for client in clients.values():
                await client.nothing_new()


async def test_every_client_is_told_of_the_end_and_no_process_stays(tmp_path: Path) -> None:
    config = tmp_path / "vivavoce.yaml"
    config.write_text(CONFIG)
    with served(config) as process:
        async with connected(process, 2) as clients:
            process.process.send_signal(signal.SIGTERM)
            for client in clients.values():
                assert (await client.until_closed()).code == aiohttp.WSCloseCode.GOING_AWAY
        assert await process.ended() == 0


async def test_workers_end_in_order_when_their_supervisor_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "vivavoce.yaml"
    config.write_text(CONFIG)
    # The path of a socket has to be short, and that of a test is not.
    with tempfile.TemporaryDirectory() as folder, monkeypatch.context() as patch:
        patch.setenv("TMPDIR", folder)
        await kill_the_supervisor(config)
        assert os.listdir(folder) == []


async def kill_the_supervisor(config: Path) -> None:
    """Returns when nobody is left."""
    with served(config) as process:
        async with connected(process, 2) as clients:
            process.process.kill()
            for client in clients.values():
                assert (await client.until_closed()).code == aiohttp.WSCloseCode.GOING_AWAY
        assert await process.ended() == -signal.SIGKILL


async def test_what_a_worker_cannot_start_with_is_told_once(tmp_path: Path) -> None:
    config = tmp_path / "vivavoce.yaml"
    config.write_text(CONFIG + "tls_cert: none.pem\ntls_key: none.pem\n")
    done = await refused(config)
    assert done.stderr.count("TLS: cannot use the certificate") == 1


async def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    config = tmp_path / "vivavoce.yaml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config.write_text(f"{SCRIPTED}\nport: {port}\nworkers: 2\n")
        done = await refused(config)
    assert f"cannot listen on 127.0.0.1, port {port}" in done.stderr
