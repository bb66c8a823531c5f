"""The `vivavoce` command: options in, one function call out."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from vivavoce import __version__
from vivavoce.config import ConfigError, Settings, read_settings

CLIENT_HINT = """\
Point a client at it:

  Python      from openai import AsyncOpenAI
              client = AsyncOpenAI(base_url="{url}", api_key="none")
              async with client.realtime.connect(model="vivavoce") as connection: ...

  JavaScript  import {{ OpenAIRealtimeWS }} from "openai/realtime/ws";
              // the official client opens wss only; ws needs a plain WebSocket:
              const socket = new WebSocket("{ws}/realtime?model=vivavoce", ["realtime"]);

Stop it with Ctrl-C.
"""

READY = "Vivavoce {version} is ready: {ws}/realtime ({summary})"


Command = TypeVar("Command", bound=Callable[..., Any])


def option(*names: str, **attributes: Any) -> Callable[[Command], Command]:
    """An option that can also be set as `VIVAVOCE_...` in the environment, and says so."""
    variable = "VIVAVOCE_" + names[0].lstrip("-").split("/")[0].replace("-", "_").upper()
    return click.option(*names, envvar=variable, show_envvar=True, **attributes)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="vivavoce")
def main() -> None:
    """A self-hosted server that speaks the OpenAI Realtime API on top of any models.

    \b
    Try it:            vivavoce demo
    Run it:            vivavoce serve
    With your model:   vivavoce serve --llm http://localhost:11434/v1#qwen3
    Talk to it:        vivavoce talk
    """


@main.command()
@option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@option("--port", type=int, help="Port to listen on; 0 takes a free one.  [default: 8080]")
@option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="YAML file with these options as keys (port: 9000). Options win over it.",
)
@option(
    "--llm",
    metavar="URL#MODEL|NAME",
    help="Language model: an OpenAI-compatible server such as "
    "http://localhost:11434/v1#qwen3, or an engine (scripted, or scripted:FILE.yaml).",
)
@option("--llm-api-key", help="Key for that server. OPENAI_API_KEY is taken too.")
@option("--llm-temperature", type=float, help="Temperature passed to that server.")
@option("--stt", metavar="NAME", help="Speech recogniser.  [default: pocketsphinx]")
@option("--tts", metavar="NAME", help="Voice.  [default: espeak]")
@option("--vad", metavar="NAME", help="Voice activity detector.  [default: silero]")
@option("--instructions", help="Instructions for sessions whose client sends none.")
@option("--max-sessions", type=int, help="Callers at a time.  [default: 1000]")
@option("--max-turn-seconds", type=float, help="A longer turn is ended.  [default: 60]")
@option(
    "--retain-audio",
    help="Seconds of user audio that stay retrievable per session, 'all' or 'none'.  [default: 60]",
)
@option("--trace", metavar="FOLDER", help="Write every step of every session there.")
@option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="What to log to standard error.",
)
def serve(config: Path | None, log_level: str, **given: Any) -> None:
    """Run the server.

    Without options it hears, answers and speaks by itself, with engines that need no download:
    pocketsphinx, a small reply script, and espeak-ng.
    """
    logging.basicConfig(level=log_level.upper(), format="%(levelname)s %(message)s")
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    settings = settings_of(config, given)
    from vivavoce import app  # the engines' packages take a second to import

    try:
        app.run(app.serve(settings, announce))
    except ConfigError as error:
        raise click.ClickException(str(error)) from error


def settings_of(config: Path | None, given: dict[str, Any]) -> Settings:
    """The settings, or the error as click shows it."""
    retain = given.get("retain_audio")
    if retain is not None and retain not in ("all", "none"):
        try:
            given["retain_audio"] = float(retain)
        except ValueError as error:
            text = f"--retain-audio {retain}: expected seconds, 'all' or 'none'."
            raise click.ClickException(text) from error
    try:
        return read_settings(config, given)
    except ConfigError as error:
        raise click.ClickException(str(error)) from error


def announce(server: Any) -> None:
    """What is printed when the server is ready: one line, and what is missing."""
    for notice in server.notices:
        click.secho(f"Notice: {notice}", fg="yellow", err=True)
    ws = server.url.replace("http", "ws", 1)
    click.echo(READY.format(version=__version__, ws=ws, summary=server.summary))
    if click.get_text_stream("stdout").isatty():
        click.echo("\n" + CLIENT_HINT.format(url=server.url, ws=ws))
