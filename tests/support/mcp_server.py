"""MCP servers on this machine: a real one by the official SDK, and one that misbehaves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import uvicorn
from aiohttp import web
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import ToolAnnotations
from starlette.types import ASGIApp, Receive, Scope, Send

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class DiceServer:
    """What a real server was asked."""

    url: str = ""
    headers: list[dict[str, str]] = field(default_factory=list)
    """Of each request."""
    rolled: list[int] = field(default_factory=list)
    waits: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the tool `wait` was called."""
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    """Lets the tool `wait` return."""
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the tool `wait` was cancelled."""


class StartedServer(uvicorn.Server):
    """Tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        self.listens.set()


def dice_tools(dice: DiceServer) -> MCPServer:
    """The tools of the server."""
    server = MCPServer("dice", log_level="CRITICAL")

    @server.tool(description="Rolls a die.")
    async def roll(sides: int) -> str:
        dice.rolled.append(sides)
        return f"A die with {sides} sides shows {sides}."

    @server.tool(annotations=ToolAnnotations(read_only_hint=True))
    async def look() -> str:
        return "It is a die."

    @server.tool()
    async def drop() -> str:
        raise ValueError("It rolled under the table.")

    @server.tool()
    async def wait() -> str:
        dice.waits.set()
        try:
            await dice.go_on.wait()
        except asyncio.CancelledError:
            dice.left.set()
            raise
        return "At last."

    @server.tool()
    async def talk(characters: int) -> str:
        return "x" * characters

    return server


@contextlib.asynccontextmanager
async def dice_server(
    *,
    json_response: bool = False,
    any_host: bool = False,
    certificate: tuple[str | None, str | None] = (None, None),
) -> AsyncIterator[DiceServer]:
    """A real MCP server on loopback, over streamable HTTP. By itself it answers to the names of
    this machine only; with `any_host`, to every name. `certificate` is that and its key,
    for TLS."""
    dice = DiceServer()
    security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    app = dice_tools(dice).streamable_http_app(
        json_response=json_response, transport_security=security if any_host else None
    )
    config = uvicorn.Config(
        noting(app, dice),
        host="127.0.0.1",
        port=0,
        ws="none",
        log_config=None,
        lifespan="on",
        timeout_graceful_shutdown=1,
        ssl_certfile=certificate[0],
        ssl_keyfile=certificate[1],
    )
    server = StartedServer(config)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve())
        await server.listens.wait()
        host, port = server.servers[0].sockets[0].getsockname()[:2]
        scheme = "https" if config.is_ssl else "http"
        dice.url = f"{scheme}://{host}:{port}/mcp"
        try:
            yield dice
        finally:
            dice.go_on.set()
            server.should_exit = True


def noting(app: ASGIApp, dice: DiceServer) -> ASGIApp:
    """The app, with a note of every request's headers."""

    async def noted(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            dice.headers.append({k.decode(): v.decode() for k, v in scope["headers"]})
        await app(scope, receive, send)

    return noted


@contextlib.asynccontextmanager
async def bad_server(answer: Answer) -> AsyncIterator[str]:
    """The URL of a server that gives this answer to everything."""
    app = web.Application()
    app.router.add_route("*", "/mcp", answer)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}/mcp"
    finally:
        await runner.cleanup()
