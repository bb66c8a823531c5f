"""Where a command's server is: the one it was pointed at, or one of its own in this process."""

import contextlib
from collections.abc import AsyncIterator, Iterable

import click
import msgspec

from vivavoce import app
from vivavoce.commands.pull import bring_at_start
from vivavoce.config import Settings


@contextlib.asynccontextmanager
async def base_url(given: str | None, settings: Settings) -> AsyncIterator[str]:
    """The base URL to connect to: `given`, or that of a server that lives as long as the context.

    A server of one's own takes a free port on loopback, whatever the settings say of addresses.
    Raises `ConfigError` if the settings cannot be used.
    """
    if given is not None:
        yield given
        return
    await bring_at_start(settings)
    async with app.running(private(settings)) as server:
        show_notices(server.notices)
        yield server.url


def private(settings: Settings) -> Settings:
    """The same settings, for a server that nobody else is to reach."""
    return msgspec.structs.replace(
        settings, host="127.0.0.1", port=0, api_keys=(), tls=None, tls_cert=None, tls_key=None
    )


def show_notices(notices: Iterable[str]) -> None:
    """Print to standard error what an operator should know about missing engines."""
    for notice in notices:
        click.secho(f"Notice: {notice}", fg="yellow", err=True)
