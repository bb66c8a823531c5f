"""Open sessions: what they hold when idle and when live, and what they cost when idle.

What idle sessions cost is what the server computes beside them, less what it computed in as long a
time with none open.
"""

import asyncio

from vivavoce.bench.figures import Sessions
from vivavoce.bench.processes import Server, UnwatchedError
from vivavoce.bench.stand import GRACE_S, Stand, caller_of, playing_s
from vivavoce.bench.track import Track, listening_track

IDLE_S = 10.0
"""How long idle sessions are watched, and the server without them before."""

SHRUNK = "the server takes no more than before: start it anew, and open more sessions"

SETTLE_S = 2.0
"""Until what was done for opening sessions is done."""


async def hold(stand: Stand, count: int) -> Sessions:
    """Open so many sessions, leave them alone for `IDLE_S`, then speak in all of them.

    One session before them loads what the first one of a server has to load; then the server is
    watched alone. Raises `BenchError`, and `UnwatchedError` if the server ends.
    """
    server = stand.server
    if isinstance(server, UnwatchedError):
        return nothing(stand, count)
    track = speech(stand)
    speech_s = playing_s([track])
    all_s = 2 * (speech_s + SETTLE_S + IDLE_S)
    await speak(stand.part(0, all_s), track)
    await asyncio.sleep(SETTLE_S)
    kind, empty = await asyncio.to_thread(server.memory)
    alone_s = await computed(server)
    stand.progress(all_s / 2, all_s)
    async with stand.callers(count) as connections:
        await asyncio.sleep(SETTLE_S)
        _, idle = await asyncio.to_thread(server.memory)
        spent_s = await computed(server)
        callers = [caller_of(connection, track) for connection in connections]
        await stand.part(all_s - speech_s, all_s).play(callers, speech_s)
        _, live = await asyncio.to_thread(server.memory)
    held = {"idle_kib_per_session": idle - empty, "live_kib_per_session": live - empty}
    grown = {name: round(more / 1024 / count, 1) for name, more in held.items() if more > 0}
    return Sessions(
        callers=count,
        memory=kind,
        idle_kib_per_session=grown.get("idle_kib_per_session"),
        live_kib_per_session=grown.get("live_kib_per_session"),
        idle_cpu_ms_per_s=idle_cost_ms(alone_s, spent_s, count),
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


async def computed(server: Server) -> float:
    """What the server computes in `IDLE_S`, in seconds. Raises `UnwatchedError` if it ends."""
    before_s = await asyncio.to_thread(server.cpu_s)
    await asyncio.sleep(IDLE_S)
    return await asyncio.to_thread(server.cpu_s) - before_s


def idle_cost_ms(alone_s: float, spent_s: float, count: int) -> float:
    """CPU milliseconds for a second of each session, of a server that alone computes `alone_s`.

    0 where it computes no more with them than without.
    """
    return round(1000 * max(spent_s - alone_s, 0.0) / IDLE_S / count, 4)


async def speak(stand: Stand, track: Track) -> None:
    """Let one caller speak. Raises `BenchError`."""
    async with stand.callers(1) as connections:
        callers = [caller_of(connection, track) for connection in connections]
        await stand.play(callers, playing_s([track]))
        await asyncio.sleep(GRACE_S)


def speech(stand: Stand) -> Track:
    """About ten seconds of turns."""
    return listening_track(
        seconds=10.0,
        chunk_ms=stand.chunk_ms,
        silence_ms=stand.silence_ms,
        room_noise=stand.room_noise,
    )
