"""`vivavoce talk`."""

from pathlib import Path
from typing import Any

import click

from vivavoce.cli.options import (
    answering_options,
    api_key_option,
    config_option,
    offline_option,
    option,
    profile_option,
    stt_option,
    url_option,
    vad_option,
)
from vivavoce.cli.running import need, run
from vivavoce.cli.settings import settings_of, usual_model


@click.command()
@option("--input", "microphone", help="Microphone, by its number or a part of its name.")
@option("--output", "loudspeaker", help="Loudspeaker, likewise.")
@option("--model", help="Model to talk with.  [default: that of the configuration]")
@url_option
@api_key_option
@config_option
@profile_option
@offline_option
@answering_options
@stt_option
@vad_option
def talk(
    microphone: str | None,
    loudspeaker: str | None,
    url: str | None,
    api_key: str | None,
    model: str | None,
    config: Path | None,
    **given: Any,
) -> None:
    """Talk with the microphone and the speakers.

    \b
    By itself:               vivavoce talk
    With your model:         vivavoce talk --llm http://localhost:11434/v1#qwen3
    To a running server:     vivavoce talk --url http://127.0.0.1:8080/v1
    Which devices there are: python -m sounddevice

    Speak whenever you like, also over an answer. Wear headphones: without them the server hears
    itself and interrupts. Ctrl-C ends the conversation.
    """
    need("talk", "talk", "sounddevice")
    settings = settings_of(config, given)
    from vivavoce.commands import talk as command

    try:
        run(
            command.run(
                microphone,
                loudspeaker,
                settings=settings,
                url=url,
                api_key=api_key,
                model=model or usual_model(settings),
            )
        )
    except KeyboardInterrupt:
        click.echo("\nGoodbye.")
