"""The `vivavoce` command: options in, one function call out.

Each command has a module here, with its options and its help. What it needs is imported when it
runs: the engines' packages take a second.
"""

import click

from vivavoce import __version__
from vivavoce.cli.bench import bench
from vivavoce.cli.check import check
from vivavoce.cli.config import config
from vivavoce.cli.demo import demo
from vivavoce.cli.engines import engines
from vivavoce.cli.mock import mock
from vivavoce.cli.models import models
from vivavoce.cli.replay import replay
from vivavoce.cli.serve import serve
from vivavoce.cli.talk import talk
from vivavoce.cli.transcribe import transcribe


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="vivavoce")
def main() -> None:
    """A self-hosted server that speaks the OpenAI Realtime API on top of any models.

    \b
    See it work:       vivavoce demo
    Run it:            vivavoce serve
    With your model:   vivavoce serve --llm http://localhost:11434/v1#qwen3
    With open models:  vivavoce serve --profile local
    Does it work:      vivavoce check local --profile local
    Talk to it:        vivavoce talk
    Write down speech: vivavoce transcribe interview.wav
    Test a client:     vivavoce mock --seed 7
    How many callers:  vivavoce bench --ramp

    Every command tells more with --help. Every option can be set in the environment too:
    VIVAVOCE_PORT=9000 is --port 9000.
    """


for command in (
    serve,
    demo,
    transcribe,
    talk,
    models,
    engines,
    check,
    config,
    mock,
    bench,
    replay,
):
    main.add_command(command)
