"""An engine process as its parent has it: started, told its settings, started again when it dies.

    async with EngineProcess(settings) as engines:
        …  # workers use `RemoteHost(engines.address)`

The socket that users connect to is the parent's. So it outlives the child: whoever connects while
that is being started again waits for it, and nobody has to ask twice.
"""

import asyncio
import contextlib
import itertools
import logging
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from vivavoce.config import ConfigError, Settings
from vivavoce.engine_host.server import listening
from vivavoce.engine_process.control import Channel, Configure, Refused, to_parent
from vivavoce.engines.remote.address import UnixAddress

logger = logging.getLogger(__name__)

START_S = 60.0
"""Seconds that a process may take until it says that it is ready. Loads come after that."""

STOP_S = 20.0
"""Seconds that it may take to close its engines."""

LIVED_S = 60.0
"""Seconds after which a process that ends has not ended because of its start."""

LONGEST_PAUSE_S = 30.0


class EngineProcess:
    """Runs within its context, and is started again whenever it ends by itself."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ending = contextlib.AsyncExitStack()
        self._listener: socket.socket | None = None
        self._child: Child | None = None
        self._address = UnixAddress("")
        self._configuring = asyncio.Lock()

    @property
    def address(self) -> UnixAddress:
        """Where its engines are; the same after each start."""
        return self._address

    @property
    def pid(self) -> int:
        """The process as it is now."""
        assert self._child is not None, "it runs within its context"
        return self._child.pid

    async def __aenter__(self) -> Self:
        """Raises `ConfigError` if the process cannot start with these settings."""
        async with contextlib.AsyncExitStack() as started:
            folder = tempfile.mkdtemp(prefix="vivavoce-")  # for this user only
            started.callback(shutil.rmtree, folder, ignore_errors=True)
            self._address = UnixAddress(str(Path(folder, "engines")))
            self._listener = started.enter_context(listening(self._address))
            self._child = await self._start()
            started.push_async_callback(self._stop)
            tasks = await started.enter_async_context(asyncio.TaskGroup())
            keeping = tasks.create_task(self._keep_running(), name="engine process")
            started.callback(keeping.cancel)
            self._ending = started.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process, which closes its engines."""
        await self._ending.aclose()

    async def reload(self, settings: Settings) -> None:
        """Host the engines of other settings from now on; do this before the workers reload.

        Raises `ConfigError`, and has changed nothing then.
        """
        async with self._configuring:
            if self._child is not None:
                await self._child.configure(settings)
            self._settings = settings

    async def _keep_running(self) -> None:
        pauses = pauses_s()
        while True:
            assert self._child is not None, "one was started"
            code = await self._child.wait()
            logger.error("the engine process ended (%s); it is started again", how(code))
            if self._child.age_s > LIVED_S:
                pauses = pauses_s()
            async with self._configuring:
                self._child = await self._started_again(pauses)

    async def _started_again(self, pauses: Iterator[float]) -> "Child":
        while True:
            await asyncio.sleep(next(pauses))
            try:
                return await self._start()
            except ConfigError as error:
                logger.error("the engine process cannot be started: %s", error)

    async def _start(self) -> "Child":
        assert self._listener is not None, "it listens from the beginning"
        child = await Child.start(self._listener)
        try:
            await child.configure(self._settings)
        except BaseException:
            await child.stop()
            raise
        return child

    async def _stop(self) -> None:
        if self._child is not None:
            await self._child.stop()


class Child:
    """One process, from its start to its end."""

    def __init__(self, process: asyncio.subprocess.Process, channel: Channel) -> None:
        self._process = process
        self._channel = channel
        self._began = asyncio.get_running_loop().time()

    @classmethod
    async def start(cls, listener: socket.socket) -> "Child":
        """Start an interpreter of its own, which hosts nothing yet."""
        ours, theirs = socket.socketpair()
        level = logging.getLevelName(logging.getLogger().getEffectiveLevel())
        with theirs:
            # -P: the working directory must not provide modules. A session of its own: Ctrl-C in
            # a terminal is for the server, which then ends its engines in order.
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "vivavoce.engine_process"),
                *(str(listener.fileno()), level),
                stdin=theirs.fileno(),
                stdout=asyncio.subprocess.DEVNULL,
                pass_fds=[listener.fileno()],
                start_new_session=True,
            )
        channel = Channel(to_parent)
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: channel.link, sock=ours)
        return cls(process, channel)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def age_s(self) -> float:
        """Seconds since its start."""
        return asyncio.get_running_loop().time() - self._began

    async def configure(self, settings: Settings) -> None:
        """Have it host the engines of these settings; one that does not answer is ended.

        Raises `ConfigError`.
        """
        self._channel.link.send(Configure(settings))
        try:
            async with asyncio.timeout(START_S):
                answer = await self._channel.next()
        except TimeoutError as error:
            self._process.kill()
            raise ConfigError(f"the engine process did not answer in {START_S:g} s") from error
        if answer is None:
            raise ConfigError("the engine process ended; the log says why")
        if isinstance(answer, Refused):
            raise ConfigError(f"the engine process refuses the configuration: {answer.text}")

    async def wait(self) -> int:
        """Returns its exit code when it has ended."""
        return await self._process.wait()

    async def stop(self) -> None:
        """End it: in order if it can, and by force if it takes too long."""
        self._channel.link.close()
        for demand in (self._process.terminate, self._process.kill):
            try:
                async with asyncio.timeout(STOP_S):
                    await self._process.wait()
            except TimeoutError:
                demand()
            else:
                break
        await self._process.wait()
        await self._channel.link.ended()


def pauses_s() -> Iterator[float]:
    """Seconds before each start after another: none at first, longer while it does not help."""
    return itertools.chain((0.0, 1.0, 2.0, 4.0, 8.0, 16.0), itertools.repeat(LONGEST_PAUSE_S))


def how(code: int) -> str:
    """How a process has ended, in words."""
    return f"exit code {code}" if code >= 0 else f"{signal.strsignal(-code)}, signal {-code}"
