"""`vivavoce engines serve`: engines for servers on other machines."""

import asyncio
import contextlib
import dataclasses
import socket
from collections.abc import AsyncIterator, Callable, Iterator

import click

from vivavoce.assembly import assemble
from vivavoce.commands.hosting import show_notices
from vivavoce.commands.pull import bring_at_start
from vivavoce.config import ConfigError, Configuration, Settings
from vivavoce.config.names import UNNAMED, has_unnamed
from vivavoce.engine_host.server import hosting
from vivavoce.engines.remote.address import Address, TcpAddress, parse_address
from vivavoce.engines.remote.description import describe
from vivavoce.engines.remote.named import TOKEN, option_text
from vivavoce.process import until_stopped
from vivavoce.reloading import Read, Reloading, hangups, reloading_when
from vivavoce.runtime.catalogue import Catalogue
from vivavoce.runtime.models import Models
from vivavoce.runtime.remote_engines import offered_part


async def run(
    settings: Settings,
    read_again: Callable[[], Configuration],
    listen: str,
    token: str | None,
) -> None:
    """Bring what the models need, and host their engines until told to stop.

    `read_again` reads the configuration at a SIGHUP. Raises `ConfigError`.
    """
    where = address_of(listen, token)

    def reread() -> Read:
        found = read_again()
        return Read(offered(found.settings, assemble(found.settings, found.places)), found.notices)

    with hangups() as asked:
        await bring_at_start(settings)
        catalogue = offered(settings, assemble(settings))
        await until_stopped(served(catalogue, asked, reread, where, token), announce)


@contextlib.asynccontextmanager
async def served(
    catalogue: Catalogue,
    asked: asyncio.Event,
    reread: Callable[[], Read],
    where: Address,
    token: str | None,
) -> AsyncIterator[tuple[Address, Catalogue]]:
    """Host these engines, and reload them when `asked`; gives where they are.

    Raises `ConfigError`.
    """
    async with Models(catalogue) as models, contextlib.AsyncExitStack() as host:
        show_notices(f"Cannot be loaded yet: {text}" for text in await models.load_at_start())
        try:
            address = await host.enter_async_context(hosting(models, where, token))
        except OSError as error:
            text = f"cannot listen on {where}: {error.strerror}. Choose another with --listen."
            raise ConfigError(text) from error
        async with reloading_when(asked, Reloading(models, reread)):
            yield address, catalogue


def address_of(listen: str, token: str | None) -> Address:
    """Where to listen. Raises `ConfigError`."""
    try:
        where = parse_address(listen)
    except ValueError as error:
        raise ConfigError(f"--listen: {error}") from error
    if isinstance(where, TcpAddress) and not token:
        raise ConfigError(
            f"engines on a port need a token: set {TOKEN} to a secret, the same for the servers "
            "that use them."
        )
    return where


def offered(settings: Settings, catalogue: Catalogue) -> Catalogue:
    """What a host offers: the models of its configuration, or its own engines if it names none."""
    if settings.models and has_unnamed(settings):
        plans = {name: plan for name, plan in catalogue.plans.items() if name != UNNAMED}
        aliases = {alias: name for alias, name in catalogue.aliases.items() if name in plans}
        catalogue = dataclasses.replace(catalogue, plans=plans, aliases=aliases, default=None)
    return offered_part(catalogue)


def announce(served: tuple[Address, Catalogue]) -> None:
    """One line on standard output when it is ready; then how to name each engine elsewhere."""
    address, catalogue = served
    click.echo(f"vivavoce engines ready at {address}")
    for line in lines(reachable(address), catalogue):
        click.echo(line, err=True)


def lines(address: Address, catalogue: Catalogue) -> Iterator[str]:
    """Each engine as a configuration elsewhere names it."""
    for plan in catalogue.plans.values():
        for slot, ref in plan.engines.items():
            known = describe(slot, ref.make())
            yield f"  {option_text(slot, str(address), plan.name, known)}"


def reachable(address: Address) -> Address:
    """An address as others may know it, where this machine listens on all that it has."""
    if isinstance(address, TcpAddress) and address.host in ("0.0.0.0", "::"):
        return TcpAddress(socket.gethostname(), address.port)
    return address
