"""`vivavoce models` and `vivavoce models pull`."""

from pathlib import Path
from typing import Any

import click

from vivavoce.cli.options import config_option, own_engine_options, profile_option
from vivavoce.cli.running import run
from vivavoce.cli.settings import settings_of
from vivavoce.config import Settings


@click.group(invoke_without_command=True)
@config_option
@profile_option
@own_engine_options
@click.pass_context
def models(context: click.Context, /, config: Path | None, **given: Any) -> None:
    """Show the models of a configuration, or bring what they need.

    \b
    What a file has:       vivavoce models --config models/
    Of a profile:          vivavoce models --profile local
    Bring its files:       vivavoce models --profile local pull
    Of one model only:     vivavoce models --config models/ pull assistant
    """
    context.obj = settings_of(config, given)
    if context.invoked_subcommand is None:
        from vivavoce.commands import listing

        for line in listing.models(context.obj):
            click.echo(line)


@models.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.pass_obj
def pull(settings: Settings, names: tuple[str, ...]) -> None:
    """Download what models need: all of them, or those that are named.

    What is here already is left as it is. `serve` does the same for the models that it loads at
    its start, unless --offline forbids it.
    """
    known = [model.name for model in settings.models]
    for name in names:
        if name not in known:
            raise click.ClickException(
                f"There is no model '{name}'. Configured are: {', '.join(known) or 'none'}."
            )
    from vivavoce.commands import pull as command

    run(command.run(settings, names))
