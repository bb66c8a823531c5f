"""The HTTP side of the server: its routes, and what is not a WebSocket."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from vivavoce import __version__
from vivavoce.runtime.sessions import Sessions
from vivavoce.transports.websocket import RealtimeEndpoint

BUILT_IN_MODEL = "vivavoce"
"""The name that the one pipeline has in lists; any name is accepted."""


def application(sessions: Sessions) -> web.Application:
    """All routes, with and without the `/v1` that base URLs may have or lack."""
    endpoint = RealtimeEndpoint(sessions)
    app = web.Application()
    for base in ("", "/v1"):
        app.router.add_get(f"{base}/realtime", endpoint.handle)
        app.router.add_get(f"{base}/models", models)
    app.router.add_get("/health", health(sessions))
    app.on_shutdown.append(endpoint.close_all)
    return app


async def models(_: web.Request) -> web.Response:
    """`GET /v1/models`: every name is accepted, one is shown."""
    model = {"id": BUILT_IN_MODEL, "object": "model", "created": 0, "owned_by": "vivavoce"}
    return web.json_response({"object": "list", "data": [model]})


def health(sessions: Sessions) -> Callable[[web.Request], Awaitable[web.Response]]:
    """`GET /health`: that the server answers, and how many sessions it holds."""

    async def handle(_: web.Request) -> web.Response:
        body = {"status": "ok", "version": __version__, "sessions": len(sessions)}
        return web.json_response(body)

    return handle
