"""Options: how one is made, and those that several commands have."""

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import click

from vivavoce.cli.settings import listed
from vivavoce.config import PROFILES

Command = TypeVar("Command", bound=Callable[..., Any])
Decorator = Callable[[Command], Command]


def option(*names: str, **attributes: Any) -> Callable[[Command], Command]:
    """An option that can also be set as `VIVAVOCE_...` in the environment, and says so."""
    positive, _, _ = names[0].partition("/")  # of --flag/--no-flag
    variable = "VIVAVOCE_" + positive.lstrip("-").replace("-", "_").upper()
    return click.option(*names, envvar=variable, show_envvar=True, **attributes)


def options(*decorators: Decorator[Any]) -> Decorator[Any]:
    """Several options, in the order in which the help shows them."""
    return lambda command: reduce(lambda made, decorate: decorate(made), decorators[::-1], command)


config_option = option(
    "--config",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="YAML file with these options as keys (port: 9000) and with models, or a folder of such "
    "files; see `vivavoce config --help`. Options win over it.",
)
profile_option = option(
    "--profile",
    type=click.Choice(PROFILES),
    help="Ready-made model: local, small open models on this machine, downloaded once; or remote, "
    "OpenAI's or those of the server at OPENAI_BASE_URL. --llm, --stt and --tts win over it.",
)
offline_option = option(
    "--offline",
    is_flag=True,
    default=None,
    help="Never download anything; `vivavoce models pull` brings what is missing.",
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
own_engine_options = options(answering_options, stt_option, vad_option, offline_option)
mcp_options = options(
    option(
        "--mcp-private-hosts",
        metavar="HOST,...",
        help="MCP servers on addresses that are not public: names, addresses, or networks such as "
        "192.168.1.0/24; '*' is any.  [default: none]",
    ),
    option("--mcp-timeout-seconds", type=float, help="For an MCP server's answer.  [default: 30]"),
)


def key_option(words: str) -> Decorator[Any]:
    """`--api-key` of a client, with what its help says of it."""
    return option(
        "--api-key", callback=lambda _context, _option, value: first_key(value), help=words
    )


url_option = option(
    "--url",
    help="Base URL of a server that runs already, such as http://127.0.0.1:8080/v1. "
    "Without it the command starts one of its own, with the engines named below.",
)
api_key_option = key_option("Key for the server at --url, where it needs one.")


def first_key(value: str | None) -> str | None:
    """The key that a client shows; the variable may hold all that a server accepts."""
    return next(iter(listed(value or "")), None)
