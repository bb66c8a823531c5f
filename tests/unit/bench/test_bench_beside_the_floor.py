"""bench/listening.py asks for what its heading says."""

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from support.bench_figures import listening
from vivavoce.cli.bench import bench

SCRIPT = Path(__file__).parents[3] / "bench" / "listening.py"


@pytest.fixture
def script() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT))


@pytest.mark.parametrize(
    ("room_noise", "said"), [(True, "in a quiet room"), (False, "no room noise")]
)
def test_the_noise_of_the_heading_is_that_of_the_callers(
    script: dict[str, Any], room_noise: bool, said: str
) -> None:
    words = script["bench"]("ws://127.0.0.1:1/v1", 32, 30.0, 20, room_noise)
    given = bench.make_context("bench", words[words.index("bench") + 1 :]).params
    assert given["room_noise"] is room_noise
    assert said in script["heading"](room_noise)


def test_the_help_tells_what_no_noise_spares() -> None:
    told = " ".join(CliRunner().invoke(bench, ["--help"]).output.split())
    assert "which Vivavoce does not score" in told


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split(" | ")]


def test_a_run_with_errors_is_a_row_that_tells_them(script: dict[str, Any]) -> None:
    found = msgspec.to_builtins(listening(32, 40.0, missed=2, unwritten=3))
    report = {"listening": found, "errors": [{"message": "no model", "count": 4}]}
    run = script["run_of"](json.dumps(report).encode(), "There were errors")
    row = cells(script["row"]("vivavoce", 32, 20, run))
    assert len(row) == len(cells(script["HEAD"].splitlines()[0])) == script["COLUMNS"]
    assert row[7] == "2, 0 of 200"
    assert row[8] == "3 of 100"
    assert row[-1] == "4 times: no model"
    assert run.cost == 2.5
    assert cells(script["row"]("floor", 32, 20, run))[8] == "–"


def test_a_run_without_figures_is_a_row_that_says_why(script: dict[str, Any]) -> None:
    run = script["run_of"](b"", "Error: nobody there")
    row = cells(script["row"]("floor", 32, 20, run))
    assert len(row) == script["COLUMNS"]
    assert row[:4] == ["32", "20 ms", "floor", "–"]
    assert row[-1] == "Error: nobody there"


def test_a_ratio_leaves_out_runs_without_figures_and_says_so(script: dict[str, Any]) -> None:
    assert script["ratio"]([3.0, 5.0], [2.0, 2.0]) == "2.00"
    assert script["ratio"]([3.0, None], [2.0, 2.0]) == "1.50 (1 runs have no figure)"
    assert script["ratio"]([None], [2.0]).startswith("not measured")


def test_a_server_that_does_not_start_is_a_row_and_prints_nothing(
    script: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    names = script["measure"].__globals__
    failing = [sys.executable, "-c", "raise SystemExit('no such model')"]
    monkeypatch.setitem(names, "command", lambda _kind, _port: failing)
    monkeypatch.setitem(names, "on_core", lambda _core, words: words)
    run = script["measure"]("vivavoce", 1, 1.0, 20, True)
    assert run.errors == ("the server did not start: no such model",)
    assert capfd.readouterr() == ("", "")
