"""`vivavoce serve` as a process of its own, with whatever processes it starts."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.server import PATIENCE_S

SCRIPTED = """
vad: scripted
stt: {engine: scripted, texts: [Hello.]}
llm: scripted
tts: {engine: scripted}
"""
"""Engines that load at once."""

READY = re.compile(r"is ready: ws(s?)://(\S+)/realtime")
PID = re.compile(r"worker (\d+) is process (\d+)")


class ServedProcess:
    """The process. `url` is the base URL for clients."""

    def __init__(self, process: "subprocess.Popen[str]", url: str) -> None:
        self.process = process
        self.url = url
        self.log: list[str] = []

    async def until_logged(self, text: str) -> str:
        """The next line on standard error with this text."""
        assert self.process.stderr is not None
        async with asyncio.timeout(PATIENCE_S):
            while True:
                line = await asyncio.to_thread(self.process.stderr.readline)
                assert line, f"{text!r} was not logged, but {self.log}"
                self.log.append(line)
                if text in line:
                    return line

    async def pids(self, workers: int) -> dict[int, int]:
        """The processes of the workers, which are told in their order at the start."""
        lines = [await self.until_logged(f"worker {n} is process") for n in range(1, workers + 1)]
        found = (PID.search(line) for line in lines)
        return {int(one[1]): int(one[2]) for one in found if one is not None}

    async def ended(self) -> int:
        """Returns, with the exit status, when nobody is left who could log anything."""
        assert self.process.stderr is not None
        async with asyncio.timeout(PATIENCE_S):
            self.log += await asyncio.to_thread(self.process.stderr.readlines)
            return await asyncio.to_thread(self.process.wait)


@contextmanager
def served(config: Path, *options: str) -> Iterator[ServedProcess]:
    """Run the command until it is ready, and stop it at the end if it still runs."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VIVAVOCE_")}
    with subprocess.Popen(
        [sys.executable, "-m", "vivavoce", "serve", "--config", str(config), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            ready = READY.search(process.stdout.readline())
            assert ready is not None, process.stderr.read()
            yield ServedProcess(process, f"http{ready[1]}://{ready[2]}")
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate()


async def refused(config: Path) -> "subprocess.CompletedProcess[str]":
    """What the command says that cannot start."""
    command = [sys.executable, "-m", "vivavoce", "serve", "--config", str(config)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    return done
