"""Threads that work for an engine and do not keep the process from ending."""

import asyncio
import subprocess
import sys
import threading

import pytest

from vivavoce.engines.threads import DaemonThreads

HANGS = """
import asyncio, threading
from vivavoce.engines.threads import DaemonThreads

async def main():
    begun = threading.Event()
    threads = DaemonThreads("stuck", 1)
    call = asyncio.create_task(threads.call(lambda: begun.set() or threading.Event().wait()))
    await asyncio.to_thread(begun.wait)
    call.cancel()

asyncio.run(main())
"""


def fail() -> None:
    raise ValueError("broken")


async def test_a_call_gives_what_its_work_gives_or_raises() -> None:
    threads = DaemonThreads("test", 2)
    assert await threads.call(lambda: 7) == 7
    with pytest.raises(ValueError, match="broken"):
        await threads.call(fail)
    await threads.close()


async def test_what_is_cancelled_while_it_waits_is_not_begun() -> None:
    threads, gate, done = DaemonThreads("test", 1), threading.Event(), list[str]()
    first = asyncio.create_task(threads.call(gate.wait))
    second = asyncio.create_task(threads.call(lambda: done.append("second")))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.sleep(0)
    gate.set()
    assert await first
    await threads.close()
    assert done == []


def test_work_that_hangs_does_not_keep_the_process_from_ending() -> None:
    subprocess.run([sys.executable, "-c", HANGS], check=True, timeout=30)
