"""`vivavoce serve`."""

import logging
from pathlib import Path
from typing import Any

import click

from vivavoce.cli.announcement import announce
from vivavoce.cli.options import (
    answering_options,
    config_option,
    mcp_options,
    offline_option,
    option,
    profile_option,
    stt_option,
    vad_option,
)
from vivavoce.cli.running import run
from vivavoce.cli.settings import keys_in_environment, reader_of, settings_of


@click.command()
@option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@option("--port", type=int, help="Port to listen on; 0 takes a free one.  [default: 8080]")
@option("--workers", type=int, help="Processes that share the port.  [default: 1]")
@config_option
@profile_option
@offline_option
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
@mcp_options
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
    Small open models here:  vivavoce serve --profile local
    From a file or folder:   vivavoce serve --config vivavoce.yaml

    API keys come from the environment, VIVAVOCE_API_KEY=key or key1,key2, or from the file
    (api_keys: [...]), never from the command line, which other users can read. Without one the
    server answers this machine only. VIVAVOCE_SECRET_KEY (secret_key) seals client secrets, so
    that they outlive a restart and are valid on other servers with the same one.

    One line on standard output says when it is ready, and where.
    """
    logging.basicConfig(level=log_level.upper(), format="%(levelname)s %(message)s")
    options = given | keys_in_environment()
    settings = settings_of(config, options)
    from vivavoce.commands import serve as command

    run(command.run(settings, reader_of(config, options), announce))
