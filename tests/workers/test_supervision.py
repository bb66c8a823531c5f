"""What goes wrong with one worker, or with a reload, leaves the server and the others alone."""

import asyncio
import contextlib
import errno
import logging
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.server import PATIENCE_S
from vivavoce.config import ConfigError, Settings
from vivavoce.workers import serving, worker_process
from vivavoce.workers.heavy_engines import HeavyEngines
from vivavoce.workers.listening import bound, listen
from vivavoce.workers.messages import Ready
from vivavoce.workers.serving import begin, environment, private_folder, supervising
from vivavoce.workers.supervisor import UNEXPECTED, Reread, Supervisor

SETTINGS = Settings(vad="scripted", stt="scripted", llm="scripted", tts="scripted", workers=1)
NEW = msgspec.structs.replace(SETTINGS, instructions="NEW")


class Log(logging.Handler):
    """The log, line by line."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: asyncio.Queue[str] = asyncio.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.put_nowait(record.getMessage())

    async def until(self, text: str) -> str:
        """The next line with this text."""
        async with asyncio.timeout(PATIENCE_S):
            while text not in (line := await self.lines.get()):
                pass
        return line


class Starts:
    """Processes are started as always, but each start waits while `open` is cleared."""

    def __init__(self) -> None:
        self._start = asyncio.create_subprocess_exec
        self.asked = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self.errors: list[OSError] = []
        """What the next starts fail with."""
        self.pid = 0

    async def __call__(self, *command: Any, **how: Any) -> asyncio.subprocess.Process:
        self.asked.set()
        await self.open.wait()
        if self.errors:
            raise self.errors.pop()
        process = await self._start(*command, **how)
        self.pid = process.pid
        return process


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> Starts:
    made = Starts()
    monkeypatch.setattr(asyncio, "create_subprocess_exec", made)
    return made


@pytest.fixture
def log() -> Iterator[Log]:
    made, root = Log(), logging.getLogger("vivavoce")
    level = root.level
    root.addHandler(made)
    root.setLevel("INFO")
    yield made
    root.setLevel(level)
    root.removeHandler(made)


@pytest.fixture
def folder() -> Iterator[Path]:
    with private_folder() as made:
        behave(made, "well")
        yield made


def behave(folder: Path, manners: str) -> None:
    """How workers behave that start from now on."""
    (folder / "manners").write_text(manners)


def read_new() -> Reread:
    """What a reload reads."""
    return Reread(NEW)


def read_too_deep() -> Reread:
    """As PyYAML does with brackets in brackets in brackets."""
    raise RecursionError("maximum recursion depth exceeded")


@contextlib.asynccontextmanager
async def supervised(
    folder: Path, monkeypatch: pytest.MonkeyPatch, read: Any = read_new
) -> AsyncIterator[Supervisor]:
    """A supervisor of one worker."""
    monkeypatch.setattr(worker_process, "MODULE", "support.stand_in_worker")
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    told = {**environment(folder), "PYTHONPATH": paths}
    supervisor = Supervisor(begin(SETTINGS, folder, None), read, told, HeavyEngines(None))
    listeners = await bound("127.0.0.1", 0)
    async with asyncio.timeout(PATIENCE_S):
        try:
            await supervisor.start()
            listen(listeners)
            async with supervising(supervisor, listeners):
                yield supervisor
        finally:
            await supervisor.stop()
            for listener in listeners:
                listener.close()


@pytest.mark.parametrize("manners", ["babbling", "ungrateful", "repetitive"])
async def test_a_worker_that_makes_no_sense_is_replaced(
    folder: Path, monkeypatch: pytest.MonkeyPatch, log: Log, manners: str
) -> None:
    behave(folder, manners)
    async with supervised(folder, monkeypatch) as supervisor:
        behave(folder, "well")
        await supervisor.reload()
        await log.until("makes no sense; it is killed")
        await log.until("has ended with signal 9")
        await log.until("worker 1 is process")


async def test_a_worker_whose_first_word_makes_no_sense_cannot_start(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    behave(folder, "babbling at once")
    with pytest.raises(ConfigError, match="what is no message"):
        async with supervised(folder, monkeypatch):
            pass


async def test_a_reload_that_fails_unexpectedly_is_answered(
    folder: Path, monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    behave(folder, "curious")
    async with supervised(folder, monkeypatch, read_too_deep):
        behave(folder, "well")
        await log.until("the configuration was not reloaded")
        await log.until("worker 1 is process")
    assert (folder / "answer").read_text() == UNEXPECTED


async def test_settings_that_cannot_be_sent_are_refused_and_forgotten(
    folder: Path, monkeypatch: pytest.MonkeyPatch, starts: Starts, log: Log
) -> None:
    half = msgspec.structs.replace(SETTINGS, instructions="\ud800")
    async with supervised(folder, monkeypatch, lambda: Reread(half)) as supervisor:
        with pytest.raises(ConfigError, match="surrogate"):
            await supervisor.reload()
        await log.until("worker 1 is process")
        os.kill(starts.pid, signal.SIGKILL)
        await log.until("worker 1 is process")


async def test_a_worker_that_cannot_be_started_is_started_later(
    folder: Path, monkeypatch: pytest.MonkeyPatch, starts: Starts, log: Log
) -> None:
    async with supervised(folder, monkeypatch):
        await log.until("worker 1 is process")
        starts.errors.append(BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"))
        os.kill(starts.pid, signal.SIGKILL)
        await log.until("worker 1 cannot be started: [Errno 11]")
        await log.until("worker 1 is process")


async def test_a_process_that_stays_behind_is_killed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    monkeypatch.setattr(worker_process, "EXIT_S", 0.1)
    behave(folder, "lingering")
    async with supervised(folder, monkeypatch) as supervisor:
        await log.until("worker 1 is process")
        await supervisor.stop()
        await log.until("does not end; it is killed")


async def test_a_reload_reaches_a_worker_whose_process_is_being_made(
    folder: Path, monkeypatch: pytest.MonkeyPatch, starts: Starts, log: Log
) -> None:
    async with supervised(folder, monkeypatch) as supervisor:
        await log.until("worker 1 is process")
        starts.open.clear()
        starts.asked.clear()
        os.kill(starts.pid, signal.SIGKILL)
        await starts.asked.wait()
        await supervisor.reload()
        starts.open.set()
        await log.until("worker 1 is process")
        assert await supervisor.reload() == ("Worker 1: began with NEW",)


async def test_a_worker_that_is_started_during_the_stop_ends_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch, starts: Starts, log: Log
) -> None:
    async with supervised(folder, monkeypatch) as supervisor:
        await log.until("worker 1 is process")
        behave(folder, "deaf")
        starts.open.clear()
        starts.asked.clear()
        os.kill(starts.pid, signal.SIGKILL)
        await starts.asked.wait()
        await supervisor.stop()
        starts.open.set()
    with pytest.raises(ProcessLookupError):
        os.kill(starts.pid, 0)


async def test_a_port_that_somebody_takes_meanwhile_is_told_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (faster,) = await bound("127.0.0.1", 0)
    port = faster.getsockname()[1]

    async def start(_: Supervisor) -> list[Ready]:
        faster.listen()
        return []

    monkeypatch.setattr(Supervisor, "start", start)
    settings = msgspec.structs.replace(SETTINGS, host="127.0.0.1", port=port)
    with faster, pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1, port {port}"):
        async with serving.running(settings, read_new):
            pass
