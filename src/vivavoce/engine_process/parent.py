"""An engine process as its parent has it: started, told its settings, started again when it dies.

    async with EngineProcess(settings, folder) as engines:
        …  # workers use `RemoteHost(engines.address)`

The socket that users connect to is the parent's. So it outlives the child: whoever connects while
that is being started again waits for it, and nobody has to ask twice.
"""

import asyncio
import contextlib
import itertools
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from vivavoce.channel import Channel
from vivavoce.config import ConfigError, Settings
from vivavoce.engine_host.server import listening
from vivavoce.engine_process.control import Configure, Ready, Refused, to_parent
from vivavoce.engines.remote.address import UnixAddress
from vivavoce.runtime.metrics import SHARED_FOLDER

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

    def __init__(self, settings: Settings, folder: Path) -> None:
        """Its socket is put into `folder`, which decides who may use the engines (mode 0700), and
        which has to have a short path."""
        self._settings = settings
        self._address = UnixAddress(str(folder / "engines"))
        self._ending = contextlib.AsyncExitStack()
        self._listener: socket.socket | None = None
        self._child: Child | None = None
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
        """Raises `ConfigError` if the process cannot start with these settings, or here."""
        async with contextlib.AsyncExitStack() as started:
            self._listener = started.enter_context(self._listening())
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

        Where it is being started again, it starts with these. Raises `ConfigError`, and has changed
        nothing then.
        """
        async with self._configuring:
            if self._child is not None:
                await self._child.configure(settings)
            self._settings = settings

    async def _keep_running(self) -> None:
        pauses = pauses_s()
        while True:
            assert self._child is not None, "one was started"
            code, lived_s = await self._child.ended(), self._child.age_s
            self._child = None
            logger.error("the engine process ended (%s); it is started again", how(code))
            if lived_s > LIVED_S:
                pauses = pauses_s()
            while self._child is None:
                await asyncio.sleep(next(pauses))
                await self._start_again()

    async def _start_again(self) -> None:
        async with self._configuring:
            try:
                self._child = await self._start()
            except (ConfigError, OSError) as error:
                logger.error("the engine process cannot be started: %s", error)

    def _listening(self) -> socket.socket:
        try:
            return listening(self._address)
        except OSError as error:
            raise ConfigError(
                f"no socket can be made at {self._address.path}: {error.strerror or error}. TMPDIR "
                "names the folder for such files; its path has to be short."
            ) from error

    async def _start(self) -> "Child":
        assert self._listener is not None, "it listens from the beginning"
        child = await Child.start(self._listener)
        try:
            await child.configure(self._settings)
        except BaseException:
            await child.stop()
            raise
        logger.info("the engine process is process %s", child.pid)
        return child

    async def _stop(self) -> None:
        if self._child is not None:
            await self._child.stop()


class Child:
    """One process, from its start to its end."""

    def __init__(self, process: asyncio.subprocess.Process, end: socket.socket) -> None:
        self._process = process
        self._channel = Channel(end, to_parent)
        self._began = asyncio.get_running_loop().time()

    @classmethod
    async def start(cls, listener: socket.socket) -> "Child":
        """Start an interpreter of its own, which hosts nothing yet."""
        ours, theirs = socket.socketpair()
        level = logging.getLevelName(logging.getLogger().getEffectiveLevel())
        # Jobs are counted by who asks for them, and would be told twice if they were here, too.
        environment = {name: value for name, value in os.environ.items() if name != SHARED_FOLDER}
        try:
            with theirs:
                # -P: the working directory must not provide modules. A session of its own: Ctrl-C
                # in a terminal is for the server, which then ends its engines in order.
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-P", "-m", "vivavoce.engine_process"),
                    *(str(listener.fileno()), level),
                    stdin=theirs.fileno(),
                    stdout=asyncio.subprocess.DEVNULL,
                    env=environment,
                    pass_fds=[listener.fileno()],
                    start_new_session=True,
                )
        except BaseException:
            ours.close()
            raise
        return cls(process, ours)

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
        self._channel.send(Configure(settings))
        try:
            async with asyncio.timeout(START_S):
                answer = await self._channel.receive()
        except TimeoutError as error:
            self._process.kill()
            raise ConfigError(f"the engine process did not answer in {START_S:g} s") from error
        match answer:
            case None:
                raise ConfigError("the engine process ended; the log says why")
            case Refused(text):
                raise ConfigError(f"the engine process refuses the configuration: {text}")
            case Ready():
                return

    async def ended(self) -> int:
        """Returns its exit code when it has ended, and frees what is held here."""
        code = await self._process.wait()
        self._channel.close()
        return code

    async def stop(self) -> None:
        """End it: in order if it can, and by force if it takes too long."""
        self._channel.close()
        try:
            async with asyncio.timeout(STOP_S):
                await self._process.wait()
        except TimeoutError:
            logger.error("the engine process does not end, and is killed")
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


def pauses_s() -> Iterator[float]:
    """Seconds before each start after another: none at first, longer while it does not help."""
    return itertools.chain((0.0, 1.0, 2.0, 4.0, 8.0, 16.0), itertools.repeat(LONGEST_PAUSE_S))


def how(code: int) -> str:
    """How a process has ended, in words."""
    return f"exit code {code}" if code >= 0 else f"{signal.strsignal(-code)}, signal {-code}"
