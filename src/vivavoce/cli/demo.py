"""`vivavoce demo`."""

from pathlib import Path

import click

from vivavoce.cli.options import option
from vivavoce.cli.running import need, run


@click.command()
@option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    default="reply.wav",
    show_default=True,
    help="Where to save the spoken answer.",
)
def demo(out: Path) -> None:
    """Hold a spoken conversation with a server of its own, and check that it happened.

    A recorded caller asks a question through OpenAI's Python client, in real time, hears the
    answer, asks for a story and speaks over it. You see what was heard and answered, how long each
    stage took, and what the model remembers of the story. It takes about 20 seconds, and succeeds
    only if all of that was so.
    """
    need("demo", "demo", "openai", "websockets")
    from vivavoce.commands import demo as command

    run(command.run(out))
