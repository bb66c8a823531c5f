"""docs/performance.md names what there is."""

import re
from pathlib import Path

import click
import msgspec
import pytest

from vivavoce.bench import figures
from vivavoce.bench.pacer import LATE_MS
from vivavoce.bench.ramp import RUNS
from vivavoce.cli.bench import bench

PAGE = (Path(__file__).parents[3] / "docs" / "performance.md").read_text("utf-8")
JSON = PAGE.split("## The JSON")[1]

STRUCTS = [
    kind
    for kind in vars(figures).values()
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind is not msgspec.Struct
]


@pytest.mark.parametrize("kind", STRUCTS, ids=lambda kind: kind.__name__)
def test_every_field_of_the_json_is_named(kind: type[msgspec.Struct]) -> None:
    named = set(re.findall(r"`(\w+)`", JSON))
    assert set(kind.__struct_fields__) <= named


def test_every_option_that_is_named_exists() -> None:
    options = {
        name
        for one in bench.params
        if isinstance(one, click.Option)
        for name in (*one.opts, *one.secondary_opts)
    }
    others = ("make bench", "bench/floor.py")
    lines = [line for line in PAGE.splitlines() if not any(one in line for one in others)]
    named = {name for line in lines for name in re.findall(r"(?<![\w-])--[a-z][a-z-]+", line)}
    assert named - {"--config", "--workers"} <= options


def test_the_numbers_of_the_page_are_those_of_the_program() -> None:
    assert f"`version` is {figures.VERSION};" in PAGE
    assert f"in {RUNS} runs at most" in PAGE
    assert f"p99 of the lateness is above {LATE_MS:.0f} ms" in " ".join(PAGE.split())
