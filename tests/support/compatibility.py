"""The part of docs/compatibility.md that tests write: tables of what they have shown."""

import enum
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from support.rows import DIALECTS, Row, rows

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "compatibility.md"
BEGIN = "<!-- What follows is written by `make compatibility`. -->"
END = "<!-- What is above is written by `make compatibility`. -->"

TURNS = ("text", "spoken", "tool", "barge-in")
CLIENTS = (
    "openai (Python)",
    "openai (Python, beta)",
    "openai-agents (Python)",
    "openai (npm)",
    "@openai/agents (npm, WebSocket)",
)
"""The clients that have to be proved with every kind of turn."""


class Result(enum.Enum):
    """What the tests of something have shown."""

    PASSED = "passed"
    REFUSED = "refused on purpose"
    FAILED = "failed"
    LATER = "not yet"
    UNTESTED = "no test"


@dataclass(frozen=True, slots=True)
class Shown:
    """A result, and what is to be said about it."""

    result: Result
    note: str = ""


Matrix = Mapping[tuple[int, str], Shown]
"""By row and dialect; what is missing has no test."""

Turns = Mapping[tuple[str, str], Result]
"""By client and kind of turn."""

UNTESTED = Shown(Result.UNTESTED)


def result_of(matrix: Matrix, row: Row, dialect: str) -> Shown:
    """What is known of a row in a dialect that it concerns."""
    shown = matrix.get((row.number, dialect), UNTESTED)
    return Shown(Result.LATER, row.later) if shown is UNTESTED and row.later else shown


def untested(matrix: Matrix, turns: Turns) -> list[str]:
    """What has no test, and should have one."""
    missing = [
        f"row {row.number} ({dialect})"
        for row in rows().values()
        for dialect in row.dialects
        if result_of(matrix, row, dialect) == UNTESTED
    ]
    return missing + [
        f"{client}: {turn}" for client in CLIENTS for turn in TURNS if (client, turn) not in turns
    ]


def tables(matrix: Matrix, turns: Turns) -> str:
    """What is written between `BEGIN` and `END`."""
    parts = [totals(matrix), "### Clients", client_table(turns)]
    for section, members in groupby(rows().values(), lambda row: row.section):
        parts += [f"### {section}", row_table(matrix, members)]
    return "\n\n".join(parts)


def totals(matrix: Matrix) -> str:
    """How many rows of each dialect have which result."""
    counts = {
        dialect: Counter(
            result_of(matrix, row, dialect).result
            for row in rows().values()
            if dialect in row.dialects
        )
        for dialect in DIALECTS
    }
    shown = [
        result
        for result in Result
        if result is not Result.UNTESTED or any(count[result] for count in counts.values())
    ]
    return table(
        ["Rows", *(result.value for result in shown)],
        ([title(dialect), *(str(counts[dialect][each]) for each in shown)] for dialect in DIALECTS),
    )


def client_table(turns: Turns) -> str:
    """Which client has had which kinds of turns (row 135)."""
    found = sorted({client for client, _ in turns} - set(CLIENTS))
    return table(
        ["Client", "Version", *TURNS],
        (
            [
                client,
                version(client),
                *(turns.get((client, turn), Result.UNTESTED).value for turn in TURNS),
            ]
            for client in (*CLIENTS, *found)
        ),
    )


def row_table(matrix: Matrix, members: Iterable[Row]) -> str:
    """The rows of a section."""
    return table(
        ["Row", "Rule", *(title(dialect) for dialect in DIALECTS), "Note"],
        (row_cells(matrix, row) for row in members),
    )


def row_cells(matrix: Matrix, row: Row) -> list[str]:
    """A row of the table: the result in each dialect, and each note once."""
    shown = {dialect: result_of(matrix, row, dialect) for dialect in row.dialects}
    notes = dict.fromkeys(note for note in (row.note, *(x.note for x in shown.values())) if note)
    results = (shown[each].result.value if each in shown else "–" for each in DIALECTS)
    return [str(row.number), row.rule, *results, "; ".join(notes)]


def table(head: list[str], body: Iterable[list[str]]) -> str:
    """A table of Markdown."""
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in lines)


def title(dialect: str) -> str:
    """How the page calls a dialect."""
    return {"ga": "GA", "beta": "Beta"}[dialect]


def version(client: str) -> str:
    """The version of a client (`package (Python)`, `package (npm)`) that the repository pins."""
    package, _, kind = client.rstrip(")").partition(" (")
    if kind.startswith("npm"):
        lock = json.loads((ROOT / "tests/interop/node/package-lock.json").read_text("utf-8"))
        installed: str = lock["packages"][f"node_modules/{package}"]["version"]
        return installed
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    group = project["dependency-groups"]["beta" if kind.endswith("beta") else "dev"]
    pins = (re.fullmatch(r"([\w.-]+)(\[.*\])?==([\w.]+)", requirement) for requirement in group)
    return next(pin[3] for pin in pins if pin and pin[1] == package)


def renewed(page: str, written: str) -> str:
    """The page with other tables. Raises `ValueError` if it has no place for them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE} has lost its markers {BEGIN!r} and {END!r}")
    return f"{before}{begin}\n\n{written}\n\n{end}{after}"
