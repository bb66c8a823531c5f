"""A pytest plugin that keeps the tables of docs/compatibility.md true.

A test of a row is a function in tests/conformance whose name says so (`test_row_016_…`); one of a
client has the mark `client(name, turn)`. A run of all of them compares what they have shown with
the page, and fails if that is stale; with `--write-compatibility` it writes the page.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from support.compatibility import (
    PAGE,
    TURNS,
    Matrix,
    Result,
    Shown,
    Turns,
    renewed,
    tables,
    untested,
)
from support.rows import CONFORMANCE, Row, row_of

INTEROP = CONFORMANCE.with_name("interop")


@dataclass(frozen=True, slots=True)
class RowTest:
    """What a test is about: a row in a dialect."""

    row: int
    dialect: str
    refusal: str | None
    """Why the server refuses what the row asks for; None if it does not."""


@dataclass(frozen=True, slots=True)
class ClientTest:
    """What a test is about: a kind of turn of a client."""

    client: str
    turn: str


@dataclass(slots=True)
class Outcome:
    """How a test went, over its setup, call and teardown."""

    failed: bool = False
    skipped: bool = False
    expected_to_fail: str = ""
    """Why it was to fail, as it did."""

    def add(self, report: pytest.TestReport) -> None:
        """Take in a phase of the test."""
        self.failed |= report.failed
        if report.skipped:
            self.expected_to_fail = getattr(report, "wasxfail", "")
            self.skipped |= not self.expected_to_fail


def row_tests(item: pytest.Item) -> Iterable[RowTest]:
    """The row and the dialect that a test is about, if it is about one."""
    if CONFORMANCE not in item.path.parents or not isinstance(item, pytest.Function):
        return
    if (row := row_of(item.originalname)) is None:
        return
    dialects = dialects_of(item, row)
    refused = item.get_closest_marker("refused")
    refusal = refused.args[0] if refused else None
    for dialect in dialects:
        yield RowTest(row.number, dialect, refusal)


def dialects_of(item: pytest.Function, row: Row) -> tuple[str, ...]:
    """The dialects in which a test is about a row. Raises `pytest.UsageError` if that is open."""
    if hasattr(item, "callspec") and "dialect" in item.callspec.params:
        return (str(item.callspec.params["dialect"]),)
    if mark := item.get_closest_marker("dialect"):
        return mark.args
    if len(row.dialects) > 1:
        raise pytest.UsageError(f"{item.nodeid}: which dialect is this about? Use `connect`.")
    return row.dialects


def client_tests(item: pytest.Item) -> Iterable[ClientTest]:
    """The turns of clients that a test is about. Raises `pytest.UsageError` for an unknown turn."""
    for mark in item.iter_markers("client"):
        client, turn = mark.args
        if turn not in TURNS:
            raise pytest.UsageError(f"{item.nodeid}: there is no turn {turn!r}, only {TURNS}")
        yield ClientTest(client, turn)


class Conformance:
    """What this run has shown."""

    def __init__(self, *, write: bool) -> None:
        self._write = write
        self._rows: list[tuple[str, RowTest]] = []
        self._clients: list[tuple[str, ClientTest]] = []
        self._outcomes: dict[str, Outcome] = {}
        self._deselected = False
        self._complaints: list[str] = []
        self._remark = ""

    def pytest_deselected(self) -> None:
        self._deselected = True

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            self._rows += ((item.nodeid, test) for test in row_tests(item))
            self._clients += ((item.nodeid, test) for test in client_tests(item))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._outcomes.setdefault(report.nodeid, Outcome()).add(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if not self._covers_everything(session):
            if self._write:
                self._complaints.append("Some tests did not run; the page was not written.")
        elif skipped := sorted(node for node in self._nodes() if self._outcomes[node].skipped):
            self._remark = f"docs/{PAGE.name} was not compared: {', '.join(skipped)} were skipped."
            if self._write:
                self._complaints.append("Some tests were skipped; the page was not written.")
        else:
            self._compare()
        if self._complaints and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._remark:
            terminalreporter.write_line(self._remark)
        for complaint in self._complaints:
            terminalreporter.write_line(complaint, red=True)

    def _nodes(self) -> set[str]:
        """The tests of rows and clients."""
        return {node for node, _ in (*self._rows, *self._clients)}

    def _covers_everything(self, session: pytest.Session) -> bool:
        """Whether all tests of all rows and clients were chosen, and ran."""
        files = {path for folder in (CONFORMANCE, INTEROP) for path in folder.glob("test_*.py")}
        return (
            not self._deselected
            and not any("::" in argument for argument in session.config.args)
            and files <= {item.path for item in session.items}
            and self._nodes() <= self._outcomes.keys()
        )

    def _compare(self) -> None:
        """Hold the page against what was shown, or write it."""
        matrix, turns = self._matrix(), self._turns()
        page = PAGE.read_text("utf-8")
        new = renewed(page, tables(matrix, turns))
        if missing := untested(matrix, turns):
            self._complaints.append(f"There is no test of: {', '.join(missing)}")
        if self._write:
            PAGE.write_text(new, "utf-8")
            self._remark = f"Wrote docs/{PAGE.name}"
        elif new != page:
            self._complaints.append(
                f"docs/{PAGE.name} is stale. Run `make compatibility`, and commit what it writes."
            )

    def _matrix(self) -> Matrix:
        """Of each row and dialect the worst that a test has shown."""
        matrix: dict[tuple[int, str], Shown] = {}
        for node, test in self._rows:
            place = test.row, test.dialect
            shown = shown_by(self._outcomes[node], test.refusal)
            matrix[place] = max(shown, matrix.get(place, shown), key=severity)
        return matrix

    def _turns(self) -> Turns:
        """Of each client and kind of turn the worst that a test has shown."""
        turns: dict[tuple[str, str], Result] = {}
        for node, test in self._clients:
            place, result = (test.client, test.turn), shown_by(self._outcomes[node], None).result
            if turns.get(place) is not Result.FAILED:
                turns[place] = result
        return turns


def shown_by(outcome: Outcome, refusal: str | None) -> Shown:
    """What a test shows by how it went."""
    if outcome.failed or outcome.expected_to_fail:
        return Shown(Result.FAILED, outcome.expected_to_fail)
    return Shown(Result.PASSED) if refusal is None else Shown(Result.REFUSED, refusal)


def severity(shown: Shown) -> tuple[int, str]:
    """What counts more where tests of the same row differ."""
    order = (Result.PASSED, Result.REFUSED, Result.FAILED)
    return order.index(shown.result), shown.note


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-compatibility",
        action="store_true",
        help="write the tables of docs/compatibility.md from what the tests show",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Conformance(write=config.getoption("--write-compatibility")))
