"""`vivavoce mock`: a server for the tests of clients, until it is told to stop."""

import json

import click

from vivavoce import app
from vivavoce.commands.hosting import show_notices
from vivavoce.mock.server import MockOptions, mocking, websocket_url
from vivavoce.process import until_stopped


async def run(options: MockOptions) -> None:
    """Run a mock. Raises `ConfigError`."""
    await until_stopped(mocking(options), announce)


def announce(server: app.Server) -> None:
    """One line of JSON on standard output, for whoever started the mock, says where it is."""
    show_notices(server.notices)
    where = {"url": server.url, "ws_url": websocket_url(server), "port": server.port}
    click.echo(json.dumps(where))
