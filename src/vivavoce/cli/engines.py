"""`vivavoce engines` and `vivavoce engines serve`."""

import logging
import os
from pathlib import Path
from typing import Any

import click

from vivavoce.cli.options import config_option, offline_option, option, profile_option
from vivavoce.cli.running import run
from vivavoce.cli.settings import reader_of, settings_of


@click.group(invoke_without_command=True)
@click.pass_context
def engines(context: click.Context) -> None:
    """Show the engines of each slot: what can run, what the rest lacks, and the licences.

    Engines of other packages are among them, and so is what forbids commercial use.
    """
    if context.invoked_subcommand is None:
        from vivavoce.commands import listing

        for line in listing.installed():
            click.echo(line)


@engines.command()
@option(
    "--listen",
    metavar="ADDRESS",
    required=True,
    help="Where others reach the engines: tcp://HOST:PORT, or unix:/PATH on this machine.",
)
@config_option
@profile_option
@offline_option
@option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="What to log to standard error.",
)
def serve(listen: str, config: Path | None, log_level: str, **given: Any) -> None:
    """Host engines for servers on other machines, which need neither them nor their packages.

    \b
    On the machine with the GPU:
      VIVAVOCE_ENGINE_TOKEN=secret vivavoce engines serve --config models/ --listen tcp://0.0.0.0:7000
    On the machine that takes calls, with the same VIVAVOCE_ENGINE_TOKEN, in its configuration:
      stt: {engine: remote, address: "tcp://gpu1:7000", model: small-whisper}

    It prints each engine as the other machine has to write it. Voice activity and noise reduction
    stay where the callers are. Neither the token nor the audio is encrypted: use a private network.
    """
    logging.basicConfig(level=log_level.upper(), format="%(levelname)s %(message)s")
    settings = settings_of(config, given)
    from vivavoce.commands import serve_engines as command

    token = os.environ.get("VIVAVOCE_ENGINE_TOKEN")
    run(command.run(settings, reader_of(config, given), listen, token))
