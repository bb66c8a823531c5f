"""The process around a server: its event loop, the signals that end it, and Python's settings."""

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

SWITCH_INTERVAL_S = 0.0005
"""How long a thread waits for the interpreter while another one computes. Python's 5 ms would be
added to the scores of the voice activity detector whenever the event loop is busy."""


async def until_stopped(
    server: contextlib.AbstractAsyncContextManager[T], on_ready: Callable[[T], None]
) -> None:
    """Run what `server` starts until the process is told to stop, maybe before it is ready."""
    loop, server_task = asyncio.get_running_loop(), asyncio.current_task()
    assert server_task is not None

    def stop_once() -> None:
        if not server_task.cancelling():  # else it is stopping, which is not to be cut short
            server_task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop_once)
    with contextlib.suppress(asyncio.CancelledError):
        async with server as started:
            settle()
            on_ready(started)
            await asyncio.Event().wait()


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on uvloop, where there is one."""
    try:
        import uvloop
    except ImportError:  # it has no wheel for Windows
        return asyncio.run(main)
    result: T = uvloop.run(main)
    return result


def settle() -> None:
    """Prepare the process for serving, once all is loaded.

    What is there now stays until the end. The collector looks at it no more, else every collection
    would hold up all sessions for as long as it takes to go through every module.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.collect()
    gc.freeze()
