"""The HTTP side of the server: its routes, and what is not a WebSocket."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from vivavoce import __version__
from vivavoce.runtime.metrics import Metrics
from vivavoce.runtime.sessions import Sessions
from vivavoce.transports.access import Access
from vivavoce.transports.beta_secrets import BetaSecretsEndpoint
from vivavoce.transports.client_secrets import ClientSecretsEndpoint
from vivavoce.transports.http_errors import errors_as_json
from vivavoce.transports.metrics import MetricsEndpoint
from vivavoce.transports.models import ModelsEndpoint
from vivavoce.transports.reload import Reload, ReloadEndpoint
from vivavoce.transports.rest.routes import RestPaths
from vivavoce.transports.websocket import RealtimeEndpoint
from vivavoce.transports.websocket_connection import Connect, connect_socket

BASES = ("", "/v1", "/openai", "/openai/v1")
"""What base URLs end in: ours with and without the version, and Azure's."""

MAX_FIELD = 32 * 1024
"""Bytes of a header field: a client secret, and the other subprotocols around it."""


def application(
    sessions: Sessions,
    access: Access,
    connect: Connect = connect_socket,
    reload: Reload | None = None,
    metrics: Metrics | None = None,
) -> web.Application:
    """All routes, below every base."""
    endpoint = RealtimeEndpoint(sessions, access, connect)
    secrets = ClientSecretsEndpoint(sessions, access.secrets)
    beta = BetaSecretsEndpoint(sessions, access.secrets)
    models = ModelsEndpoint(sessions.models)
    rest = RestPaths(sessions.models)
    engines = tuple(rest.routes())
    alive = health(sessions)
    app = web.Application(middlewares=[errors_as_json, access.guard((endpoint.handle, alive))])
    for base in BASES:
        app.router.add_get(lenient(f"{base}/realtime"), endpoint.handle)
        app.router.add_post(lenient(f"{base}/realtime/client_secrets"), secrets.handle)
        app.router.add_post(lenient(f"{base}/realtime/sessions"), beta.realtime)
        app.router.add_post(lenient(f"{base}/realtime/transcription_sessions"), beta.transcription)
        app.router.add_get(lenient(f"{base}/models"), models.all)
        one_model = lenient(f"{base}/models") + "/{model:[^/]+(?:/[^/]+)*}{slashes:/*}"
        app.router.add_get(one_model, models.one)
        for path, handle in engines:
            app.router.add_post(lenient(f"{base}{path}"), handle)
        if reload is not None:
            admin = ReloadEndpoint(reload, access.authentication)
            app.router.add_post(lenient(f"{base}/admin/reload"), admin.handle)
    app.router.add_get("/health", alive)
    if metrics is not None:
        app.router.add_get("/metrics", MetricsEndpoint(metrics).handle)
    app.on_response_prepare.append(access.origins.mark)
    app.on_shutdown.append(endpoint.close_all)
    app.on_shutdown.append(rest.close_all)
    return app


def lenient(path: str) -> str:
    """A route that also takes several slashes for one, and slashes at its end: clients put URLs
    together from pieces that have their own."""
    _, *parts = path.split("/")
    return "".join(f"/{{s{n}:/*}}{part}" for n, part in enumerate(parts)) + "{end:/*}"


def health(sessions: Sessions) -> Callable[[web.Request], Awaitable[web.Response]]:
    """`GET /health`: that the server answers, and how many sessions it holds."""

    async def handle(_: web.Request) -> web.Response:
        body = {"status": "ok", "version": __version__, "sessions": await sessions.count()}
        return web.json_response(body)

    return handle
