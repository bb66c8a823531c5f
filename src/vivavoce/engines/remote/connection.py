"""A connection to engines elsewhere, on which any number of jobs are done at a time."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import msgspec

from vivavoce.engines.base import EngineError
from vivavoce.engines.remote.address import Address, UnixAddress
from vivavoce.engines.remote.failures import raised
from vivavoce.engines.remote.frames import ProtocolError, TooLargeError
from vivavoce.engines.remote.link import Link
from vivavoce.engines.remote.messages import (
    CONNECTION,
    PROTOCOL,
    WINDOW,
    Begin,
    Cancel,
    End,
    Failed,
    Generate,
    Grant,
    Hello,
    Part,
    Selector,
    Synthesize,
    Welcome,
    Work,
    to_user,
)

CONNECT_S = 30.0
"""Seconds until the hello is answered. A process that is being started again takes some."""

UNAVAILABLE = "engine_unavailable"
"""The code of what fails because the engines cannot be reached."""


class Job:
    """One job over there. Whoever began it calls `leave` in the end, whatever came of it."""

    def __init__(
        self, number: int, link: Link, *, paced: bool, on_left: Callable[["Job"], None]
    ) -> None:
        """`paced` is whether pieces have to be granted."""
        self.number = number
        self._link = link
        self._paced = paced
        self._on_left = on_left
        self._taken = 0
        self._over = False
        self._answers: asyncio.Queue[Part | End | EngineError] = asyncio.Queue()
        """At most `WINDOW` of a paced job; of others what the recogniser gave of one utterance."""

    def came(self, answer: Part | End | EngineError) -> None:
        """The other side has answered. Raises `ProtocolError` for more than was granted."""
        if isinstance(answer, Part):
            if self._paced and self._answers.qsize() >= WINDOW:
                raise ProtocolError(f"job {self.number} has sent more pieces than were granted")
        else:
            self._over = True
        self._answers.put_nowait(answer)

    async def piece(self) -> msgspec.Raw | None:
        """The next piece; None at the end. Raises `EngineError`."""
        answer = await self.answer()
        if isinstance(answer, End):
            return None
        self._taken += 1
        if self._taken == WINDOW // 2:
            self.send(Grant(self.number, self._taken))
            self._taken = 0
        return answer.value

    async def answer(self) -> Part | End:
        """The next part or the end, of a job that is not paced. Raises `EngineError`."""
        answer = await self._answers.get()
        if isinstance(answer, EngineError):
            raise answer
        return answer

    def send(self, message: Any) -> None:
        """Say more about this job. Raises `EngineError` for what cannot be sent."""
        send(self._link, message)

    async def writable(self) -> None:
        """Returns when more can be sent without its being kept here."""
        await self._link.writable()

    def fail(self, error: EngineError) -> None:
        """Nothing will come of it any more."""
        if not self._over:
            self.leave()
            self._answers.put_nowait(error)

    def leave(self) -> None:
        """It is not wanted any more, and is cancelled over there; again does nothing."""
        if not self._over:
            self._over = True
            self._link.send(Cancel(self.number))
        self._on_left(self)


class Connection:
    """Made by `Connection.open`. When it ends all its jobs fail with `EngineError`."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._link = Link(to_user, self)
        self._jobs: dict[int, Job] = {}
        self._numbers = itertools.count(1)
        self._welcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, address: Address, token: str | None) -> "Connection":
        """A connection whose hello was answered. Raises `EngineError`."""
        made = cls(address)
        try:
            async with asyncio.timeout(CONNECT_S):
                await made._connect()
                made._link.send(Hello(PROTOCOL, token))
                await made._welcome
        except TimeoutError as error:
            made._link.abort()
            raise unreachable(address, f"no answer in {CONNECT_S:g} s") from error
        except OSError as error:
            raise unreachable(address, error.strerror or str(error)) from error
        except BaseException:
            made._link.abort()
            raise
        return made

    @property
    def is_open(self) -> bool:
        """Whether jobs can be begun."""
        return self._link.is_open

    def begin(self, engine: Selector, work: Work, on_left: Callable[[Job], None]) -> Job:
        """Begin a job; `on_left` is told when it is over. Raises `EngineError`.

        Wait until it is `writable` before, or a host that does not read fills the memory.
        """
        if not self._link.is_open:
            raise lost(self._address, None)
        paced = isinstance(work, Generate | Synthesize)

        def left(job: Job) -> None:
            self._jobs.pop(job.number, None)
            on_left(job)

        job = Job(next(self._numbers), self._link, paced=paced, on_left=left)
        send(self._link, Begin(job.number, engine, work))
        self._jobs[job.number] = job
        return job

    async def writable(self) -> None:
        """Returns when what was sent before has mostly gone out."""
        if not self._link.is_writable:
            await self._link.writable()

    async def close(self) -> None:
        """End the connection, and wait for that."""
        self._link.abort()
        await self._link.ended()

    # --- Receiver --------------------------------------------------------------------------------

    def received(self, message: Any) -> None:
        """A message of the host. What concerns a job that was left is passed over."""
        match message:
            case Welcome() if not self._welcome.done():
                self._welcome.set_result(None)
            case Failed(job=0) if not self._welcome.done():
                self._welcome.set_exception(raised(message))
            case Part() | End() if self._welcome.done():
                self._answer(message.job, message)
            case Failed() if self._welcome.done():
                self._answer(message.job, raised(message))
            case _:
                raise ProtocolError(f"unexpected: {type(message).__name__}")

    def lost(self, reason: str | None) -> None:
        """The connection has ended."""
        error = lost(self._address, reason)
        if not self._welcome.done():
            self._welcome.set_exception(error)
        for job in tuple(self._jobs.values()):
            job.fail(error)

    def _answer(self, number: int, answer: Part | End | EngineError) -> None:
        if number == CONNECTION:
            raise ProtocolError("an answer to nothing that was asked")
        job = self._jobs.get(number)
        if job is not None:
            job.came(answer)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        if isinstance(self._address, UnixAddress):
            await loop.create_unix_connection(lambda: self._link, self._address.path)
        else:
            await loop.create_connection(lambda: self._link, self._address.host, self._address.port)


def send(link: Link, message: Any) -> None:
    """Send a message. Raises `EngineError` for one that cannot be sent."""
    try:
        link.send(message)
    except TooLargeError as error:
        text = f"This is too much for one request to an engine: {error}."
        raise EngineError(text, code="too_large") from error
    except UnicodeEncodeError as error:
        text = f"The text has a character that is none (a lone surrogate): {error.reason}."
        raise EngineError(text, code="invalid_text") from error


def unreachable(address: Address, why: str) -> EngineError:
    """Nobody answers there."""
    return EngineError(f"The engines at {address} cannot be reached: {why}.", code=UNAVAILABLE)


def lost(address: Address, reason: str | None) -> EngineError:
    """The connection has ended with jobs on it."""
    if reason is not None:
        text = f"The connection to the engines at {address} failed: {reason}."
    elif isinstance(address, UnixAddress):
        text = "The engine process ended; it is being started again."
    else:
        text = f"The connection to the engines at {address} was lost."
    return EngineError(text, code=UNAVAILABLE)
