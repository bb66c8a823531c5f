"""Where a measurement stands: the server, the callers on the line, and what is told meanwhile."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp

from vivavoce.audio.units import INNER_RATE
from vivavoce.bench.connection import Connection, Errors, connect
from vivavoce.bench.pacer import STAGGER_S, Caller, Pace, Progress, play
from vivavoce.bench.processes import Server, UnwatchedError
from vivavoce.bench.track import Track

AT_A_TIME = 32
"""Connections that are being opened."""

GRACE_S = 1.0
"""For what is still to come behind the last frame, which is silence."""

PATIENCE_S = 30.0
"""For a server that does not answer or does not read."""


class BenchError(Exception):
    """A measurement could not be made; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """What all measurements of one command have in common."""

    url: str
    """Of the WebSocket, with its query."""
    headers: dict[str, str] = field(default_factory=dict)
    server: Server | UnwatchedError
    """Its processes, or why they are not watched."""
    seconds: float = 30.0
    chunk_ms: int = 20
    silence_ms: int = 500
    room_noise: bool = True
    """Whether callers sit in a room; otherwise what they do not say is digital silence."""
    transcription: str | None = "whisper-1"
    """The transcription model that sessions ask for."""
    stt_ms: float = 0.0
    """What recognition itself takes, by whoever knows."""
    errors: Errors = field(default_factory=Errors)
    progress: Progress = lambda _seconds, _of: None

    def session(self, *, answers: bool) -> dict[str, Any]:
        """The session that every caller asks for."""
        turn_detection = {
            "type": "server_vad",
            "silence_duration_ms": self.silence_ms,
            "create_response": answers,
        }
        heard: dict[str, Any] = {
            "format": {"type": "audio/pcm", "rate": INNER_RATE},
            "turn_detection": turn_detection,
        }
        if self.transcription is not None:
            heard["transcription"] = {"model": self.transcription}
        return {"type": "realtime", "audio": {"input": heard}}

    @asynccontextmanager
    async def callers(
        self, count: int, *, answers: bool = False
    ) -> AsyncIterator[list[Connection]]:
        """So many sessions, set up and read from; they end with the context.

        Raises `BenchError` if one cannot be had.
        """
        allow_files(count + 64)
        session, gate = self.session(answers=answers), asyncio.Semaphore(AT_A_TIME)
        connections: list[Connection] = []

        async def call() -> None:
            async with gate:
                await self._call(http, connections, session)

        with first_failure():
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
                try:
                    await together(call for _ in range(count))
                    async with asyncio.TaskGroup() as tasks:
                        listening = [tasks.create_task(one.listen()) for one in connections]
                        yield connections
                        for task in listening:
                            task.cancel()
                finally:
                    await together(one.close for one in connections)

    async def _call(
        self, http: aiohttp.ClientSession, connections: list[Connection], session: dict[str, Any]
    ) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                connection = await connect(http, self.url, self.headers, self.errors)
                connections.append(connection)
                await connection.greet(session)
        except TimeoutError as error:
            raise BenchError(f"{self.url} did not answer within {PATIENCE_S:.0f} s") from error
        except aiohttp.WSServerHandshakeError as error:
            raise BenchError(f"{self.url} refused a connection (HTTP {error.status})") from error
        except (aiohttp.ClientError, OSError) as error:
            raise BenchError(f"{self.url}: {error}") from error

    async def play(
        self, callers: list[Caller], seconds: float, stagger_s: float = STAGGER_S
    ) -> Pace:
        """Let callers play for so many seconds at most, and begin within `stagger_s` of them.

        Raises `BenchError` if the server stops to read for `PATIENCE_S`.
        """
        try:
            async with asyncio.timeout(seconds + PATIENCE_S):
                return await play(
                    callers, lambda now_s: self.progress(now_s, seconds), stagger_s=stagger_s
                )
        except TimeoutError as error:
            raise BenchError(
                f"{self.url} did not take {seconds:.0f} s of audio in {PATIENCE_S:.0f} s more"
            ) from error

    def part(self, begin_s: float, of_s: float) -> "Stand":
        """The same stand for a part of a measurement of `of_s` seconds that begins at `begin_s`."""
        return replace(self, progress=lambda now_s, _of: self.progress(begin_s + now_s, of_s))

    async def cpu_s(self) -> float | None:
        """What the server has computed so far; None where it is not watched."""
        if isinstance(self.server, UnwatchedError):
            return None
        return await asyncio.to_thread(self.server.cpu_s)

    def unwatched(self, *figures: str) -> dict[str, str]:
        """Why these figures are not measured, if that is because nobody watches the server."""
        why = self.server
        return dict.fromkeys(figures, str(why)) if isinstance(why, UnwatchedError) else {}


async def together(jobs: Iterable[Callable[[], Coroutine[Any, Any, None]]]) -> None:
    """Do these jobs at once."""
    async with asyncio.TaskGroup() as tasks:
        for job in jobs:
            tasks.create_task(job())


@contextlib.contextmanager
def first_failure() -> Iterator[None]:
    """Around task groups: raise the exception that ended them, out of its group."""
    try:
        yield
    except ExceptionGroup as group:
        first: Exception = group
        while isinstance(first, ExceptionGroup):
            first = first.exceptions[0]
        raise first from group


def playing_s(tracks: Iterable[Track], stagger_s: float = STAGGER_S) -> float:
    """How long callers with these tracks play, who begin within `stagger_s`; there is a track."""
    return max(track.length_ms for track in tracks) / 1000 + stagger_s


def caller_of(connection: Connection, track: Track) -> Caller:
    """A caller who plays a track."""
    return Caller(connection, iter(track.frames), track.chunk_ms)


def allow_files(count: int) -> None:
    """Let this process have so many open files. Raises `BenchError` if it may not."""
    try:
        import resource
    except ImportError:  # Windows counts no files
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        if hard != resource.RLIM_INFINITY and hard < count:
            raise BenchError(f"needs {count} open files, and may have {hard}: see ulimit -Hn")
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
