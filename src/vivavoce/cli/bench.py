"""`vivavoce bench`."""

import os
from pathlib import Path
from typing import Any

import click

from vivavoce.cli.options import key_option, option
from vivavoce.cli.running import run
from vivavoce.cli.settings import listed

MEASURES = ("listening", "utterance", "answering", "sessions")


def measures(_context: click.Context, _option: click.Parameter, given: str) -> frozenset[str]:
    """The names between commas; raises `click.BadParameter` for one that is none."""
    names = listed(given)
    for name in names:
        if name not in MEASURES:
            raise click.BadParameter(f"{name!r} is none of {', '.join(MEASURES)}.")
    if not names:
        raise click.BadParameter(f"name at least one of {', '.join(MEASURES)}.")
    return frozenset(names)


def json_target(_context: click.Context, _option: click.Parameter, given: str | None) -> str | None:
    """A file that can be written, or `-`; raises `click.BadParameter`."""
    if given is not None and given != "-":
        require_writable(Path(given))
    return given


def chart_target(
    _context: click.Context, _option: click.Parameter, given: Path | None
) -> Path | None:
    """A file that can be written and whose name says SVG; raises `click.BadParameter`."""
    if given is not None:
        if given.suffix.lower() != ".svg":
            raise click.BadParameter(f"{given}: a chart is SVG; give a name that ends in .svg.")
        require_writable(given)
    return given


def require_writable(path: Path) -> None:
    """Raises `click.BadParameter` where a file cannot be written, before minutes of measuring."""
    if path.is_dir():
        raise click.BadParameter(f"{path} is a folder.")
    if not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {path.parent}.")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise click.BadParameter(f"{path} cannot be written.")


@click.command()
@click.argument("url", default="http://127.0.0.1:8080/v1")
@option("--model", default="gpt-realtime", show_default=True, help="Model to open sessions of.")
@key_option(
    "Key for the server at URL, where it needs one. OPENAI_API_KEY is taken too, for "
    "api.openai.com only."
)
@option(
    "--measure",
    "measured",
    metavar="WHAT,...",
    default="listening",
    show_default=True,
    callback=measures,
    help="listening: cost and lag. utterance: whether a long one gets dearer. answering: how soon "
    "answers are heard. sessions: memory, and what idle ones cost.",
)
@option("--callers", type=click.IntRange(1), default=32, show_default=True, help="At a time.")
@option(
    "--seconds",
    type=click.FloatRange(1),
    default=30.0,
    show_default=True,
    help="How long callers play, in whole turns.",
)
@option(
    "--chunk-ms",
    type=click.IntRange(2, 1000),
    default=20,
    show_default=True,
    help="Audio in an append.",
)
@option(
    "--silence-ms",
    type=click.IntRange(100, 5000),
    default=500,
    show_default=True,
    help="silence_duration_ms of the sessions.",
)
@option(
    "--room-noise/--no-room-noise",
    default=True,
    show_default=True,
    help="Noise of -60 dBFS under all audio. Without it gaps are digital silence, as of a muted "
    "microphone, which Vivavoce does not score.",
)
@option("--ramp", is_flag=True, help="Find how many callers hold --lag-target-ms, from --callers.")
@option(
    "--lag-target-ms",
    type=click.FloatRange(1),
    default=100.0,
    show_default=True,
    help="For the 99th percentile of speech_stopped, with no event missed or extra.",
)
@option(
    "--lag-behind",
    type=click.Choice(["endpoint", "decision"]),
    default="endpoint",
    show_default=True,
    help="Behind the true endpoint, which holds the detector's error as well, or behind the one "
    "that the server tells, its delay alone.",
)
@option(
    "--transcription",
    metavar="MODEL",
    default="whisper-1",
    show_default=True,
    help="Transcription model that sessions ask for, or none.",
)
@option(
    "--stt-ms",
    type=click.FloatRange(0),
    default=0.0,
    help="What recognition itself takes: less so much, transcripts show the server's own part.",
)
@option(
    "--pid",
    type=int,
    help="The server's process, whose CPU and memory count with those of all below it.  "
    "[default: who listens at a URL of this machine]",
)
@option(
    "--strict",
    is_flag=True,
    help="Status 1 too where an event or transcript was missed, an event extra, a turn unanswered, "
    "an utterance cut, no caller of a ramp held, or the client late.",
)
@option(
    "--json",
    "json_to",
    metavar="FILE|-",
    callback=json_target,
    help="Write all figures as JSON; - prints them.",
)
@option(
    "--chart",
    "chart_to",
    metavar="FILE.svg",
    type=click.Path(path_type=Path),
    callback=chart_target,
    help="Draw the ramp, and the waterfall of an answer.",
)
def bench(
    url: str,
    api_key: str | None,
    measured: frozenset[str],
    transcription: str,
    chart_to: Path | None,
    **given: Any,
) -> None:
    """Measure a Realtime server, this one or another, with callers in real time.

    \b
    A server on this machine:   vivavoce bench
    How many callers it holds:  vivavoce bench --ramp --chart ramp.svg
    How soon it answers:        vivavoce bench --measure answering --callers 1
    Everything:                 vivavoce bench --measure listening,utterance,answering,sessions
    For programs:               vivavoce bench --json -
    OpenAI itself:              vivavoce bench https://api.openai.com/v1 --callers 1

    Callers play recorded speech whose first and last sounds are known, so that every event has its
    true time. The server needs no other client meanwhile, and a core beside this one: where frames
    were sent late the report says so, and a ramp ends. CPU and memory are known only of a server on
    this machine, on Linux.

    docs/performance.md says what each figure means. Status 1 means that something could not be
    measured, or the server reported errors; status 0 that all was measured, not that all went well:
    that is --strict.
    """
    ramp = given["ramp"]
    if chart_to is not None and not ramp and "answering" not in measured:
        raise click.UsageError(
            "--chart draws a ramp or answers: add --ramp or --measure answering."
        )
    from vivavoce.commands import bench as command

    key = command.key_for(url, api_key, os.environ.get("OPENAI_API_KEY"))
    run(
        command.run(
            command.Task(
                url=url,
                api_key=key,
                # A ramp is many measurements of listening.
                measures=measured - {"listening"} if ramp else measured,
                transcription=None if transcription == "none" else transcription,
                chart_to=chart_to,
                **given,
            )
        )
    )
