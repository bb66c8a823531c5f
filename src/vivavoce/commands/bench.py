"""`vivavoce bench`: measure a server, and tell it as text, JSON and a picture."""

import platform
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import click
import msgspec

from vivavoce import __version__
from vivavoce.bench import report as text
from vivavoce.bench.answering import answer
from vivavoce.bench.chart import chart
from vivavoce.bench.connection import RESPONSE_DONE
from vivavoce.bench.figures import VERSION, LagBehind, Listening, Ramp, Report, ServerError
from vivavoce.bench.flaws import flaws
from vivavoce.bench.listening import listen
from vivavoce.bench.processes import Server, UnwatchedError, watch
from vivavoce.bench.ramp import Failure, climb
from vivavoce.bench.room import ROOM_NOISE_DBFS
from vivavoce.bench.sessions import hold
from vivavoce.bench.stand import BenchError, Stand
from vivavoce.bench.track import usable_clips
from vivavoce.bench.utterance import utter
from vivavoce.commands.bars import waterfall
from vivavoce.commands.client import realtime_url

Measure = Callable[[Stand, int], Awaitable[msgspec.Struct]]

MEASURES: tuple[tuple[str, str, Measure], ...] = (
    ("sessions", "Open sessions", hold),  # first, while the server is as it was found
    ("listening", "Listening", listen),
    ("utterance", "One long utterance", utter),
    ("answering", "Answering", answer),
)
"""By the name of its figures in the report, what a measurement is called and what makes it."""


BAR_STEPS = 100
"""Of the bar of a measurement, whatever its length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to measure, and where to tell it."""

    url: str
    model: str
    api_key: str | None
    pid: int | None
    measures: frozenset[str]
    """Of `listening`, `utterance`, `answering` and `sessions`."""
    ramp: bool
    callers: int
    seconds: float
    chunk_ms: int
    silence_ms: int
    room_noise: bool
    lag_target_ms: float
    lag_behind: LagBehind
    transcription: str | None
    stt_ms: float
    strict: bool = False
    """Whether what is missed, extra, unanswered or late is a failure."""
    json_to: str | None = None
    """A file, or `-` for standard output, which then has nothing else."""
    chart_to: Path | None = None


async def run(task: Task) -> None:
    """Measure, print and write.

    Raises `click.ClickException` if nothing could be measured and, after all else was told, if
    there were errors, or flaws in a strict task.
    """
    begun = datetime.now(UTC)
    try:
        stand = stand_for(task)
        report = await measured(task, stand, begun)
    except (BenchError, UnwatchedError) as error:
        raise click.ClickException(str(error)) from error
    tell(task, report)
    if report.errors:
        raise click.ClickException("There were errors; see above.")
    if task.strict and (found := list(flaws(report))):
        raise click.ClickException("not as --strict demands:\n  " + "\n  ".join(found))


def stand_for(task: Task) -> Stand:
    """Where to measure. Raises `BenchError` if no recorded clip can be played."""
    address = realtime_url(task.url, "URL").with_query(model=task.model)
    try:
        usable_clips(task.silence_ms)
    except ValueError as error:
        raise BenchError(f"--silence-ms: {error}") from error
    server: Server | UnwatchedError
    try:
        server = watch(str(address), task.pid)
    except UnwatchedError as error:
        server = error
    return Stand(
        url=str(address),
        headers={} if task.api_key is None else {"Authorization": f"Bearer {task.api_key}"},
        server=server,
        seconds=task.seconds,
        chunk_ms=task.chunk_ms,
        silence_ms=task.silence_ms,
        room_noise=task.room_noise,
        transcription=task.transcription,
        stt_ms=task.stt_ms,
    )


async def measured(task: Task, stand: Stand, begun: datetime) -> Report:
    """Measure one thing after the other; what fails is among the report's errors.

    Raises `BenchError` and `UnwatchedError` if nothing could be measured.
    """
    watched_pids = [] if isinstance(stand.server, UnwatchedError) else stand.server.processes()
    report = Report(
        version=VERSION,
        vivavoce=__version__,
        url=task.url,
        model=task.model,
        taken=begun.isoformat(timespec="seconds"),
        client=packages(),
        server_processes=sorted(watched_pids),
        silence_ms=task.silence_ms,
        room_noise_dbfs=ROOM_NOISE_DBFS if task.room_noise else None,
        stt_ms=task.stt_ms,
    )
    found: dict[str, msgspec.Struct] = {}
    failures: list[Exception] = []
    for name, label, measure in wanted(task, stand):
        try:
            found[name] = await measure()
        except (BenchError, UnwatchedError) as error:
            stand.errors[f"{label}: {error}"] += 1
            failures.append(error)
    if failures and not found:
        raise failures[0]
    errors = [ServerError(message=message, count=n) for message, n in sorted(stand.errors.items())]
    return msgspec.structs.replace(report, errors=errors, **found)


