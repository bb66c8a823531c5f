"""bench/listening.py asks for what its heading says."""

import runpy
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from vivavoce.cli.bench import bench

SCRIPT = Path(__file__).parents[3] / "bench" / "listening.py"


@pytest.mark.parametrize(
    ("room_noise", "said"), [(True, "in a quiet room"), (False, "no room noise")]
)
def test_the_noise_of_the_heading_is_that_of_the_callers(room_noise: bool, said: str) -> None:
    script: dict[str, Any] = runpy.run_path(str(SCRIPT))
    words = script["bench"]("ws://127.0.0.1:1/v1", 32, 30.0, 20, room_noise)
    given = bench.make_context("bench", words[words.index("bench") + 1 :]).params
    assert given["room_noise"] is room_noise
    assert said in script["heading"](room_noise)


def test_the_help_tells_what_no_noise_spares() -> None:
    told = " ".join(CliRunner().invoke(bench, ["--help"]).output.split())
    assert "which Vivavoce does not score" in told
