"""The tables of docs/compatibility.md, and how results become cells of them."""

from collections import Counter

import pytest

from support.compatibility import (
    BEGIN,
    CLIENTS,
    END,
    PAGE,
    TURNS,
    Result,
    Shown,
    renewed,
    tables,
    totals,
    untested,
    version,
)
from support.conformance import Outcome, severity, shown_by
from support.rows import row_of, rows

PASSED = Shown(Result.PASSED)
REFUSED = Shown(Result.REFUSED, "there is one pipeline")

EVERYTHING = {
    (row.number, dialect): PASSED
    for row in rows().values()
    for dialect in row.dialects
    if not row.later
}
EVERY_TURN = {(client, turn): Result.PASSED for client in CLIENTS for turn in TURNS}


def line_of(row: int, written: str) -> str:
    """The line of a row."""
    (line,) = [line for line in written.splitlines() if line.startswith(f"| {row} |")]
    return line


def test_the_checklist_has_all_rows_but_that_of_clients() -> None:
    assert sorted(rows()) == [number for number in range(1, 137) if number != 135]


def test_a_test_names_its_row() -> None:
    assert row_of("test_row_016_a_binary_frame_is_refused") is rows()[16]
    assert row_of("test_frames_are_refused") is None
    with pytest.raises(KeyError):
        row_of("test_row_999_that_there_is_not")


def test_a_row_shows_its_results_and_each_note_once() -> None:
    matrix = {(7, "ga"): REFUSED, (7, "beta"): REFUSED, (2, "ga"): PASSED}
    written = tables(matrix, {})
    assert line_of(7, written).endswith(
        "| refused on purpose | refused on purpose | there is one pipeline |"
    )
    assert line_of(2, written).endswith("| passed | – | |")
    assert line_of(8, written).endswith("| no test | no test | |")
    assert line_of(122, written).endswith("| not yet | – | WebRTC |")


def test_the_totals_count_each_row_in_each_of_its_dialects() -> None:
    written = totals({**EVERYTHING, (7, "ga"): REFUSED, (8, "beta"): Shown(Result.FAILED)})
    assert written.splitlines()[0] == "| Rows | passed | refused on purpose | failed | not yet |"
    ga, beta = written.splitlines()[2:]
    concerned = Counter(dialect for row in rows().values() for dialect in row.dialects)
    assert ga == f"| GA | {concerned['ga'] - 9} | 1 | 0 | 8 |"
    assert beta == f"| Beta | {concerned['beta'] - 1} | 0 | 1 | 0 |"


def test_what_has_no_test_is_named() -> None:
    assert untested(EVERYTHING, EVERY_TURN) == []
    matrix = {place: shown for place, shown in EVERYTHING.items() if place != (16, "beta")}
    turns = {place: each for place, each in EVERY_TURN.items() if place != (CLIENTS[0], "tool")}
    assert untested(matrix, turns) == ["row 16 (beta)", "openai (Python): tool"]


@pytest.mark.parametrize(
    ("outcome", "refusal", "shown"),
    [
        (Outcome(), None, PASSED),
        (Outcome(), "there is one pipeline", REFUSED),
        (Outcome(failed=True), "there is one pipeline", Shown(Result.FAILED)),
        (Outcome(expected_to_fail="a defect"), None, Shown(Result.FAILED, "a defect")),
    ],
)
def test_what_an_outcome_shows(outcome: Outcome, refusal: str | None, shown: Shown) -> None:
    assert shown_by(outcome, refusal) == shown


def test_one_failure_counts_more_than_what_passes() -> None:
    failed = Shown(Result.FAILED)
    assert max(PASSED, failed, REFUSED, key=severity) is failed
    assert max(PASSED, REFUSED, key=severity) is REFUSED


def test_the_versions_of_clients_are_those_that_are_pinned() -> None:
    assert version("openai (Python, beta)") == "1.109.1"
    assert all(version(client)[0].isdigit() for client in CLIENTS)


def test_only_what_is_between_the_markers_is_written() -> None:
    page = f"before\n\n{BEGIN}\n\nold\n\n{END}\n\nafter\n"
    assert renewed(page, "new") == page.replace("old", "new")
    assert renewed(renewed(page, "new"), "old") == page
    with pytest.raises(ValueError, match="markers"):
        renewed(page.replace(END, ""), "new")


def test_the_page_has_its_markers() -> None:
    page = PAGE.read_text("utf-8")
    assert renewed(page, tables(EVERYTHING, EVERY_TURN))
