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

from vivavoce.config import ConfigError, Settings
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
from vivavoce.workers.worker_process import WorkerProcess, told

logger = logging.getLogger(__name__)

STOP_S = 30.0
"""What workers get to close their sessions, before they are killed. A client has 10 s to answer a
close."""


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
            notices = await self._engines.reload(read.settings)
            self._begin = msgspec.structs.replace(self._begin, models=read.settings)
            adopting = (worker.adopt(read.settings) for worker in self._workers.values())
            outcomes = await asyncio.gather(*adopting)
        problems = dict.fromkeys(one for one in outcomes if one is not None)
        return (*read.notices, *notices, *problems)

    async def _start(self, number: int) -> WorkerProcess:
        begin = msgspec.structs.replace(self._begin, worker=number)
        worker = await WorkerProcess.start(begin, self._environment)
        self._workers[number] = worker
        if self._stopping.is_set():  # since this start began
            worker.stop()
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
            while (message := await worker.channel.receive()) is not None:
                self._heed(worker, message, tasks)
            status = await worker.ended()
        finally:
            lost = self._ledger.leave(worker.number)
        mark_dead(worker.pid, self._environment)
        if not self._stopping.is_set():
            logger.error(
                "worker %s (process %s) has ended with %s, and with it %s sessions",
                *(worker.number, worker.pid, told(status), lost),
            )

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
            worker.channel.send(ReloadEnded(number, await self.reload()))
        except ConfigError as error:
            worker.channel.send(ReloadEnded(number, error=str(error)))

    async def _replaced(self, worker: WorkerProcess, restarts: Restarts) -> WorkerProcess | None:
        """Another one in the place of a worker that has ended; None when all are to stop."""
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(restarts.delay_s(worker.age_s)):
                    await self._stopping.wait()
            if self._stopping.is_set():
                break
            worker = await self._start(worker.number)
            word = await worker.first_word()
            if isinstance(word, Ready):
                logger.info("worker %s is process %s now", worker.number, worker.pid)
                return worker
            await worker.ended()
            if not self._stopping.is_set():
                logger.error("worker %s cannot start: %s", worker.number, word.error)
        return None
