"""The `vivavoce` command: options in, one function call out.

What a command needs is imported when it runs: the engines' packages take a second.
"""

import importlib.util
import logging
import os
from collections.abc import Callable, Coroutine
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vivavoce import __version__
from vivavoce.config import ConfigError, Settings, read_settings

if TYPE_CHECKING:
    from vivavoce.app import Server

READY = "Vivavoce {version} is ready: {ws}/realtime ({summary})"

CLIENT_HINT = """
Point a client at it, in Python (pip install 'openai[realtime]'):

  from openai import AsyncOpenAI
  client = AsyncOpenAI(base_url="{url}", api_key="{key}")
  async with client.realtime.connect(model="vivavoce") as connection: ...

or in JavaScript (a browser, or Node 22 and later):

  const socket = new WebSocket("{ws}/realtime?model=vivavoce", {protocols});
  socket.onmessage = (message) => console.log(JSON.parse(message.data));
  socket.onopen = () => socket.send(JSON.stringify({{ type: "response.create" }}));

Stop it with Ctrl-C.
"""

Command = TypeVar("Command", bound=Callable[..., Any])
Decorator = Callable[[Command], Command]


def option(*names: str, **attributes: Any) -> Callable[[Command], Command]:
    """An option that can also be set as `VIVAVOCE_...` in the environment, and says so."""
    variable = "VIVAVOCE_" + names[0].lstrip("-").replace("-", "_").upper()
    return click.option(*names, envvar=variable, show_envvar=True, **attributes)


def options(*decorators: Decorator[Any]) -> Decorator[Any]:
    """Several options, in the order in which the help shows them."""
    return lambda command: reduce(lambda made, decorate: decorate(made), decorators[::-1], command)


config_option = option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="YAML file with these options as keys (port: 9000). Options win over it.",
)
stt_option = option("--stt", metavar="NAME", help="Speech recogniser.  [default: pocketsphinx]")
vad_option = option("--vad", metavar="NAME", help="Voice activity detector.  [default: silero]")
answering_options = options(
    option(
        "--llm",
        metavar="URL#MODEL|NAME",
        help="Language model: an OpenAI-compatible server such as "
        "http://localhost:11434/v1#qwen3, or an engine (scripted, or scripted:FILE.yaml).",
    ),
    option(
        "--llm-api-key",
        help="Key for that server. OPENAI_API_KEY is taken too, for api.openai.com only.",
    ),
    option("--llm-temperature", type=float, help="Temperature passed to that server."),
    option("--tts", metavar="NAME", help="Voice.  [default: espeak]"),
    option("--instructions", help="Instructions for sessions whose client sends none."),
)
url_option = option(
    "--url",
    help="Base URL of a server that runs already, such as http://127.0.0.1:8080/v1. "
    "Without it the command starts one of its own, with the engines named below.",
)


