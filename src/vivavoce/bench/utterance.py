"""One long utterance: whether its tenth second costs what its second one did."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from vivavoce.bench.connection import SPEECH_STARTED, SPEECH_STOPPED
from vivavoce.bench.figures import Utterance
from vivavoce.bench.pacer import Caller, Pace
from vivavoce.bench.stand import GRACE_S, Stand, caller_of, playing_s
from vivavoce.bench.track import utterance_track

EARLY_S = (1.0, 4.0)
LATE_S = (9.0, 12.0)

NOTHING_EARLY = "the server computed nothing in the seconds 1 to 4"


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
            pace = await stand.play(callers, playing_s([track], 0.0), stagger_s=0.0)
        await asyncio.sleep(GRACE_S)
    return result(stand, callers, pace, early.result(), late.result())


def result(
    stand: Stand, callers: Sequence[Caller], pace: Pace, early: Span | None, late: Span | None
) -> Utterance:
    """What was found, from what the server computed early and late in the utterance."""
    early_ms, late_ms = (cost_ms(span, len(callers)) for span in (early, late))
    unmeasured = stand.unwatched(
        "early_cpu_ms_per_audio_s", "late_cpu_ms_per_audio_s", "late_over_early"
    )
    if early_ms == 0:
        unmeasured["late_over_early"] = NOTHING_EARLY
    return Utterance(
        callers=len(callers),
        early_cpu_ms_per_audio_s=early_ms,
        late_cpu_ms_per_audio_s=late_ms,
        late_over_early=None if late_ms is None or not early_ms else round(late_ms / early_ms, 3),
        whole=sum(taken_for_one(caller) for caller in callers),
        client=pace.figures(),
        not_measured=unmeasured,
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
