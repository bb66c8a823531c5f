"""What `vivavoce serve` says when it is ready."""

from typing import TYPE_CHECKING

import click

from vivavoce import __version__

if TYPE_CHECKING:
    from vivavoce.app import Server

READY = "Vivavoce {version} is ready: {ws}/realtime ({summary})"

CLIENT_HINT = """
Point a client at it, in Python (pip install 'openai[realtime]'):

  from openai import AsyncOpenAI
  client = AsyncOpenAI(base_url="{url}", api_key="{key}")
  async with client.realtime.connect(model="{model}") as connection: ...

or in JavaScript (a browser, or Node 22 and later):

  const socket = new WebSocket("{ws}/realtime?model={model}", {protocols});
  socket.onmessage = (message) => console.log(JSON.parse(message.data));
  socket.onopen = () => socket.send(JSON.stringify({{ type: "response.create" }}));

Stop it with Ctrl-C.
"""


def announce(server: "Server") -> None:
    """Say that the server is ready: one line on standard output, the rest on standard error."""
    from vivavoce.commands.hosting import show_notices

    show_notices(server.notices)
    ws = websocket_url(server)
    click.echo(READY.format(version=__version__, ws=ws, summary=server.summary))
    click.echo(client_hint(server), err=True)


def websocket_url(server: "Server") -> str:
    """The base URL as WebSockets have it: `ws://...`, or `wss://...` with TLS."""
    return server.url.replace("http", "ws", 1)


def client_hint(server: "Server") -> str:
    """How a client is pointed at the server; the key itself is not shown."""
    protocols, key = '["realtime"]', "none"
    if server.needs_key:
        key = "YOUR_KEY"
        protocols = f'["realtime", "openai-insecure-api-key.{key}"]'
    return CLIENT_HINT.format(
        url=server.url,
        ws=websocket_url(server),
        key=key,
        protocols=protocols,
        model=server.model,
    )
