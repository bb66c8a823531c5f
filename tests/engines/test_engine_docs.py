"""docs/engines.md speaks of every engine, and of its licences as `vivavoce engines` does."""

import re
from pathlib import Path

import pytest

from vivavoce.engines.about import ABOUT, About
from vivavoce.engines.registry import Slot

PAGE = (Path(__file__).parents[2] / "docs" / "engines.md").read_text("utf-8")


@pytest.mark.parametrize(("key", "about"), ABOUT.items(), ids=["-".join(key) for key in ABOUT])
def test_an_engine_has_a_row(key: tuple[Slot, str], about: About) -> None:
    slot, name = key
    section = re.split(r"^###? ", PAGE.split(f"(`{slot}`)")[1], flags=re.MULTILINE)[0]
    [row] = [line for line in section.splitlines() if line.startswith(f"| `{name}` |")]
    _, _, needs, code, weights, run = (cell.strip() for cell in row.strip("| ").split("|"))
    assert needs == (f"`vivavoce[{about.extra}]`" if about.extra else "nothing")
    assert code.split(",")[0] == about.licence.split(",")[0]
    assert ("**NC**" in weights) == (about.commercial != "yes")
    assert run
