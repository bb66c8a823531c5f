"""Open sessions: what they hold when idle and when live, and what they cost when idle."""

import asyncio

from vivavoce.bench.figures import Sessions
from vivavoce.bench.processes import UnwatchedError
from vivavoce.bench.stand import GRACE_S, Stand, caller_of
from vivavoce.bench.track import Track, listening_track

IDLE_S = 10.0
"""How long idle sessions are watched."""

SHRUNK = "the server takes no more than before: start it anew, and open more sessions"

SETTLE_S = 2.0
"""Until what was done for opening sessions is done."""


async def hold(stand: Stand, count: int) -> Sessions:
    """Open so many sessions, leave them alone for `IDLE_S`, then speak in all of them.

    One session before them loads what the first one of a server has to load. Raises `BenchError`,
    and `UnwatchedError` if the server ends.
    """
    server = stand.server
    if isinstance(server, UnwatchedError):
        return nothing(stand, count)
    await speak(stand, 1)
    await asyncio.sleep(SETTLE_S)
    kind, empty = await asyncio.to_thread(server.memory)
    async with stand.callers(count) as connections:
        await asyncio.sleep(SETTLE_S)
        _, idle = await asyncio.to_thread(server.memory)
        before_s = await asyncio.to_thread(server.cpu_s)
        await asyncio.sleep(IDLE_S)
        spent_s = await asyncio.to_thread(server.cpu_s) - before_s
        track = speech(stand)
        callers = [caller_of(connection, track) for connection in connections]
        await stand.play(callers, track.length_ms / 1000)
        _, live = await asyncio.to_thread(server.memory)
    held = {"idle_kib_per_session": idle - empty, "live_kib_per_session": live - empty}
    grown = {name: round(more / 1024 / count, 1) for name, more in held.items() if more > 0}
    return Sessions(
        callers=count,
        memory=kind,
        idle_kib_per_session=grown.get("idle_kib_per_session"),
        live_kib_per_session=grown.get("live_kib_per_session"),
        idle_cpu_ms_per_s=round(1000 * spent_s / IDLE_S / count, 4),
        not_measured={name: SHRUNK for name in held if name not in grown},
    )


def nothing(stand: Stand, count: int) -> Sessions:
    """What is found of a server that nobody watches."""
    return Sessions(
        callers=count,
        memory=None,
        idle_kib_per_session=None,
        live_kib_per_session=None,
        idle_cpu_ms_per_s=None,
        not_measured=stand.unwatched(
            "idle_kib_per_session", "live_kib_per_session", "idle_cpu_ms_per_s"
        ),
    )


async def speak(stand: Stand, count: int) -> None:
    """Let so many callers speak in sessions of their own. Raises `BenchError`."""
    track = speech(stand)
    async with stand.callers(count) as connections:
        callers = [caller_of(connection, track) for connection in connections]
        await stand.play(callers, track.length_ms / 1000)
        await asyncio.sleep(GRACE_S)


def speech(stand: Stand) -> Track:
    """About ten seconds of turns."""
    return listening_track(
        seconds=10.0,
        chunk_ms=stand.chunk_ms,
        silence_ms=stand.silence_ms,
        room_noise=stand.room_noise,
    )
