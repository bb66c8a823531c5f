"""A worker: a server without a port, whose connections its supervisor hands to it.

`python -m vivavoce.workers.worker FD`, with the number of the channel's file descriptor.
"""

import asyncio
import contextlib
import logging
import shutil
import signal
import socket
import sys
from pathlib import Path

import msgspec
from aiohttp import web

from vivavoce import app, process
from vivavoce.assembly import assemble
from vivavoce.channel import Channel
from vivavoce.config import ConfigError, Settings
from vivavoce.engines.remote.host import RemoteHost
from vivavoce.reloading import Read
from vivavoce.runtime.catalogue import Catalogue
from vivavoce.runtime.remote_engines import with_remote_engines
from vivavoce.transports import tls
from vivavoce.transports.forwarding import Forwarding, socket_path
from vivavoce.transports.reload import Reload
from vivavoce.workers.connections import Connections
from vivavoce.workers.link import Link
from vivavoce.workers.messages import (
    Adopt,
    Adopted,
    Begin,
    CannotStart,
    Connection,
    Disconnected,
    Leaving,
    Ready,
    Stop,
    ToWorker,
)

logger = logging.getLogger(__name__)


def catalogue_of(models: Settings, engines: RemoteHost | None) -> Catalogue:
    """The models that a worker serves, at its start and at each reload. Raises `ConfigError`.

    Heavy engines are those of `engines`, if that is anywhere; all others are the worker's own.
    """
    catalogue = assemble(models)
    return catalogue if engines is None else with_remote_engines(catalogue, engines)


class Worker:
    """One worker process, from its first message to its end."""

    def __init__(self, channel: Channel[ToWorker], begin: Begin) -> None:
        self._channel = channel
        self._begin = begin
        self._models = begin.models
        self._engines = None if begin.engines is None else RemoteHost(begin.engines)
        self._link = Link(channel)
        self._adopt: asyncio.Future[Reload] = asyncio.get_running_loop().create_future()
        """What takes up other models, as soon as there is something that has models."""
        self._connections: Connections | None = None

    async def run(self) -> None:
        """Serve until the supervisor says stop, or ends, or this process is told to."""
        loop, serving = asyncio.get_running_loop(), asyncio.current_task()
        assert serving is not None

        def stop_once(_: object = None) -> None:
            if not serving.cancelling():
                serving.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop_once)
        # It is for the supervisor to reload; a signal to all processes is not to end this one.
        loop.add_signal_handler(signal.SIGHUP, lambda: None)
        with contextlib.suppress(asyncio.CancelledError):
            async with asyncio.TaskGroup() as tasks:
                listening = tasks.create_task(self._listen(tasks))
                listening.add_done_callback(stop_once)
                try:
                    await self._serve()
                except ConfigError as error:
                    self._channel.send(CannotStart(str(error)))
                finally:
                    listening.remove_done_callback(stop_once)
                    listening.cancel()

    async def _serve(self) -> None:
        """Be a server. Raises `ConfigError`, and is cancelled to end."""
        begin = self._begin
        forwarding = Forwarding(begin.worker, Path(begin.folder))
        around = app.Surroundings(
            worker=begin.worker,
            places=self._link,
            certificate=None if begin.certificate is None else tls.from_pem(begin.certificate),
            reload=self._link.reload,
            middlewares=(forwarding.middleware,),
        )
        serving = app.prepared(
            catalogue_of(begin.models, self._engines),
            begin.settings,
            around,
            lambda: Read(catalogue_of(self._models, self._engines)),
        )
        async with serving as server, forwarding:
            await self._listen_for_others(server.runner)
            assert server.runner.server is not None
            context = None if server.certificate is None else server.certificate.context
            self._connections = Connections(
                server.runner.server, context, lambda: self._channel.send(Disconnected())
            )
            process.settle()
            self._channel.send(
                Ready(
                    summary=app.summary(server.models),
                    notices=server.notices,
                    model=server.models.base.name,
                )
            )
            self._adopt.set_result(server.reload)
            try:
                await asyncio.Event().wait()
            finally:
                self._connections = None
                self._channel.send(Leaving())
                async with asyncio.TaskGroup() as goodbyes:
                    goodbyes.create_task(app.dismiss(server.runner))
                    goodbyes.create_task(forwarding.dismiss())

    async def _listen_for_others(self, runner: web.AppRunner) -> None:
        """Take what other workers pass on. Raises `ConfigError`."""
        path = socket_path(Path(self._begin.folder), self._begin.worker)
        try:
            await web.UnixSite(runner, str(path)).start()
        except OSError as error:
            raise ConfigError(
                f"no socket can be made at {path}: {error.strerror or error}. TMPDIR names the "
                "folder for such files; its path has to be short."
            ) from error

    async def _listen(self, tasks: asyncio.TaskGroup) -> None:
        """Do what the supervisor says, until it says stop or has ended."""
        while (message := await self._channel.receive()) is not None:
            match message:
                case Connection():
                    self._connect(tasks)
                case Adopt():
                    tasks.create_task(self._reload(message))
                case Stop():
                    return
                case Begin():
                    raise AssertionError("a worker begins once")
                case answer:
                    self._link.heed(answer)
        # The supervisor has gone without a word, and cannot remove what it has made.
        await asyncio.to_thread(shutil.rmtree, self._begin.folder, ignore_errors=True)

    def _connect(self, tasks: asyncio.TaskGroup) -> None:
        connection = self._channel.connection()
        if connection is not None and self._connections is not None:
            tasks.create_task(self._connections.serve(connection))
            return
        if connection is not None:  # it came while this worker was leaving
            connection.close()
        self._channel.send(Disconnected())

    async def _reload(self, wanted: Adopt) -> None:
        adopt = await self._adopt
        self._models = wanted.models
        try:
            await adopt()
        except ConfigError as error:
            self._channel.send(Adopted(wanted.number, str(error)))
        except Exception:  # a bug of ours must not end this worker and its live sessions
            logger.exception("the configuration was not taken up")
            self._channel.send(Adopted(wanted.number, "the log says why not."))
        else:
            self._channel.send(Adopted(wanted.number))


async def attend(end: socket.socket) -> None:
    """Be a worker, at this end of a channel."""
    messages: msgspec.msgpack.Decoder[ToWorker] = msgspec.msgpack.Decoder(ToWorker)
    with contextlib.closing(Channel(end, messages)) as channel:
        begin = await channel.receive()
        if isinstance(begin, Begin):
            text = f"%(levelname)s worker {begin.worker}: %(message)s"
            logging.basicConfig(level=begin.log_level, format=text)
            await Worker(channel, begin).run()


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as inherited:
        inherited.set_inheritable(False)
        process.run(attend(inherited))
