"""`vivavoce mock`."""

from pathlib import Path
from typing import Any

import click

from vivavoce.cli.options import mcp_options, option
from vivavoce.cli.running import run
from vivavoce.cli.settings import listed


@click.command()
@option(
    "--script",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="YAML file: what is answered, what is heard, and what goes wrong.",
)
@option("--seed", type=int, help="Number that fixes every id and time: the same bytes each run.")
@option(
    "--pace",
    type=click.Choice(["instant", "real"]),
    default="instant",
    show_default=True,
    help="Whether words and speech take time.",
)
@option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    help="Port to listen on.  [default: 0, which takes a free one]",
)
@option(
    "--tls",
    type=click.Choice(["self-signed"]),
    help="Serve https and wss with a certificate made at the start.",
)
@mcp_options
def mock(**given: Any) -> None:
    """Run a server for the tests of a client: every model is a script.

    \b
    With the built-in script:  vivavoce mock
    The same on every run:     vivavoce mock --seed 7 --script turns.yaml
    As slow as life:           vivavoce mock --pace real

    One line of JSON on standard output says when it is ready, and where:
    {"url": "http://127.0.0.1:40123/v1", "ws_url": "ws://...", "port": 40123}
    """
    from vivavoce.commands import mock as command
    from vivavoce.mock.server import MockOptions

    hosts = listed(given.pop("mcp_private_hosts") or "")
    chosen = {name: value for name, value in given.items() if value is not None}
    run(command.run(MockOptions(mcp_private_hosts=tuple(hosts), **chosen)))
