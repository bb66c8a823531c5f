"""Programs for Node that drive a client from npm, and what they report."""

import asyncio
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.sdk_types import assert_valid_event
from support.server import Event

PATIENCE_S = 60.0
"""How long a program may run before the test fails."""


@dataclass(frozen=True, slots=True)
class Node:
    """Node, and the folder of programs whose packages are installed beside them."""

    program: Path
    folder: Path

    async def run(
        self, script: str, *arguments: str, stdin: str = "", **environment: str
    ) -> list[dict[str, Any]]:
        """Run a program to its end; gives the JSON objects that it has written, one per line.

        Fails if the program fails or takes too long, with all that it wrote.
        """
        process = await asyncio.create_subprocess_exec(
            self.program,
            self.folder / script,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | environment,
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                written, complaint = await process.communicate(stdin.encode())
        except TimeoutError:
            process.kill()
            written, complaint = await process.communicate()
            raise AssertionError(f"{script} does not end:\n{tail(written, complaint)}") from None
        assert process.returncode == 0, f"{script} failed:\n{tail(written, complaint)}"
        return [json.loads(line) for line in written.splitlines()]

    async def converse(self, script: str, *, trusting: str = "", **asked: Any) -> "Seen":
        """Run a program that holds a turn with a server; each event that it got must be valid.

        `trusting` is the file of a certificate that Node is to trust.
        """
        environment = {"NODE_EXTRA_CA_CERTS": trusting} if trusting else {}
        seen = Seen()
        for line in await self.run(script, json.dumps(asked), **environment):
            for name, value in line.items():
                if name == "event":
                    assert_valid_event(value)
                    seen.events.append(value)
                else:
                    seen.reports.setdefault(name, []).append(value)
        return seen


@dataclass(slots=True)
class Seen:
    """What a client saw."""

    events: list[Event] = field(default_factory=list)
    """The server's events, as the client passed them on."""
    reports: dict[str, list[Any]] = field(default_factory=dict)
    """What else its program reports, by name."""

    def of(self, kind: str) -> list[Event]:
        """All events of this type."""
        return [event for event in self.events if event["type"] == kind]

    def the(self, name: str) -> Any:
        """The one report of this name."""
        (value,) = self.reports[name]
        return value


def tail(written: bytes, complaint: bytes) -> str:
    """The end of what a program wrote."""
    return f"{complaint.decode()[-2000:]}\n…{written.decode()[-2000:]}"
