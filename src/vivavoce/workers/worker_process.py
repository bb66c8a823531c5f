"""A worker as its supervisor sees it: a process, and the channel to it."""

import asyncio
import contextlib
import itertools
import logging
import socket
import sys
from collections.abc import Mapping
from typing import Self

import msgspec

from vivavoce.channel import Channel
from vivavoce.config import Settings
from vivavoce.engines.remote.frames import ProtocolError
from vivavoce.workers.messages import Adopt, Adopted, Begin, CannotStart, FromWorker, Ready, Stop

logger = logging.getLogger(__name__)

MODULE = "vivavoce.workers.worker"

EXIT_S = 10.0
"""How long a process may take to end when its channel is closed: nothing is left for it to do, but
a thread of a library may hang in it."""

ADOPT_S = 60.0
"""How long a reload waits for a worker, which then takes it up when it can."""


class WorkerProcess:
    """One process, from its start to its end; whoever starts it has to see it `ended` or `gone`."""

    def __init__(
        self, number: int, process: asyncio.subprocess.Process, end: socket.socket
    ) -> None:
        self.number = number
        self._process = process
        self.channel: Channel[FromWorker] = Channel(end, msgspec.msgpack.Decoder(FromWorker))
        self.started = asyncio.get_running_loop().time()
        self._adopting: dict[int, asyncio.Future[str | None]] = {}
        """What is outstanding of reloads: for each, what will have gone wrong."""
        self._numbers = itertools.count()

    @classmethod
    async def start(cls, number: int, environment: Mapping[str, str]) -> Self:
        """Start a process, which waits to be told what to `begin`. Raises `OSError`."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                # -P: the working directory must not provide modules. A session of its own: Ctrl-C
                # in a terminal is for the supervisor, which then ends its workers in order.
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-P", "-m", MODULE, str(theirs.fileno())),
                    stdin=asyncio.subprocess.DEVNULL,
                    env=environment,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
        except BaseException:
            ours.close()
            raise
        return cls(number, process, ours)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def age_s(self) -> float:
        """Seconds since its start."""
        return asyncio.get_running_loop().time() - self.started

    def begin(self, begin: Begin) -> None:
        """Tell it what it is to be, which nobody else is to see."""
        self.channel.send(begin)

    async def first_word(self) -> Ready | CannotStart:
        """Whether it could start. One that just ends could not; it is gone then."""
        try:
            word = await self.channel.receive()
        except (msgspec.DecodeError, ProtocolError) as error:
            self.kill()
            await self.ended()
            return CannotStart(f"Worker {self.number} says what is no message: {error}")
        if isinstance(word, Ready | CannotStart):
            return word
        status = await self.gone()
        return CannotStart(f"Worker {self.number} has ended with {told(status)}, at its start.")

    async def adopt(self, models: Settings) -> str | None:
        """Have it offer the models of these settings; gives what went wrong, if anything did."""
        if self._process.returncode is not None:  # another one is to be told, when it starts
            return None
        number = next(self._numbers)
        outcome = self._adopting[number] = asyncio.get_running_loop().create_future()
        self.channel.send(Adopt(number, models))
        try:
            async with asyncio.timeout(ADOPT_S):
                error: str | None = await outcome
        except TimeoutError:
            return f"Worker {self.number} has not taken up the configuration yet."
        finally:
            del self._adopting[number]
        return None if error is None else f"Worker {self.number}: {error}"

    def adopted(self, message: Adopted) -> None:
        """It has done so, or could not."""
        outcome = self._adopting.get(message.number)
        if outcome is not None and not outcome.done():
            outcome.set_result(message.error)

    def stop(self) -> None:
        """Tell it to close its sessions in order and to end."""
        self.channel.send(Stop())

    def kill(self) -> None:
        """End it at once."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def ended(self) -> int:
        """Wait for its end, and free what is held here; gives its exit status."""
        status = await self._process.wait()
        self.channel.close()
        for outcome in self._adopting.values():
            if not outcome.done():
                outcome.set_result(None)
        return status

    async def gone(self) -> int:
        """As `ended`, for one whose channel is closed: it is killed if it stays after that."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EXIT_S):
                return await self.ended()
        logger.error("process %s of worker %s does not end; it is killed", self.pid, self.number)
        self.kill()
        return await self.ended()


def told(status: int) -> str:
    """An exit status in words."""
    return f"status {status}" if status >= 0 else f"signal {-status}"
