"""`vivavoce engines`."""

import click


@click.command()
def engines() -> None:
    """Show the engines of each slot: what can run, what the rest lacks, and the licences.

    Engines of other packages are among them, and so is what forbids commercial use.
    """
    from vivavoce.commands import listing

    for line in listing.installed():
        click.echo(line)
