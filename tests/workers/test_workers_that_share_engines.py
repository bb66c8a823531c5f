"""Two workers that hear and speak with the engines of one process."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import ModuleType

import aiohttp
import pytest

from support.scrape import Scrape
from support.sdk_client import SdkClient, sdk_client
from support.served_process import ServedProcess, refused, served
from support.server import PATIENCE_S
from support.sound import silence
from vivavoce.bench.processes import descendants, parents
from vivavoce.protocol.ids import worker_of
from vivavoce.speech import clip

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's /proc")

CONFIG = """
stt: {engine: pocketsphinx, processes: 1}
port: 0
workers: 2
"""
ENGINES = "vivavoce.engine_process"
HEARS, SPEAKS = "pocketsphinx_child", "espeak_child"


@pytest.fixture(scope="module", autouse=True)
def _needs_engines(require_module: Callable[..., ModuleType]) -> None:
    require_module("pocketsphinx", reason="it has no wheel for this Python")
    require_module("espeakng_loader", reason="pip install 'vivavoce[demo]' brings it")


def configure(path: Path, voice: str) -> None:
    """Write the configuration that the next start or reload reads."""
    path.write_text(f"{CONFIG}tts: {voice}\n")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("served") / "vivavoce.yaml"
    configure(path, "espeak")
    return path


@pytest.fixture(scope="module")
def process(config: Path) -> Iterator[ServedProcess]:
    with served(config) as process:
        yield process


@contextlib.asynccontextmanager
async def sessions(process: ServedProcess) -> AsyncIterator[dict[int, SdkClient]]:
    """A session in each worker, which wants transcripts."""
    async with contextlib.AsyncExitStack() as ending:
        clients = [await ending.enter_async_context(sdk_client(process.url)) for _ in range(2)]
        found = {worker_of(client.events[0].session.id) or 0: client for client in clients}
        assert sorted(found) == [1, 2]
        for client in clients:
            await client.api.session.update(
                session={
                    "type": "realtime",
                    "audio": {"input": {"transcription": {"model": "whisper-1"}}},
                }
            )
        yield found


async def hear_and_answer(client: SdkClient) -> None:
    """A question in speech, which is understood and answered in speech."""
    before = len(client.spoken())
    await client.append(clip("sum").pcm + silence(640))
    events = await client.turn()
    heard = [one for one in events if one.type.endswith("input_audio_transcription.completed")]
    assert [one.transcript for one in heard] == ["what is six times seven"]
    assert events[-1].response.status == "completed"
    assert len(client.spoken()) > before


def programs(root: int) -> dict[int, str]:
    """What the descendants of a process run, by process id."""
    found = {}
    for pid in descendants(frozenset({root}), parents()) - {root}:
        with contextlib.suppress(OSError):  # it has ended by now
            found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def running(name: str, root: int) -> set[int]:
    """The descendants of a process that run this program."""
    return {pid for pid, program in programs(root).items() if name in program}


def engine_process(process: ServedProcess) -> int:
    """The one that there is."""
    (pid,) = running(ENGINES, process.process.pid)
    return pid


async def test_sessions_of_all_workers_are_answered_in_speech(process: ServedProcess) -> None:
    async with sessions(process) as clients, asyncio.TaskGroup() as tasks:
        for client in clients.values():
            tasks.create_task(hear_and_answer(client))


async def test_engines_live_once_and_below_the_engine_process(process: ServedProcess) -> None:
    for engine in (HEARS, SPEAKS):
        all_of_them = running(engine, process.process.pid)
        assert all_of_them
        assert running(engine, engine_process(process)) == all_of_them


async def test_a_job_is_counted_once(process: ServedProcess) -> None:
    async with aiohttp.ClientSession() as http:

        async def spoken() -> float:
            async with http.get(f"{process.url.removesuffix('/v1')}/metrics") as answer:
                found = Scrape(await answer.text())
            return found.value("engine_job_duration_seconds_count", slot="tts", engine="espeak")

        before = await spoken()
        wanted = {"model": "tts-1", "input": "One.", "voice": "alloy", "response_format": "pcm"}
        async with http.post(f"{process.url}/audio/speech", json=wanted) as answer:
            assert await answer.read()
        assert await spoken() == before + 1


async def test_a_session_goes_on_when_the_engine_process_was_killed(
    process: ServedProcess,
) -> None:
    killed = engine_process(process)
    async with sessions(process) as clients:
        await hear_and_answer(clients[1])
        os.kill(killed, signal.SIGKILL)
        await process.until_logged("the engine process ended (Killed, signal 9)")
        for client in clients.values():
            await hear_and_answer(client)
    assert engine_process(process) != killed


async def test_a_reload_reaches_the_engine_process(process: ServedProcess, config: Path) -> None:
    hosting, before = engine_process(process), running(SPEAKS, process.process.pid)
    configure(config, "{engine: espeak, processes: 1}")
    process.process.send_signal(signal.SIGHUP)
    await process.until_logged("the configuration was reloaded")
    async with sessions(process) as clients:
        for client in clients.values():
            await hear_and_answer(client)
    assert engine_process(process) == hosting
    assert running(SPEAKS, hosting) - before


async def test_what_cannot_be_hosted_changes_nothing(process: ServedProcess, config: Path) -> None:
    configure(config, "{engine: espeak, no_such_option: 1}")
    process.process.send_signal(signal.SIGHUP)
    assert "no_such_option" in await process.until_logged("the configuration was not reloaded")
    async with sessions(process) as clients:
        await hear_and_answer(clients[2])


async def test_no_process_stays_when_all_are_told_to_end(tmp_path: Path) -> None:
    config = tmp_path / "vivavoce.yaml"
    configure(config, "espeak")
    with served(config) as process, contextlib.ExitStack() as closing:
        below = programs(process.process.pid)
        ends = [watched(pid, closing) for pid in below]
        ours = [pid for pid, program in below.items() if "_child" not in program]
        for pid in (process.process.pid, *ours):  # as systemd does
            os.kill(pid, signal.SIGTERM)
        assert await process.ended() == 0
        async with asyncio.timeout(PATIENCE_S):
            for ended in ends:
                await ended.wait()
    log = "".join(process.log)
    assert "the engine process ended" not in log
    assert "Traceback" not in log


def watched(pid: int, closing: contextlib.ExitStack) -> asyncio.Event:
    """What is set when a process has ended."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    descriptor = os.pidfd_open(pid)
    closing.callback(os.close, descriptor)
    loop.add_reader(descriptor, ended.set)
    closing.callback(loop.remove_reader, descriptor)
    return ended


async def test_an_engine_that_cannot_be_is_told_once(config: Path) -> None:
    configure(config, "{engine: espeak, no_such_option: 1}")
    done = await refused(config)
    assert done.stderr.count("has no option") == 1
