"""One long utterance: whether its tenth second costs what its second one did."""

import asyncio
from dataclasses import dataclass

from vivavoce.bench.connection import SPEECH_STARTED, SPEECH_STOPPED
from vivavoce.bench.figures import Utterance
from vivavoce.bench.pacer import Caller
from vivavoce.bench.stand import GRACE_S, Stand, caller_of
from vivavoce.bench.track import utterance_track

EARLY_S = (1.0, 4.0)
LATE_S = (9.0, 12.0)


@dataclass(frozen=True, slots=True)
class Span:
    """What the server computed, in seconds, between two moments of its callers' audio."""

    cpu_s: float
    wall_s: float


async def utter(stand: Stand, count: int) -> Utterance:
    """Let so many callers say the same long utterance at once.

    Raises `BenchError`.
    """
    track = utterance_track(
        chunk_ms=stand.chunk_ms, silence_ms=stand.silence_ms, room_noise=stand.room_noise
    )
    async with stand.callers(count) as connections:
        callers = [caller_of(connection, track) for connection in connections]
        async with asyncio.TaskGroup() as tasks:  # `callers` takes a failure out of its group
            early = tasks.create_task(computed(stand, *EARLY_S))
            late = tasks.create_task(computed(stand, *LATE_S))
            pace = await stand.play(callers, track.length_ms / 1000, stagger_s=0.0)
        await asyncio.sleep(GRACE_S)
    costs = [cost_ms(span.result(), count) for span in (early, late)]
    whole = sum(taken_for_one(caller) for caller in callers)
    return Utterance(
        callers=count,
        early_cpu_ms_per_audio_s=costs[0],
        late_cpu_ms_per_audio_s=costs[1],
        late_over_early=round(costs[1] / costs[0], 3) if costs[0] and costs[1] else None,
        whole=whole,
        client=pace.figures(),
        not_measured=stand.unwatched(
            "early_cpu_ms_per_audio_s", "late_cpu_ms_per_audio_s", "late_over_early"
        ),
    )


async def computed(stand: Stand, begin_s: float, end_s: float) -> Span | None:
    """What the server computes between these seconds from now; None where it is not watched."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    await asyncio.sleep(begin_s)
    before_s, began = await stand.cpu_s(), loop.time()
    await asyncio.sleep(start + end_s - loop.time())
    after_s, ended = await stand.cpu_s(), loop.time()
    if before_s is None or after_s is None:
        return None
    return Span(after_s - before_s, ended - began)


def cost_ms(span: Span | None, callers: int) -> float | None:
    """CPU milliseconds for each second of each caller."""
    return None if span is None else round(1000 * span.cpu_s / (span.wall_s * callers), 3)


def taken_for_one(caller: Caller) -> bool:
    """Whether the server heard one turn that did not end before the last second to be measured."""
    moments = caller.connection.moments
    starts = [moment for moment in moments if moment.kind == SPEECH_STARTED]
    stops = [moment for moment in moments if moment.kind == SPEECH_STOPPED]
    return len(starts) == len(stops) == 1 and stops[0].at >= caller.due(1000 * LATE_S[1])
