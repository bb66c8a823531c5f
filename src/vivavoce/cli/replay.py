"""`vivavoce replay`."""

from pathlib import Path

import click


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def replay(file: Path) -> None:
    """Run a session again from its trace, and see whether it does the same.

    \b
    Write traces:    vivavoce serve --trace traces
    Run one again:   vivavoce replay traces/sess_....jsonl

    No model and no network is needed: what engines and clients said is in the trace.
    """
    from vivavoce.commands import replay as command

    command.run(file)
