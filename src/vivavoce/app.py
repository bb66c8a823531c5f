"""The composition root: settings to a running server."""

import asyncio
import contextlib
import dataclasses
import secrets
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import msgspec
from aiohttp import web
from aiohttp.typedefs import Middleware

from vivavoce.assembly import assemble
from vivavoce.config import ConfigError, Settings
from vivavoce.config.paths import trace_folder
from vivavoce.config.resolution import TITLES
from vivavoce.config.speculation_level import level_of
from vivavoce.engines.registry import SLOTS
from vivavoce.process import until_stopped
from vivavoce.reloading import Read, ReadAgain, Reloading, reloading_when, told
from vivavoce.runtime.addresses import AllowedAddresses
from vivavoce.runtime.catalogue import Catalogue
from vivavoce.runtime.clock import Clock
from vivavoce.runtime.load import LoadWatch
from vivavoce.runtime.mcp_client import McpClient
from vivavoce.runtime.metrics import Metrics
from vivavoce.runtime.models import Models
from vivavoce.runtime.places import Places
from vivavoce.runtime.rests import Rests
from vivavoce.runtime.sessions import RandomBits, SessionPolicy, Sessions
from vivavoce.session.rate_limits import RateLimitSettings
from vivavoce.session.state import Limits
from vivavoce.transports import exposure
from vivavoce.transports.foreign_logs import keep_secrets_out
from vivavoce.transports.http import MAX_FIELD, application
from vivavoce.transports.reload import Reload
from vivavoce.transports.tls import Tls
from vivavoce.transports.websocket_connection import Connect, connect_socket

SHUTDOWN_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that listens. `url` is the base URL that clients are pointed at."""

    host: str
    port: int
    summary: str
    notices: tuple[str, ...]
    secure: bool
    """Whether it speaks TLS."""
    needs_key: bool
    reload: Reload
    """Reads the configuration anew; gives notices. Raises `ConfigError`."""
    model: str
    """A model that clients may ask for: the default one, or the first that converses."""

    @property
    def url(self) -> str:
        """`http://127.0.0.1:8080/v1`, for `base_url` of OpenAI's clients."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.secure else ''}://{host}:{self.port}/v1"


@contextlib.asynccontextmanager
async def running(settings: Settings, read_again: ReadAgain | None = None) -> AsyncIterator[Server]:
    """Start a server with the models that the settings name, and stop it at the end.

    A reload asks `read_again`; without it the settings are what they were. Raises `ConfigError`.
    """
    again = read_again or (lambda: Read(assemble(settings)))
    async with serving(assemble(settings), settings, read_again=again) as server:
        yield server


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a server has from the machine it runs on, a mock from its script, and a worker from its
    supervisor.

    `chances` is asked for the randomness of each session. In `lockstep` a session reads the next
    event when all that follows from the one before has happened, and its speech is not held back
    until it can be played. `connect` makes connections; `middlewares` see requests first.

    A worker has a number, `worker`, and shares its `places` and `certificate` with others; `reload`
    is what it does when it is asked for one. None is what a server does by itself.
    """

    clock: Clock = field(default_factory=Clock)
    chances: Callable[[], RandomBits] = lambda: secrets.randbits
    lockstep: Rests | None = None
    connect: Connect = connect_socket
    middlewares: tuple[Middleware, ...] = ()
    worker: int | None = None
    places: Places | None = None
    certificate: Tls | None = None
    reload: Reload | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A server that is ready but for its port."""

    runner: web.AppRunner
    models: Models
    notices: tuple[str, ...]
    certificate: Tls | None
    """What its port shows for TLS."""
    reload: Reload
    """Reads the models of this process anew; gives notices. Raises `ConfigError`."""


@contextlib.asynccontextmanager
async def serving(
    catalogue: Catalogue,
    settings: Settings,
    surroundings: Surroundings | None = None,
    read_again: ReadAgain | None = None,
) -> AsyncIterator[Server]:
    """Start a server with these models, and stop it at the end. Raises `ConfigError`.

    Port 0 takes a free one. Models are loaded before the server is ready, those excepted that
    wait for their first use; one that cannot be is reported, and tried again for each session.
    At the end every client is told (close code 1001) before the engines are closed.
    """
    async with prepared(catalogue, settings, surroundings, read_again) as ready:
        context = None if ready.certificate is None else ready.certificate.context
        await listen(web.TCPSite(ready.runner, settings.host, settings.port, ssl_context=context))
        host, port = ready.runner.addresses[0][:2]
        yield Server(
            host=host,
            port=port,
            summary=summary(ready.models),
            notices=ready.notices,
            secure=ready.certificate is not None,
            needs_key=bool(settings.api_keys),
            reload=ready.reload,
            model=ready.models.base.name,
        )


