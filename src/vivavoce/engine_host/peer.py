"""One user of a host's engines: a connection from its hello to its end."""

import asyncio
import hmac
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vivavoce import __version__
from vivavoce.engine_host.answers import Answers
from vivavoce.engine_host.jobs import Steps, do
from vivavoce.engine_host.offer import Offer
from vivavoce.engines.base import EngineError
from vivavoce.engines.remote.description import describe
from vivavoce.engines.remote.failures import failed
from vivavoce.engines.remote.frames import MAX_FRAME, ProtocolError, TooLargeError
from vivavoce.engines.remote.link import Link
from vivavoce.engines.remote.messages import (
    CONNECTION,
    PROTOCOL,
    Accept,
    Begin,
    Cancel,
    Failed,
    Flush,
    Grant,
    Hello,
    Load,
    Loaded,
    Selector,
    Welcome,
    to_host,
)

logger = logging.getLogger(__name__)

HELLO_S = 10.0
"""Seconds that whoever connects may take to say hello."""

STRANGERS_FRAME = 4096
"""Bytes of a frame before the hello."""

MOST_JOBS = 8192
"""Jobs of one connection at a time: more than a thousand callers have."""


@dataclass(slots=True)
class _Job:
    """A job that is under way."""

    answers: Answers
    steps: Steps = field(default_factory=lambda: asyncio.Queue(1))
    task: asyncio.Task[None] | None = None


class Peer:
    """Made for each connection. Its jobs are tasks of the host's, and end with it."""

    def __init__(
        self,
        offer: Offer,
        token: str | None,
        tasks: asyncio.TaskGroup,
        on_lost: Callable[["Peer"], None],
    ) -> None:
        self.link = Link(to_host, self, STRANGERS_FRAME)
        self._offer = offer
        self._token = token
        self._tasks = tasks
        self._on_lost = on_lost
        self._jobs: dict[int, _Job] = {}
        self._load: asyncio.Task[None] | None = None
        self._known = False
        loop = asyncio.get_running_loop()
        self._patience = loop.call_later(HELLO_S, self.link.abort)

    # --- Receiver --------------------------------------------------------------------------------

    def received(self, message: Any) -> None:
        """A message of the user."""
        if not self._known:
            self._greet(message)
            return
        match message:
            case Begin(job) if job != CONNECTION and job not in self._jobs:
                self._begin(message)
            case Accept(job) | Flush(job):
                self._step(job, message)
            case Grant(job, pieces) if pieces > 0:
                if job in self._jobs:
                    self._jobs[job].answers.grant(pieces)
            case Cancel(job):
                self._cancel(job)
            case Load(engine) if self._load is None:
                self._load = self._tasks.create_task(self._hold(engine), name="load")
            case _:
                raise ProtocolError(f"unexpected: {type(message).__name__}")

    def lost(self, reason: str | None) -> None:
        """The connection has ended."""
        if reason is not None:
            logger.warning("a user of the engines was cut off: %s", reason)
        self._patience.cancel()
        for job in tuple(self._jobs):
            self._cancel(job)
        if self._load is not None:
            self._load.cancel()
        self._on_lost(self)

    # --- the hello -------------------------------------------------------------------------------

    def _greet(self, message: Any) -> None:
        if not isinstance(message, Hello):
            raise ProtocolError("it did not say hello")
        if message.protocol != PROTOCOL:
            self._refuse(
                f"This engine server ({__version__}) speaks protocol {PROTOCOL}, and was spoken "
                f"to in {message.protocol}. Run the same version of vivavoce on both sides.",
                "protocol_mismatch",
            )
        elif self._token is not None and not is_token(message.token, self._token):
            self._refuse(
                "This engine server expects its token. Set VIVAVOCE_ENGINE_TOKEN to the same "
                "secret on both sides.",
                "invalid_token",
            )
        else:
            self._patience.cancel()
            self._known = True
            self.link.frames.limit = MAX_FRAME
            self.link.send(Welcome(PROTOCOL, __version__))

    def _refuse(self, text: str, code: str) -> None:
        logger.warning("somebody was refused the engines: %s", code)
        self.link.send(Failed(CONNECTION, "engine", code, text))
        self.link.close()

    # --- loads -----------------------------------------------------------------------------------

    async def _hold(self, engine: Selector) -> None:
        """Load an engine, and keep it until this connection ends."""
        try:
            lease = self._offer.hold(engine)
        except EngineError as error:
            self.link.send(failed(CONNECTION, error))
            return
        try:
            loaded = (await lease.load()).engine
            self.link.send(Loaded(describe(lease.ref.slot, loaded)))
            await self.link.ended()
        except EngineError as error:
            self.link.send(failed(CONNECTION, error))
        except Exception as error:  # an engine may raise anything
            logger.exception("the %s engine cannot be loaded", lease.ref.slot)
            self.link.send(failed(CONNECTION, error))
        finally:
            self._offer.let_go(lease)

    # --- jobs ------------------------------------------------------------------------------------

    def _begin(self, begin: Begin) -> None:
        if len(self._jobs) >= MOST_JOBS:
            text = f"The engine process does {MOST_JOBS} jobs of this server already."
            self.link.send(Failed(begin.job, "engine", "overloaded", text))
            return
        job = self._jobs[begin.job] = _Job(Answers(begin.job, self.link))
        job.task = self._tasks.create_task(self._guarded(begin, job), name=f"job {begin.job}")
        job.task.add_done_callback(lambda _: self._jobs.pop(begin.job, None))

    async def _guarded(self, begin: Begin, job: _Job) -> None:
        """What an engine raises ends its job, and nothing else."""
        try:
            lease = self._offer.lease(begin.engine)
            try:
                await do(begin.work, lease, job.answers, job.steps)
            finally:
                lease.release()
        except EngineError as error:
            self.link.send(failed(begin.job, error))
        except TooLargeError as error:
            logger.warning("an engine gave more than can be sent: %s", error)
            self.link.send(failed(begin.job, error))
        except Exception as error:  # an engine may raise anything
            logger.exception("an engine failed unexpectedly")
            self.link.send(failed(begin.job, error))

    def _step(self, number: int, step: Accept | Flush) -> None:
        job = self._jobs.get(number)
        if job is None:
            return  # it has failed, which is on its way
        if job.steps.full():
            raise ProtocolError(f"job {number} was asked something before it had answered")
        job.steps.put_nowait(step)

    def _cancel(self, number: int) -> None:
        job = self._jobs.get(number)
        if job is not None and job.task is not None:
            job.task.cancel()


def is_token(given: str | None, token: str) -> bool:
    """Compared in a time that tells nothing of where they differ."""
    return given is not None and hmac.compare_digest(given.encode(), token.encode())