def wanted(
    task: Task, stand: Stand
) -> Iterator[tuple[str, str, Callable[[], Awaitable[msgspec.Struct]]]]:
    """The measurements of a task: the name of the figures, what it is called, and what makes it."""
    for name, label, measure in MEASURES:
        if name in task.measures:
            yield name, label, partial(watched, task, stand, label, measure)
    if task.ramp:
        yield "ramp", "The ramp", partial(climbed, task, stand)


async def watched(task: Task, stand: Stand, label: str, measure: Measure) -> msgspec.Struct:
    """Measure under a bar. Raises `BenchError` and `UnwatchedError`."""
    with progress(stand, label) as seen:
        return await measure(seen, task.callers)


async def climbed(task: Task, stand: Stand) -> Ramp:
    """The ramp, each step told when it is made. Raises `BenchError` and `UnwatchedError`."""

    async def measure(count: int) -> Listening:
        with progress(stand, f"{count} callers") as watched:
            return await listen(watched, count)

    def show(count: int, found: Listening | Failure, kept: bool) -> None:
        mark = click.style("✓", fg="green") if kept else click.style("✗", fg="red")
        words = text.step(found, task.lag_behind) if isinstance(found, Listening) else str(found)
        click.echo(f"{mark} {count} callers: {words}", err=True)

    return await climb(
        measure,
        first=task.callers,
        lag_target_ms=task.lag_target_ms,
        lag_behind=task.lag_behind,
        tell=show,
    )


@contextmanager
def progress(stand: Stand, label: str) -> Iterator[Stand]:
    """A bar on standard error, if that is a terminal, that follows the seconds that are played.

    It is full when the measurement ends, and not before.
    """
    hidden = not sys.stderr.isatty()
    bar = click.progressbar(
        length=BAR_STEPS, label=label, file=sys.stderr, hidden=hidden, show_eta=False
    )

    def show(step: int) -> None:
        if step > bar.pos:
            bar.update(step - bar.pos)

    with bar:
        yield replace(
            stand,
            progress=lambda now_s, of_s: show(min(int(BAR_STEPS * now_s / of_s), BAR_STEPS - 1)),
        )
        show(BAR_STEPS)


def tell(task: Task, report: Report) -> None:
    """Print the report and write the files that were asked for."""
    encoded = msgspec.json.format(msgspec.json.encode(report), indent=2).decode()
    if task.json_to == "-":
        click.echo(encoded)
    else:
        for line in (*text.lines(report), *picture(report)):
            click.echo(line)
        if task.json_to is not None:
            write(Path(task.json_to), encoded + "\n")
    if task.chart_to is None:
        return
    if (drawn := chart(report)) is None:
        click.echo(f"{task.chart_to}: not written; there is nothing to draw", err=True)
    else:
        write(task.chart_to, drawn)


def picture(report: Report) -> Sequence[str]:
    """The waterfall of a turn in text, if one was answered."""
    if report.answering is None or not report.answering.waterfall:
        return ()
    stages = [
        (text.NAMES[stage.event], stage.after_ms.p50)
        for stage in report.answering.waterfall
        if stage.event != RESPONSE_DONE  # it may be so late that all else would be one line
    ]
    return ("\nThe median turn, behind the last voiced sample", *waterfall(stages))


def write(path: Path, content: str) -> None:
    """Write a file. Raises `click.ClickException` if that cannot be."""
    try:
        path.write_text(content, "utf-8")
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error


def packages() -> str:
    """What the callers run on."""
    loop = "" if sys.platform == "win32" else f", uvloop {version('uvloop')}"
    return f"aiohttp {version('aiohttp')}{loop}, Python {platform.python_version()}"


def key_for(url: str, given: str | None, openai: str | None) -> str | None:
    """The key to show: the one given, or OpenAI's own for OpenAI's own hosts."""
    if given is None and f".{urlsplit(url).hostname}".endswith(".api.openai.com"):
        return openai
    return given
