"""`vivavoce serve`: what is said and brought before the server starts."""

import os
from collections.abc import Callable, Iterator
from functools import partial

import click

from vivavoce import app
from vivavoce.assembly import assemble
from vivavoce.commands.hosting import show_notices
from vivavoce.commands.pull import bring_at_start
from vivavoce.config import Configuration, Settings
from vivavoce.config.discovery import offers
from vivavoce.engines.onnx_packages import clash
from vivavoce.reloading import Read, hangups
from vivavoce.workers import serving as workers
from vivavoce.workers.supervisor import Reread

RELOADED = frozenset(
    {
        "models",
        "aliases",
        "default_model",
        "offline",
        "vad",
        "stt",
        "llm",
        "tts",
        "turn",
        "noise",
        "llm_api_key",
        "llm_temperature",
        "llm_extra_body",
    }
)
"""The settings that a reload takes up: those that models are made of."""


async def run(
    settings: Settings,
    read_again: Callable[[], Configuration],
    on_ready: Callable[[app.Server], None],
) -> None:
    """Bring what the models need, offer what could answer, and serve until told to stop.

    `read_again` reads the configuration at a reload. Raises `ConfigError`.
    """
    with hangups() as asked:
        if (warning := clash()) is not None:
            show_notices([warning])
        await bring_at_start(settings)
        if settings.llm is None and not settings.models:
            for offer in await offers(os.environ, (settings.port,)):
                click.echo(str(offer), err=True)
        if settings.workers == 1:
            await app.serve(settings, on_ready, lambda: reread(settings, read_again()), asked)
        else:
            read = partial(reread_settings, settings, read_again)
            await workers.serve(settings, on_ready, read, asked)


def reread(running: Settings, found: Configuration) -> Read:
    """What a reload makes of a configuration. Raises `ConfigError`."""
    catalogue = assemble(found.settings, found.places)
    return Read(catalogue, (*found.notices, *ignored(running, found.settings)))


def reread_settings(running: Settings, read_again: Callable[[], Configuration]) -> Reread:
    """What workers are told at a reload, known to be of use. Raises `ConfigError`."""
    found = read_again()
    return Reread(found.settings, reread(running, found).notices)


def ignored(running: Settings, now: Settings) -> Iterator[str]:
    """A notice for each setting that was changed, and that only a restart can change."""
    for key in Settings.__struct_fields__:
        if key not in RELOADED and getattr(now, key) != getattr(running, key):
            yield f"`{key}` has changed, which takes effect when the server is started again."
