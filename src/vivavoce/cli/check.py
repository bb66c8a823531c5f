"""`vivavoce check`."""

from pathlib import Path
from typing import Any

import click

from vivavoce.cli.options import config_option, own_engine_options, profile_option
from vivavoce.cli.running import run
from vivavoce.cli.settings import settings_of


@click.command()
@click.argument("name", required=False, default="vivavoce")
@config_option
@profile_option
@own_engine_options
def check(name: str, config: Path | None, **given: Any) -> None:
    """Load a model and run one recorded utterance through it, with times.

    \b
    A model of a file:     vivavoce check assistant --config models/
    A profile:             vivavoce check local --profile local
    Your language model:   vivavoce check --llm http://localhost:11434/v1#qwen3

    It ends with status 1, and the reason, if an engine cannot be loaded, hears nothing in a clear
    English sentence, answers nothing, or makes no sound.
    """
    settings = settings_of(config, given)
    from vivavoce.commands import check as command
    from vivavoce.commands import pull

    async def checked() -> None:
        named = [each for each in settings.models if name in (each.name, *each.aliases)]
        await pull.bring(settings, named)
        await command.run(settings, name)

    run(checked())
