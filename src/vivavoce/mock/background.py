"""A mock in a thread of its own, for tests that are not asynchronous or run their own loop."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import pytest

from vivavoce.app import Server
from vivavoce.mock.connection import OnReceived
from vivavoce.mock.script import Pace
from vivavoce.mock.server import MockOptions, mocking, websocket_url

Running = tuple[Server, asyncio.AbstractEventLoop, asyncio.Event]
"""A server, its loop, and the event that stops it; it is set on that loop."""


@dataclass(frozen=True, slots=True)
class BackgroundMock:
    """A mock that runs. `received` grows by each client event that it reads."""

    url: str
    """The base URL, for `base_url` of OpenAI's clients."""
    ws_url: str
    """The URL of the WebSocket, without a query."""
    port: int
    received: list[dict[str, Any]]


@contextmanager
def background_mock(options: MockOptions) -> Iterator[BackgroundMock]:
    """Run a mock until the context ends. Raises `ConfigError`."""
    received: list[dict[str, Any]] = []
    ready: Future[Running] = Future()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="vivavoce mock") as threads:
        thread = threads.submit(run_mock, options, received.append, ready)
        thread.add_done_callback(lambda done: pass_on_failure(done, ready))
        server, loop, stop = ready.result()
        try:
            yield BackgroundMock(server.url, websocket_url(server), server.port, received)
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.result()


def run_mock(options: MockOptions, on_received: OnReceived, ready: "Future[Running]") -> None:
    """In the thread: run a mock until the event it hands out is set."""

    async def main() -> None:
        stop = asyncio.Event()
        async with mocking(options, on_received) as server:
            ready.set_result((server, asyncio.get_running_loop(), stop))
            await stop.wait()

    asyncio.run(main())


def pass_on_failure(thread: "Future[None]", ready: "Future[Running]") -> None:
    """A mock that never got ready is not waited for: its failure is that of whoever waits."""
    error = thread.exception()
    if error is not None and not ready.done():
        ready.set_exception(error)


def marked_options(marker: pytest.Mark | None, folder: Path) -> MockOptions:
    """What a test's marker asks for; a script's path is relative to `folder`.

    Raises `pytest.UsageError` for what no marker takes.
    """
    given = {} if marker is None else dict(marker.kwargs)
    script, seed, pace = given.pop("script", None), given.pop("seed", 0), given.pop("pace", None)
    if given or (marker and marker.args):
        raise pytest.UsageError("vivavoce_mock takes script=, seed= and pace=, and nothing else")
    if pace is not None and pace not in get_args(Pace):
        raise pytest.UsageError(f"pace={pace!r}: expected one of {', '.join(get_args(Pace))}")
    return MockOptions(
        script=None if script is None else folder / script,
        seed=cast("int | None", seed),
        pace=pace or "instant",
    )