@contextlib.asynccontextmanager
async def prepared(
    catalogue: Catalogue,
    settings: Settings,
    surroundings: Surroundings | None = None,
    read_again: ReadAgain | None = None,
) -> AsyncIterator[Prepared]:
    """All of a server but its port, as `serving` has it. Raises `ConfigError`."""
    around = surroundings or Surroundings()
    keep_secrets_out()
    async with contextlib.AsyncExitStack() as ending:
        exposure.check_exposure(settings)
        certificate = around.certificate or exposure.certificate(settings)
        models = await ending.enter_async_context(Models(catalogue, Metrics()))
        reload = Reloading(models, read_again or (lambda: Read(catalogue)))
        notices = told(models, await models.load_at_start()) + exposure.notices(certificate)
        sessions = sessions_of(models, settings, around)
        if around.lockstep is None:
            watch = load_watch(sessions)
            watch.start()
            ending.callback(watch.stop)
        runner = web.AppRunner(
            routes(sessions, settings, around, around.reload or reload),
            handle_signals=False,
            handler_cancellation=True,  # a client that goes away stops the engines it has asked
            shutdown_timeout=SHUTDOWN_S,
            max_field_size=MAX_FIELD,
            access_log=None,  # it would show the keys that are refused because they are in a URL
        )
        await runner.setup()
        ending.push_async_callback(stop, runner)
        yield Prepared(
            runner=runner, models=models, notices=notices, certificate=certificate, reload=reload
        )


async def stop(runner: web.AppRunner) -> None:
    """Take no more connections, end those there are, then free the rest.

    `cleanup` alone would stop reading first, and wait in vain for clients to answer its close.
    """
    await dismiss(runner)
    await runner.cleanup()


async def dismiss(runner: web.AppRunner) -> None:
    """Take no more connections, and end those there are; harmless if that has been done."""
    for site in tuple(runner.sites):
        await site.stop()
    await runner.shutdown()


def routes(
    sessions: Sessions, settings: Settings, around: Surroundings, reload: Reload
) -> web.Application:
    """What the server answers, and to whom."""
    access = exposure.access(settings, around.clock)
    metrics = sessions.models.metrics if settings.metrics else None
    made = application(sessions, access, around.connect, reload, metrics)
    made.middlewares.extend(around.middlewares)
    return made


async def listen(site: web.TCPSite) -> None:
    """Bind the port. Raises `ConfigError`."""
    try:
        await site.start()
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {site.name}: {error.strerror}. Choose another with --port."
        ) from error


def policy(settings: Settings) -> SessionPolicy:
    """What the settings say about sessions. Raises `ConfigError`."""
    minutes, retain = settings.session_minutes, settings.retain_audio
    limits = Limits(
        lifetime_s=None if minutes is None else 60 * minutes,
        max_turn_ms=int(1000 * settings.max_turn_seconds),
        speculate=level_of(settings.speculate),
        context_tokens=settings.context_tokens,
        rate_limits=RateLimitSettings(
            requests_per_minute=settings.requests_per_minute,
            tokens_per_minute=settings.tokens_per_minute,
        ),
    )
    return SessionPolicy(
        limits=limits,
        retain_audio_s=None if retain == "all" else 0.0 if retain == "none" else retain,
        instructions=settings.instructions,
        max_sessions=settings.max_sessions,
        trace_folder=trace_folder(settings.trace),
    )


def sessions_of(models: Models, settings: Settings, around: Surroundings) -> Sessions:
    """What opens the sessions of a server."""
    given = policy(settings)
    return Sessions(
        models,
        given if around.lockstep is None else unhurried(given),
        clock=around.clock,
        tool_servers=McpClient(
            timeout_s=settings.mcp_timeout_seconds,
            allowed=AllowedAddresses(settings.mcp_private_hosts),
        ),
        chances=around.chances,
        lockstep=around.lockstep,
        places=around.places,
        worker=around.worker,
    )


def load_watch(sessions: Sessions) -> LoadWatch:
    """What measures how busy the process is, and tells the sessions."""
    models = sessions.models
    return LoadWatch(
        models.backlog_s,
        on_measure=models.metrics.load_measured,
        on_change=sessions.load_changed,
    )


def unhurried(given: SessionPolicy) -> SessionPolicy:
    """The same, but speech is sent however far ahead of playing it is."""
    limits = msgspec.structs.replace(given.limits, max_lead_ms=sys.maxsize)
    return dataclasses.replace(given, limits=limits)


def summary(models: Models) -> str:
    """Which models there are, or which engines the only one has."""
    catalogue = models.catalogue
    if len(catalogue.plans) > 1:
        return f"models: {', '.join(catalogue.names)}"
    (plan,) = catalogue.plans.values()
    names = models.engine_names(plan)
    return ", ".join(f"{TITLES[slot]}: {names[slot]}" for slot in SLOTS if slot in names)


async def serve(
    settings: Settings,
    on_ready: Callable[[Server], None],
    read_again: ReadAgain,
    asked: asyncio.Event,
) -> None:
    """Run a server until the process is told to stop; it reads its models anew when `asked`."""
    await until_stopped(reloading_server(settings, read_again, asked), on_ready)


@contextlib.asynccontextmanager
async def reloading_server(
    settings: Settings, read_again: ReadAgain, asked: asyncio.Event
) -> AsyncIterator[Server]:
    """A server that reloads when the event is set. Raises `ConfigError`."""
    async with running(settings, read_again) as server, reloading_when(asked, server.reload):
        yield server
