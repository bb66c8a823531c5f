"""A server of several workers: `app.running` and `app.serve` for more cores."""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec

from vivavoce.app import Server
from vivavoce.config import ConfigError, Settings
from vivavoce.engines.remote.address import UnixAddress
from vivavoce.process import until_stopped
from vivavoce.reloading import reloading_when
from vivavoce.runtime.metrics import SHARED_FOLDER
from vivavoce.transports import exposure, tls
from vivavoce.workers.heavy_engines import hosted
from vivavoce.workers.listening import bound, listen
from vivavoce.workers.messages import Begin, Ready
from vivavoce.workers.supervisor import ReadSettings, Supervisor


async def serve(
    settings: Settings,
    on_ready: Callable[[Server], None],
    read: ReadSettings,
    asked: asyncio.Event,
) -> None:
    """Run a server until the process is told to stop; it reads its models anew when `asked`."""
    await until_stopped(reloading_server(settings, read, asked), on_ready)


@contextlib.asynccontextmanager
async def reloading_server(
    settings: Settings, read: ReadSettings, asked: asyncio.Event
) -> AsyncIterator[Server]:
    """A server that reloads when the event is set. Raises `ConfigError`."""
    async with running(settings, read) as server, reloading_when(asked, server.reload):
        yield server


@contextlib.asynccontextmanager
async def running(settings: Settings, read: ReadSettings) -> AsyncIterator[Server]:
    """Start as many workers as the settings say, and stop them at the end. Raises `ConfigError`.

    The port is bound first, so that one that is in use is told at once. It listens last: nobody
    connects to a server that is not ready.
    """
    if not hasattr(socket, "send_fds"):
        raise ConfigError("workers: several need Unix sockets, which this system does not have.")
    exposure.check_exposure(settings)
    async with contextlib.AsyncExitStack() as ending:
        folder = ending.enter_context(private_folder())
        listeners = await bound(settings.host, settings.port)
        for listener in listeners:
            ending.enter_context(listener)
        host, port = listeners[0].getsockname()[:2]
        engines = await ending.enter_async_context(hosted(settings, folder))
        first = begin(settings, folder, engines.address)
        supervisor = Supervisor(first, read, environment(folder), engines)
        ending.push_async_callback(supervisor.stop)
        ready = await supervisor.start()
        listen(listeners)
        await ending.enter_async_context(supervising(supervisor, listeners))
        yield told(settings, host, port, ready, supervisor)


@contextlib.asynccontextmanager
async def supervising(
    supervisor: Supervisor, listeners: list[socket.socket]
) -> AsyncIterator[None]:
    """Within the block workers are kept alive, and handed what connects to sockets that listen;
    then all of it stops."""
    async with asyncio.TaskGroup() as tasks:
        for number in supervisor.numbers:
            tasks.create_task(supervisor.keep(number), name=f"worker {number}")
        accepting = [tasks.create_task(supervisor.accept(one)) for one in listeners]
        try:
            yield
        finally:
            for task in accepting:
                task.cancel()
            await asyncio.wait(accepting)
            for listener in listeners:
                listener.close()
            await supervisor.stop()


def told(
    settings: Settings, host: str, port: int, ready: list[Ready], supervisor: Supervisor
) -> Server:
    """What there is to tell of the server; what all workers say is said once."""
    return Server(
        host=host,
        port=port,
        summary=f"{ready[0].summary}; {len(ready)} workers",
        notices=tuple(dict.fromkeys(notice for one in ready for notice in one.notices)),
        secure=settings.tls is not None or settings.tls_cert is not None,
        needs_key=bool(settings.api_keys),
        reload=supervisor.reload,
        model=ready[0].model,
    )


def begin(settings: Settings, folder: Path, engines: UnixAddress | None) -> Begin:
    """What workers are told. What each would draw at random is drawn here, once."""
    secret_key = settings.secret_key or secrets.token_urlsafe(32)
    return Begin(
        worker=0,
        settings=msgspec.structs.replace(settings, secret_key=secret_key),
        models=settings,
        folder=str(folder),
        engines=engines,
        certificate=None if settings.tls is None else tls.self_signed_pem(settings.host),
        log_level=logging.getLogger().level,
    )


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """A folder for this user only (mode 0700), as long as the server runs."""
    with tempfile.TemporaryDirectory(prefix="vivavoce-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "metrics").mkdir()
        yield folder


def environment(folder: Path) -> dict[str, str]:
    """The environment of the workers."""
    return {**os.environ, SHARED_FOLDER: str(folder / "metrics")}
