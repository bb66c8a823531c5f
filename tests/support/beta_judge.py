"""Clients of the beta dialect, whose every event is judged by the types of openai 1.109.1.

with beta_judge(folder) as judge:
    async with beta_client(server, judge) as client: ...
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp

from support.server import Client, Event, LiveServer

TESTS = Path(__file__).parents[1]
MODEL = "gpt-4o-realtime-preview"
BETA = {"OpenAI-Beta": "realtime=v1"}


def environment(folder: Path) -> dict[str, str]:
    """The environment of a process whose `openai` is the one in this folder."""
    return {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{TESTS}"}


class BetaJudge:
    """The process that knows the types."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def assert_valid(self, event: Event) -> None:
        """Fails unless the event is one of the union, with no unknown and no missing key."""
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answers is not None
        asked.write(json.dumps(event) + "\n")
        asked.flush()
        answer = answers.readline()
        assert answer, "the judge has died; what it wrote is above"
        problem = json.loads(answer)
        assert not problem, f"{event['type']}: {problem}\n{event}"


@contextlib.contextmanager
def beta_judge(folder: Path) -> Iterator[BetaJudge]:
    """A judge with the `openai` in this folder."""
    with subprocess.Popen(
        [sys.executable, "-m", "support.beta_types"],
        env=environment(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield BetaJudge(process)


class BetaClient(Client):
    """A client that expects the beta dialect."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, judge: BetaJudge) -> None:
        super().__init__(socket)
        self._judge = judge

    def judge(self, event: Event) -> None:
        self._judge.assert_valid(event)

    async def configure(self, **session: Any) -> Event:
        """Change the session; gives it as it then is."""
        await self.send("session.update", session=session)
        updated: Event = (await self.until("session.updated"))["session"]
        return updated

    async def turn(self) -> list[Event]:
        """What comes up to the end of the next response."""
        return await self.all_until("response.done")


@contextlib.asynccontextmanager
async def beta_client(
    server: LiveServer,
    judge: BetaJudge,
    query: str = f"model={MODEL}",
    *,
    headers: dict[str, str] | None = None,
    protocols: tuple[str, ...] = (),
) -> AsyncIterator[BetaClient]:
    """A client after `session.created`; by default it asks for beta with the header."""
    asked = BETA if headers is None else headers
    url = f"{server.url}/realtime?{query}"
    async with server.http.ws_connect(
        url, headers=asked, protocols=protocols, max_msg_size=0
    ) as socket:
        client = BetaClient(socket, judge)
        first = await client.next()
        assert first["type"] == "session.created", first
        yield client