api_key_option = option(
    "--api-key",
    callback=lambda _context, _option, value: first_key(value),
    help="Key for the server at --url, where it needs one.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="vivavoce")
def main() -> None:
    """A self-hosted server that speaks the OpenAI Realtime API on top of any models.

    \b
    See it work:       vivavoce demo
    Run it:            vivavoce serve
    With your model:   vivavoce serve --llm http://localhost:11434/v1#qwen3
    Talk to it:        vivavoce talk
    Write down speech: vivavoce transcribe interview.wav
    Test a client:     vivavoce mock --seed 7

    Every command tells more with --help. Every option can be set in the environment too:
    VIVAVOCE_PORT=9000 is --port 9000.
    """


@main.command()
@option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@option("--port", type=int, help="Port to listen on; 0 takes a free one.  [default: 8080]")
@config_option
@answering_options
@stt_option
@vad_option
@option("--max-sessions", type=int, help="Callers at a time.  [default: 1000]")
@option(
    "--context-tokens",
    type=int,
    help="Tokens that the language model takes; older items are left out.  [default: 28224]",
)
@option("--max-turn-seconds", type=float, help="A longer turn is ended.  [default: 60]")
@option(
    "--retain-audio",
    help="Seconds of user audio that stay retrievable per session, 'all' or 'none'.  [default: 60]",
)
@option(
    "--mcp-private-hosts",
    metavar="HOST,...",
    help="MCP servers on addresses that are not public: names, addresses, or networks such as "
    "192.168.1.0/24; '*' is any.  [default: none]",
)
@option("--mcp-timeout-seconds", type=float, help="For an MCP server's answer.  [default: 30]")
@option("--trace", metavar="FOLDER", help="Write every step of every session there.")
@option(
    "--allow-anonymous",
    is_flag=True,
    default=None,
    help="Serve everybody who can reach --host, although no API key is configured.",
)
@option(
    "--allowed-origins",
    metavar="ORIGIN,...",
    help="Web pages that may connect, such as https://example.com; '*' is any.  "
    "[default: any with an API key, else this machine's own]",
)
@option("--tls-cert", metavar="FILE", help="Serve https and wss with this certificate chain (PEM).")
@option("--tls-key", metavar="FILE", help="The private key of that certificate (PEM).")
@option(
    "--tls",
    type=click.Choice(["self-signed"]),
    help="Serve https and wss with a certificate made at the start, for development.",
)
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

    \b
    With a model:            vivavoce serve --llm http://localhost:11434/v1#qwen3
    With the hosted one:     OPENAI_API_KEY=... vivavoce serve --llm https://api.openai.com/v1#gpt-4o
    For the whole network:   VIVAVOCE_API_KEY=... vivavoce serve --host 0.0.0.0 --port 9000
    From a file:             vivavoce serve --config vivavoce.yaml

    API keys come from the environment, VIVAVOCE_API_KEY=key or key1,key2, or from the file
    (api_keys: [...]), never from the command line, which other users can read. Without one the
    server answers this machine only. VIVAVOCE_SECRET_KEY (secret_key) seals client secrets, so
    that they outlive a restart and are valid on other servers with the same one.

    One line on standard output says when it is ready, and where.
    """
    logging.basicConfig(level=log_level.upper(), format="%(levelname)s %(message)s")
    # It tells which subprotocols a client offered, and a key may be one of them.
    logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)
    # They tell the URLs of MCP servers, and a key may be in one.
    for name in ("httpx2", "httpcore2", "mcp"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    settings = settings_of(config, given | keys_in_environment())
    from vivavoce import app

    run(app.serve(settings, announce))


@main.command()
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


@main.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@option("--json", "as_json", is_flag=True, help="Print a JSON object per line.")
@option("--realtime", is_flag=True, help="Send a second of audio per second, as a caller would.")
@url_option
@api_key_option
@config_option
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


@main.command()
@option("--input", "microphone", help="Microphone, by its number or a part of its name.")
@option("--output", "loudspeaker", help="Loudspeaker, likewise.")
@url_option
@api_key_option
@config_option
@answering_options
@stt_option
@vad_option
def talk(
    microphone: str | None,
    loudspeaker: str | None,
    url: str | None,
    api_key: str | None,
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
        run(command.run(microphone, loudspeaker, settings=settings, url=url, api_key=api_key))
    except KeyboardInterrupt:
        click.echo("\nGoodbye.")


@main.command()
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

    run(command.run(MockOptions(**given)))


@main.command()
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


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a command's coroutine; settings that cannot be used are an error of the command line."""
    from vivavoce import app

    try:
        app.run(main)
    except ConfigError as error:
        raise click.ClickException(str(error)) from error


def need(command: str, extra: str, *packages: str) -> None:
    """Raise `click.ClickException` if a package of an extra is not installed."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise click.ClickException(
                f"`vivavoce {command}` needs the package {package}: pip install 'vivavoce[{extra}]'"
            )


def settings_of(config: Path | None, given: dict[str, Any]) -> Settings:
    """The settings, or the error as click shows it."""
    retain = given.get("retain_audio")
    if retain is not None and retain not in ("all", "none"):
        try:
            given["retain_audio"] = float(retain)
        except ValueError as error:
            text = f"--retain-audio {retain}: expected seconds, 'all' or 'none'."
            raise click.ClickException(text) from error
    for key in ("allowed_origins", "mcp_private_hosts"):
        if given.get(key) is not None:
            given[key] = listed(given[key])
    try:
        return read_settings(config, given)
    except ConfigError as error:
        raise click.ClickException(str(error)) from error


def keys_in_environment() -> dict[str, Any]:
    """The settings that are no options, so that no key stands in the list of processes."""
    return {
        "api_keys": listed(os.environ.get("VIVAVOCE_API_KEY", "")) or None,
        "secret_key": os.environ.get("VIVAVOCE_SECRET_KEY") or None,
    }


def first_key(value: str | None) -> str | None:
    """The key that a client shows; the variable may hold all that a server accepts."""
    return next(iter(listed(value or "")), None)


def listed(text: str) -> list[str]:
    """What stands between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def announce(server: "Server") -> None:
    """Say that the server is ready: one line on standard output, the rest on standard error."""
    from vivavoce.commands.hosting import show_notices

    show_notices(server.notices)
    ws = websocket_url(server)
    click.echo(READY.format(version=__version__, ws=ws, summary=server.summary))
    click.echo(client_hint(server), err=True)


def websocket_url(server: "Server") -> str:
    """The base URL as WebSockets have it: `ws://...`, or `wss://...` with TLS."""
    return server.url.replace("http", "ws", 1)


def client_hint(server: "Server") -> str:
    """How a client is pointed at the server; the key itself is not shown."""
    protocols, key = '["realtime"]', "none"
    if server.needs_key:
        key = "YOUR_KEY"
        protocols = f'["realtime", "openai-insecure-api-key.{key}"]'
    return CLIENT_HINT.format(
        url=server.url, ws=websocket_url(server), key=key, protocols=protocols
    )
