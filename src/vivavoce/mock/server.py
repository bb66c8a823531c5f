"""A server made of a mock script."""

import itertools
import random
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from vivavoce.app import Server, Surroundings, serving
from vivavoce.config import Settings, read_settings
from vivavoce.engines.base import LanguageModel, Sleep
from vivavoce.engines.llm.scripted import ScriptedModel
from vivavoce.engines.llm.scripted_speech import ScriptedSpeechModel
from vivavoce.engines.stt.scripted import ScriptedRecognizer
from vivavoce.engines.tts.scripted import ScriptedSynthesizer
from vivavoce.engines.vad.scripted import ScriptedDetector
from vivavoce.mock.connection import MockConnection, OnReceived
from vivavoce.mock.faults import Fault, FaultPlan, Refused
from vivavoce.mock.script import MockScript, Pace, read_mock_script
from vivavoce.runtime.catalogue import Engines
from vivavoce.runtime.clock import Clock, StandingClock
from vivavoce.runtime.rests import Rests
from vivavoce.runtime.sessions import RandomBits

SEEDED_TIME = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""The time of day that a seeded mock shows, and counts `expires_at` from."""


PLAN: ContextVar[FaultPlan] = ContextVar("plan")
"""The faults of the connection whose request is being handled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MockOptions:
    """How a mock is to be.

    `seed` fixes all ids and times: session number n of a run, from 0, takes `seed + n`. At the
    pace `instant` an event's consequences are over before the next one is read; at `real` words
    and speech take the time they take. Port 0 takes a free one; `tls` serves https and wss.
    `mcp_private_hosts` and `mcp_timeout_seconds` are those of `Settings`.
    """

    script: Path | None = None
    seed: int | None = None
    pace: Pace = "instant"
    host: str = "127.0.0.1"
    port: int = 0
    tls: Literal["self-signed"] | None = None
    mcp_private_hosts: tuple[str, ...] = ()
    mcp_timeout_seconds: float = 30.0


@asynccontextmanager
async def mocking(
    options: MockOptions, on_received: OnReceived | None = None
) -> AsyncIterator[Server]:
    """Run a mock; `on_received` is called with each client event. Raises `ConfigError`."""
    script = read_mock_script(options.script, options.pace)
    rests = Rests()
    engines = scripted_engines(script, options, rests.rest)
    edge = Edge(script.faults, options.seed, on_received)
    surroundings = Surroundings(
        clock=clock_of(options),
        chances=session_chances(options.seed),
        lockstep=rests if options.pace == "instant" else None,
        connect=edge.connect,
        middlewares=(edge.middleware(),),
    )
    async with serving(engines.catalogue(), settings_of(options), surroundings) as server:
        yield server


def websocket_url(server: Server) -> str:
    """The URL of a server's WebSocket, without a query."""
    return f"{server.url.replace('http', 'ws', 1)}/realtime"


def settings_of(options: MockOptions) -> Settings:
    """Open to everybody whom the address lets in: there is nothing behind it to protect.

    Raises `ConfigError`.
    """
    given = {
        "host": options.host,
        "port": options.port,
        "tls": options.tls,
        "mcp_private_hosts": options.mcp_private_hosts,
        "mcp_timeout_seconds": options.mcp_timeout_seconds,
        "allow_anonymous": True,
        "allowed_origins": ("*",),
        "speculate": "off",
    }
    return read_settings(None, given)


def scripted_engines(script: MockScript, options: MockOptions, sleep: Sleep) -> Engines:
    """An engine for each slot. Speech is told from silence by its loudness."""
    return Engines(
        vad=ScriptedDetector(),
        stt=ScriptedRecognizer(script.hears, script.hear_ms, sleep=sleep),
        llm=scripted_model(script, options, sleep),
        tts=ScriptedSynthesizer(
            script.voice_ms_per_char,
            script.voice_delay_ms,
            realtime=options.pace == "real",
            sleep=sleep,
        ),
    )


def scripted_model(script: MockScript, options: MockOptions, sleep: Sleep) -> LanguageModel:
    """What answers, in words or in speech of its own."""
    clock = datetime.now if options.seed is None else lambda: SEEDED_TIME
    if not script.speech_to_speech:
        return ScriptedModel(script.replies, clock=clock, sleep=sleep)
    return ScriptedSpeechModel(
        script.replies,
        hears=script.hears,
        ms_per_char=script.voice_ms_per_char,
        realtime=options.pace == "real",
        clock=clock,
        sleep=sleep,
    )


def clock_of(options: MockOptions) -> Clock:
    """A clock that shows nothing which differs from run to run, where that is asked for."""
    unix_time = None if options.seed is None else int(SEEDED_TIME.timestamp())
    if options.pace == "instant":
        return StandingClock(unix_time)
    return Clock(unix_time)


def session_chances(seed: int | None) -> Callable[[], RandomBits]:
    """The randomness of one session after the other."""
    if seed is None:
        return lambda: secrets.randbits
    seeds = itertools.count(seed)
    return lambda: random.Random(next(seeds)).getrandbits


class Edge:
    """What stands between the clients and the sessions: it numbers connections and spoils some."""

    def __init__(
        self, faults: tuple[Fault, ...], seed: int | None, on_received: OnReceived | None
    ) -> None:
        self._faults = faults
        self._seed = seed
        self._on_received = on_received
        self._numbers = itertools.count(1)

    def middleware(self) -> Middleware:
        """Counts the attempts to connect, and refuses some."""

        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not request.path.rstrip("/").endswith("/realtime"):
                return await handler(request)
            plan = FaultPlan(self._faults, next(self._numbers))
            PLAN.set(plan)
            return await handler(request) if plan.refused is None else refusal(plan.refused)

        return guard

    def connect(self, request: web.Request, socket: web.WebSocketResponse) -> MockConnection:
        """A connection with the faults that are meant for it."""
        plan = PLAN.get()
        return MockConnection(
            socket,
            request.transport,
            plan,
            chances=self._chances(plan.connection),
            on_received=self._on_received,
        )

    def _chances(self, number: int) -> random.Random:
        """The randomness of a connection's own errors; it disturbs no session's."""
        return random.Random(None if self._seed is None else f"{self._seed} {number}")


def refusal(refused: Refused) -> web.Response:
    """A refusal in HTTP, with a body as OpenAI's."""
    error = {
        "message": refused.message,
        "type": refused.type,
        "code": refused.code,
        "param": None,
    }
    return web.json_response({"error": error}, status=refused.status)
