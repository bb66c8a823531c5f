"""The composition root: settings to a running server."""

import asyncio
import contextlib
import logging
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from vivavoce.assembly import assemble
from vivavoce.config import ConfigError, Settings
from vivavoce.runtime.clock import Clock
from vivavoce.runtime.pipeline import ModelLoadError, Pipeline
from vivavoce.runtime.sessions import SessionPolicy, Sessions
from vivavoce.runtime.waterfall_text import one_line
from vivavoce.session.outputs import Measured
from vivavoce.session.state import Limits
from vivavoce.transports.http import application

T = TypeVar("T")

logger = logging.getLogger(__name__)

SHUTDOWN_S = 5.0


class Server:
    """A server that listens. `url` is the base URL that clients are pointed at."""

    def __init__(self, host: str, port: int, summary: str, notices: tuple[str, ...]) -> None:
        self.host = host
        self.port = port
        self.summary = summary
        self.notices = notices

    @property
    def url(self) -> str:
        """`http://127.0.0.1:8080/v1`, for `base_url` of OpenAI's clients."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/v1"


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Server]:
    """Start a server with the engines that the settings name, and stop it at the end.

    Raises `ConfigError`.
    """
    async with serving(assemble(settings), settings) as server:
        yield server


@contextlib.asynccontextmanager
async def serving(pipeline: Pipeline, settings: Settings) -> AsyncIterator[Server]:
    """Start a server with these engines, and stop it at the end. Raises `ConfigError`.

    Port 0 takes a free one. Engines are loaded before the server is ready; one that cannot be
    is reported, and tried again for each session. At the end every client is told (close code
    1001) before the engines are closed.
    """
    sessions = Sessions(pipeline, policy(settings), clock=Clock(), on_measured=log_waterfall)
    runner = web.AppRunner(application(sessions), handle_signals=False, shutdown_timeout=SHUTDOWN_S)
    try:
        notices = await load(pipeline)
        await runner.setup()
        site = web.TCPSite(runner, settings.host, settings.port)
        await listen(site, settings)
        host, port = runner.addresses[0][:2]
        yield Server(host, port, summary(pipeline), notices)
    finally:
        await stop(runner)
        await pipeline.close()


async def stop(runner: web.AppRunner) -> None:
    """Take no more connections, end those there are, then free the rest.

    `cleanup` alone would stop reading first, and wait in vain for clients to answer its close.
    """
    for site in tuple(runner.sites):
        await site.stop()
    if runner.server is not None:
        await runner.shutdown()
    await runner.cleanup()


async def load(pipeline: Pipeline) -> tuple[str, ...]:
    """Load the engines; gives what the operator should know about those that are missing."""
    try:
        await pipeline.load()
    except ModelLoadError as error:
        return (*pipeline.notices, f"A model cannot be loaded yet: {error}")
    return tuple(pipeline.notices)


async def listen(site: web.TCPSite, settings: Settings) -> None:
    """Bind the port. Raises `ConfigError`."""
    try:
        await site.start()
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        raise ConfigError(
            f"cannot listen on {where}: {error.strerror}. Choose another with --port."
        ) from error


def policy(settings: Settings) -> SessionPolicy:
    """What the settings say about sessions. Raises `ConfigError`."""
    minutes, retain = settings.session_minutes, settings.retain_audio
    limits = Limits(
        lifetime_s=None if minutes is None else 60 * minutes,
        max_turn_ms=int(1000 * settings.max_turn_seconds),
        speculate=settings.speculate,
    )
    return SessionPolicy(
        limits=limits,
        retain_audio_s=None if retain == "all" else 0.0 if retain == "none" else retain,
        instructions=settings.instructions,
        max_sessions=settings.max_sessions,
        trace_folder=trace_folder(settings.trace),
    )


def trace_folder(path: str | None) -> Path | None:
    """The folder for traces, made if need be. Raises `ConfigError` if it cannot be written to."""
    if path is None:
        return None
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise ConfigError(
            f"trace: no file can be made in {folder}: {error.strerror}. Give a folder."
        ) from error


def summary(pipeline: Pipeline) -> str:
    """Which engines are at work."""
    engines = pipeline.engines
    return (
        f"voice activity: {engines.vad.name}, recognition: {engines.stt.name}, "
        f"answers: {engines.llm.name}, speech: {engines.tts.name}"
    )


def log_waterfall(measured: Measured) -> None:
    """A line in the log for each answered turn."""
    logger.info("%s", one_line(measured.waterfall))


async def serve(settings: Settings, on_ready: Callable[[Server], None]) -> None:
    """Run a server until the process is told to stop, which may be before it is ready."""
    loop, server_task = asyncio.get_running_loop(), asyncio.current_task()
    assert server_task is not None

    def stop() -> None:
        if not server_task.cancelling():  # else it is stopping, which is not to be cut short
            server_task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    with contextlib.suppress(asyncio.CancelledError):
        async with running(settings) as server:
            on_ready(server)
            await asyncio.Event().wait()


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on uvloop, where there is one."""
    try:
        import uvloop
    except ImportError:  # it has no wheel for Windows
        return asyncio.run(main)
    result: T = uvloop.run(main)
    return result
