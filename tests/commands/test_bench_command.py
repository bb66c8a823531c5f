import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import click
import msgspec
import pytest
from aiohttp import web
from click.testing import CliRunner

from support.bench_figures import listening
from support.server import serving
from vivavoce.bench.figures import Listening, Report, ServerError
from vivavoce.bench.stand import BenchError, Stand
from vivavoce.cli import main
from vivavoce.commands import bench as command
from vivavoce.commands.bench import Task, key_for, run


def task(url: str, **changes: Any) -> Task:
    fields: dict[str, Any] = {
        "url": url,
        "model": "test",
        "api_key": None,
        "pid": None,
        "measures": frozenset({"listening"}),
        "ramp": False,
        "callers": 2,
        "seconds": 1.0,
        "chunk_ms": 20,
        "silence_ms": 200,
        "room_noise": True,
        "lag_target_ms": 100.0,
        "lag_behind": "endpoint",
        "transcription": "whisper-1",
        "stt_ms": 0.0,
    }
    return Task(**(fields | changes))


async def test_two_callers_are_heard_and_answered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The one test that takes the seconds of the speech that it plays."""
    wanted, drawn = tmp_path / "figures.json", tmp_path / "figures.svg"
    async with serving() as server:
        await run(
            task(
                server.url,
                measures=frozenset({"answering"}),
                json_to=str(wanted),
                chart_to=drawn,
            )
        )
    report = msgspec.json.decode(wanted.read_bytes(), type=Report)
    found = report.answering
    assert found is not None
    assert (found.turns, found.answered) == (2, 2)
    for tally in (found.starts, found.stops):
        assert (tally.expected, tally.found, tally.missed, tally.extra) == (2, 2, 0, 0)
    assert [stage.after_ms.count for stage in found.waterfall] == [2] * 6
    assert report.errors == []
    assert report.server_processes == []
    assert ElementTree.parse(drawn).getroot().tag.endswith("svg")
    assert "2 of 2 turns answered" in capsys.readouterr().out


async def test_listening_counts_every_turn(capsys: pytest.CaptureFixture[str]) -> None:
    async with serving() as server:
        await run(task(server.url, callers=1, chunk_ms=100, json_to="-"))
    report = json.loads(capsys.readouterr().out)
    found = report["listening"]
    assert found["starts"] == found["stops"] == {"expected": 1, "found": 1, "missed": 0, "extra": 0}
    assert found["transcript_ms"]["count"] == 1
    assert found["client"]["frames"] == 10 * found["audio_s"]
    assert report["room_noise_dbfs"] == -60
    assert found["cpu_ms_per_audio_s"] is None
    assert found["not_measured"] == {
        "cpu_ms_per_audio_s": "the server runs in the process of its client"
    }


@asynccontextmanager
async def answering(*events: dict[str, Any]) -> AsyncIterator[str]:
    """The base URL of a server that says these events to each caller and then goes away."""

    async def call(request: web.Request) -> web.WebSocketResponse:
        line = web.WebSocketResponse()
        await line.prepare(request)
        for event in events:
            await line.send_json(event)
        await line.close()
        return line

    application = web.Application()
    application.router.add_get("/v1/realtime", call)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


async def test_a_server_that_refuses_the_session_is_an_error() -> None:
    refusal = {"type": "error", "error": {"message": "no such model"}}
    async with answering({"type": "session.created"}, refusal) as url:
        with pytest.raises(click.ClickException, match="no such model"):
            await run(task(url))


async def test_a_server_that_goes_away_is_told_once_for_all_callers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with answering({"type": "session.created"}, {"type": "session.updated"}) as url:
        with pytest.raises(click.ClickException, match="There were errors"):
            await run(task(url))
    out = capsys.readouterr().out
    assert "Error, 2 times: the server closed the connection (code 1000)" in out
    assert "0 of 2, 2 missed, 0 extra" in out


async def test_a_measurement_that_fails_does_not_take_along_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def heard(_stand: Stand, count: int) -> Listening:
        return listening(count, 40.0)

    async def refused(_stand: Stand, _count: int) -> Listening:
        raise BenchError("too many sessions")

    measures = (("listening", "Listening", heard), ("answering", "Answering", refused))
    monkeypatch.setattr(command, "MEASURES", measures)
    wanted = frozenset({"listening", "answering"})
    with pytest.raises(click.ClickException, match="There were errors"):
        await run(task("http://127.0.0.1:1/v1", measures=wanted, json_to="-"))
    report = msgspec.json.decode(capsys.readouterr().out, type=Report)
    assert report.listening == listening(2, 40.0)
    assert report.answering is None
    assert report.errors == [ServerError(message="Answering: too many sessions", count=1)]


@pytest.mark.parametrize("strict", [False, True])
async def test_a_missed_event_is_a_failure_of_a_strict_task_only(
    strict: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def heard(_stand: Stand, count: int) -> Listening:
        return listening(count, 40.0, missed=1)

    monkeypatch.setattr(command, "MEASURES", (("listening", "Listening", heard),))
    demanded = pytest.raises(click.ClickException, match="1 missed, 0 extra")
    with demanded if strict else nullcontext():
        await run(task("http://127.0.0.1:1/v1", strict=strict))
    assert "99 of 100, 1 missed" in capsys.readouterr().out


def test_a_bar_follows_the_measurement_and_is_full_at_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[Any] = []
    make = click.progressbar

    def kept(*args: Any, **options: Any) -> Any:
        made.append(make(*args, **options))
        return made[-1]

    monkeypatch.setattr(click, "progressbar", kept)
    with command.progress(command.stand_for(task("http://127.0.0.1:1/v1")), "Listening") as stand:
        (bar,) = made
        seen = []
        for now_s in (0.0, 6.25, 12.5, 12.0, 25.0, 26.0):
            stand.progress(now_s, 25.0)
            seen.append(bar.pct)
    assert seen == [0.0, 0.25, 0.5, 0.5, 0.99, 0.99]
    assert bar.pct == 1.0


async def test_a_picture_of_nothing_is_not_written_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = tmp_path / "figures.svg"
    async with answering({"type": "session.created"}, {"type": "session.updated"}) as url:
        with pytest.raises(click.ClickException, match="There were errors"):
            await run(task(url, chart_to=drawn))
    assert not drawn.exists()
    assert f"{drawn}: not written" in capsys.readouterr().err


async def test_a_server_that_is_none_of_this_kind_is_an_error() -> None:
    async with answering() as url:
        with pytest.raises(click.ClickException, match=r"refused a connection \(HTTP 404\)"):
            await run(task(url.removesuffix("/v1")))


def test_a_server_that_is_not_there_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        result = CliRunner().invoke(main, ["bench", url])
    assert result.exit_code == 1
    assert url.removeprefix("http") in result.output


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--chart", "x.svg"], "add --ramp or --measure answering"),
        (["--measure", "speed"], "'speed' is none of listening, utterance, answering, sessions"),
        (["--measure", ","], "name at least one"),
        (["--callers", "0"], "0 is not in the range"),
        (["--ramp", "--chart", "x.png"], "a name that ends in .svg"),
        (["--ramp", "--chart", "nowhere/x.svg"], "there is no folder nowhere"),
        (["--json", "nowhere/x.json"], "there is no folder nowhere"),
        (["--json", "/"], "/ is a folder"),
    ],
)
def test_what_cannot_be_measured_is_refused(words: list[str], why: str) -> None:
    result = CliRunner().invoke(main, ["bench", *words])
    assert result.exit_code == 2
    assert why in " ".join(result.output.split())


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere"
)
@pytest.mark.parametrize("words", [["--json", "x"], ["--ramp", "--chart", "x.svg"]])
def test_a_folder_that_may_not_be_written_is_told_before_measuring(
    words: list[str], tmp_path: Path
) -> None:
    tmp_path.chmod(0o500)
    *options, name = words
    result = CliRunner().invoke(main, ["bench", *options, str(tmp_path / name)])
    assert result.exit_code == 2
    assert "cannot be written" in result.output


def test_the_help_speaks_of_options_that_there_are() -> None:
    told = " ".join(CliRunner().invoke(main, ["bench", "--help"]).output.split())
    assert "Key for the server at URL" in told
    assert "--url" not in told


def test_a_url_that_is_none_is_refused() -> None:
    result = CliRunner().invoke(main, ["bench", "localhost:8080"])
    assert result.exit_code == 1
    assert "URL localhost:8080: expected an address" in result.output


def test_a_silence_shorter_than_the_pauses_of_all_clips_is_refused() -> None:
    with pytest.raises(BenchError, match="--silence-ms"):
        command.stand_for(task("http://127.0.0.1:1/v1", silence_ms=0))


@pytest.mark.parametrize("room_noise", [True, False])
async def test_callers_sit_where_the_task_says(
    room_noise: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    async with answering({"type": "session.created"}, {"type": "session.updated"}) as url:
        wanted = task(url, room_noise=room_noise, json_to="-")
        assert command.stand_for(wanted).room_noise is room_noise
        with pytest.raises(click.ClickException, match="There were errors"):
            await run(wanted)
    report = json.loads(capsys.readouterr().out)
    assert report["room_noise_dbfs"] == (-60 if room_noise else None)


@pytest.mark.parametrize(
    ("url", "given", "shown"),
    [
        ("https://api.openai.com/v1", None, "openai"),
        ("https://eu.api.openai.com/v1", None, "openai"),
        ("https://api.openai.com/v1", "mine", "mine"),
        ("http://127.0.0.1:8080/v1", None, None),
        ("https://api.openai.com.example/v1", None, None),
    ],
)
def test_openais_key_goes_to_openai_only(url: str, given: str | None, shown: str | None) -> None:
    assert key_for(url, given, "openai") == shown
