"""The rows of the checklist, from `tests/conformance/rows.yaml`."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

CONFORMANCE = Path(__file__).parents[1] / "conformance"
DIALECTS = ("ga", "beta")

_NAME = re.compile(r"test_row_(\d{3})_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A rule of the protocol, and the dialects that it concerns."""

    number: int
    section: str
    rule: str
    dialects: tuple[str, ...]
    later: str | None
    """Why it has no test yet; None if it has one."""
    note: str | None
    """What is to be said besides."""


@cache
def rows() -> dict[int, Row]:
    """All rows by their number, in order."""
    sections = yaml.safe_load((CONFORMANCE / "rows.yaml").read_text("utf-8"))
    return {
        number: Row(
            number=number,
            section=section,
            rule=row["rule"],
            dialects=(row["only"],) if "only" in row else DIALECTS,
            later=row.get("later"),
            note=row.get("note"),
        )
        for section, numbered in sections.items()
        for number, row in numbered.items()
    }


def row_of(test: str) -> Row | None:
    """The row that a test's name names (`test_row_016_…`). Raises `KeyError` if there is none."""
    found = _NAME.match(test)
    return rows()[int(found[1])] if found else None
