"""`vivavoce transcribe`."""

from pathlib import Path
from typing import Any

import click

from vivavoce.cli.options import (
    api_key_option,
    config_option,
    offline_option,
    option,
    profile_option,
    stt_option,
    url_option,
    vad_option,
)
from vivavoce.cli.running import run
from vivavoce.cli.settings import settings_of


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@option("--json", "as_json", is_flag=True, help="Print a JSON object per line.")
@option("--realtime", is_flag=True, help="Send a second of audio per second, as a caller would.")
@url_option
@api_key_option
@config_option
@profile_option
@offline_option
@stt_option
@vad_option
def transcribe(
    file: Path,
    url: str | None,
    api_key: str | None,
    config: Path | None,
    realtime: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Write down the speech in a WAV file, with times.

    \b
    For people:      vivavoce transcribe interview.wav
    For programs:    vivavoce transcribe interview.wav --json
    Elsewhere:       vivavoce transcribe interview.wav --url http://127.0.0.1:8080/v1

    FILE has 16-bit samples in one or two channels, at any rate. Text goes to standard output as
    soon as it is known, everything else to standard error.
    """
    settings = settings_of(config, given)
    from vivavoce.commands import transcribe as command

    run(
        command.run(
            file,
            settings=settings,
            url=url,
            api_key=api_key,
            realtime=realtime,
            as_json=as_json,
        )
    )
