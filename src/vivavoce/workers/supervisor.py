"""The supervisor: it accepts connections, hands each to a worker, and keeps the workers alive.

It serves nothing itself: no TLS, no audio, no HTTP. With nothing to accept it sleeps.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from vivavoce.app import SHUTDOWN_S
from vivavoce.config import ConfigError, Settings
from vivavoce.engines.remote.frames import encoded
from vivavoce.runtime.loading import CLOSE_S, GRACE_S
from vivavoce.transports.rest import turnstile
from vivavoce.transports.websocket_connection import CLOSE_TIMEOUT_S
from vivavoce.workers.heavy_engines import HeavyEngines
from vivavoce.workers.ledger import Ledger
from vivavoce.workers.listening import accepted
from vivavoce.workers.messages import (
    Adopted,
    Begin,
    CannotStart,
    Connection,
    Count,
    CountPlaces,
    Disconnected,
    FreePlace,
    FromWorker,
    Leaving,
    Place,
    Ready,
    Reload,
    ReloadEnded,
    TakePlace,
)
from vivavoce.workers.metrics import mark_dead
from vivavoce.workers.restarts import Restarts
from vivavoce.workers.worker_process import EXIT_S, WorkerProcess, told

logger = logging.getLogger(__name__)

STOP_S = CLOSE_TIMEOUT_S + turnstile.GRACE_S + SHUTDOWN_S + GRACE_S + CLOSE_S + EXIT_S
"""What workers get to end before they are killed, in seconds: for clients to answer a close, for
requests to engines and for others, for a load, for engines to close, and for the process."""

UNEXPECTED = "The configuration was not reloaded. The server's log says why."


@dataclass(frozen=True, slots=True)
class Reread:
    """The configuration as it is now, checked, and what an operator should know about it."""

    settings: Settings
    notices: tuple[str, ...] = ()


ReadSettings = Callable[[], Reread]
"""Reads the configuration. Blocks, and raises `ConfigError`."""


class Supervisor:
    """Workers, by their numbers from 1.

    Its tasks are `keep` for each worker and `accept` for each listening socket, between `start`
    and `stop`.
    """

    def __init__(
        self,
        begin: Begin,
        read: ReadSettings,
        environment: Mapping[str, str],
        engines: HeavyEngines,
    ) -> None:
        """`begin` is what all workers are told, whatever number it has."""
        self._begin = begin
        self._read = read
        self._environment = environment
        self._engines = engines
        self._ledger = Ledger(begin.settings.max_sessions)
        self._workers: dict[int, WorkerProcess] = {}
        self._stopping = asyncio.Event()
        self._reloading = asyncio.Lock()

    @property
    def numbers(self) -> range:
        """Those of all workers."""
        return range(1, self._begin.settings.workers + 1)

    async def start(self) -> list[Ready]:
        """Start all workers, and wait until each is ready. Raises `ConfigError` if one cannot.

        Whatever comes of it, `stop` has to follow.
        """
        check_can_be_told(self._begin)
        workers = [await self._start(number) for number in self.numbers]
        ready: list[Ready] = []
        for worker in workers:
            word = await worker.first_word()
            if isinstance(word, CannotStart):
                raise ConfigError(word.error)
            ready.append(word)
        for worker in workers:
            logger.info("worker %s is process %s", worker.number, worker.pid)
        return ready

    async def stop(self) -> None:
        """Have all workers close their sessions and end, and see that they do, once or again."""
        self._stopping.set()
        for worker in self._workers.values():
            worker.stop()
        try:
            async with asyncio.timeout(STOP_S):
                await self._all_ended()
        except TimeoutError:
            logger.error("workers that do not end are killed")
            for worker in self._workers.values():
                worker.kill()
            await self._all_ended()

    async def accept(self, listener: socket.socket) -> None:
        """Hand every connection to a worker. It is closed if none takes it."""
        async for connection in accepted(listener):
            with connection:
                self._hand_over(connection)

    async def keep(self, number: int) -> None:
        """Do what a worker asks for, and replace it when it has ended, until all are to stop."""
        restarts = Restarts()
        async with asyncio.TaskGroup() as tasks:
            worker: WorkerProcess | None = self._workers[number]
            while worker is not None:
                await self._attend(worker, tasks)
                worker = await self._replaced(worker, restarts)

    async def reload(self) -> tuple[str, ...]:
        """Read the configuration anew, for all workers; gives notices. Raises `ConfigError`."""
        async with self._reloading:
            read = await asyncio.to_thread(self._read)
            begin = msgspec.structs.replace(self._begin, models=read.settings)
            check_can_be_told(begin)
            notices = await self._engines.reload(read.settings)
            self._begin = begin
            adopting = (worker.adopt(read.settings) for worker in self._workers.values())
            outcomes = await asyncio.gather(*adopting)
        problems = dict.fromkeys(one for one in outcomes if one is not None)
        return (*read.notices, *notices, *problems)

    async def _start(self, number: int) -> WorkerProcess:
        """Start a process. Raises `OSError`."""
        worker = await WorkerProcess.start(number, self._environment)
        # At once: a reload is in what a worker begins with, or is told to those that there are.
        self._workers[number] = worker
        worker.begin(msgspec.structs.replace(self._begin, worker=number))
        if self._stopping.is_set():  # since this start began, and `stop` does not know of it
            worker.kill()
        return worker

    async def _all_ended(self) -> None:
        for worker in self._workers.values():
            await worker.ended()

    def _hand_over(self, connection: socket.socket) -> None:
        """Give a connection to the worker with the fewest, or to the next that takes it now."""
        for number in self._ledger.candidates():
            try:
                taken = self._workers[number].channel.hand_over(Connection(), connection)
            except OSError as error:  # it has just ended, or too many are on their way
                logger.debug("worker %s takes no connection: %s", number, error)
                continue
            if taken:
                self._ledger.connect(number)
                return
        logger.error("a connection was refused: no worker takes one")

    async def _attend(self, worker: WorkerProcess, tasks: asyncio.TaskGroup) -> None:
        """Do what a worker asks for, until it has ended."""
        self._ledger.join(worker.number)
        try:
            await self._heed_all(worker, tasks)
        finally:
            lost = self._ledger.leave(worker.number)
        status = await worker.gone()
        mark_dead(worker.pid, self._environment)
        if not self._stopping.is_set():
            logger.error(
                "worker %s (process %s) has ended with %s, and with it %s sessions",
                *(worker.number, worker.pid, told(status), lost),
            )

    async def _heed_all(self, worker: WorkerProcess, tasks: asyncio.TaskGroup) -> None:
        """Do what a worker asks for, until it says no more or nothing that makes sense."""
        try:
            while (message := await worker.channel.receive()) is not None:
                self._heed(worker, message, tasks)
        except Exception:  # it is another process: what is wrong with it must not end the others
            logger.exception("what worker %s says makes no sense; it is killed", worker.number)
            worker.kill()

    def _heed(self, worker: WorkerProcess, message: FromWorker, tasks: asyncio.TaskGroup) -> None:
        match message:
            case Disconnected():
                self._ledger.disconnect(worker.number)
            case TakePlace():
                worker.channel.send(Place(self._ledger.take(worker.number)))
            case FreePlace():
                self._ledger.free(worker.number)
            case CountPlaces():
                worker.channel.send(Count(self._ledger.taken))
            case Leaving():
                self._ledger.close(worker.number)
            case Adopted():
                worker.adopted(message)
            case Reload(number):
                tasks.create_task(self._reload_for(worker, number))
            case Ready() | CannotStart():
                raise AssertionError("a worker starts once")

    async def _reload_for(self, worker: WorkerProcess, number: int) -> None:
        try:
            ended = ReloadEnded(number, await self.reload())
        except ConfigError as error:
            ended = ReloadEnded(number, error=str(error))
        except Exception:  # a bug of ours must not end the server and its live sessions
            logger.exception("the configuration was not reloaded")
            ended = ReloadEnded(number, error=UNEXPECTED)
        worker.channel.send(ended)

    async def _replaced(self, worker: WorkerProcess, restarts: Restarts) -> WorkerProcess | None:
        """Another one in the place of a worker that has ended; None when all are to stop."""
        number, age_s = worker.number, worker.age_s
        while not await self._stops_within(restarts.delay_s(age_s)):
            try:
                worker = await self._start(number)
            except OSError as error:  # too many processes, or open files
                logger.error("worker %s cannot be started: %s", number, error)
                age_s = 0.0
                continue
            word = await worker.first_word()
            if isinstance(word, Ready):
                logger.info("worker %s is process %s now", number, worker.pid)
                return worker
            await worker.gone()
            age_s = worker.age_s
            if not self._stopping.is_set():
                logger.error("worker %s cannot start: %s", number, word.error)
        return None

    async def _stops_within(self, delay_s: float) -> bool:
        """Wait so long, or until all are to stop; gives whether they are."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._stopping.wait()
        return self._stopping.is_set()


def check_can_be_told(begin: Begin) -> None:
    """Raises `ConfigError` for settings that no message can hold."""
    try:
        encoded(begin)
    except ValueError as error:
        raise ConfigError(f"the configuration cannot be told to the workers: {error}.") from error
