"""Callers in real time: one loop sends everybody's frames when they are due.

Callers are dealt out to phases of about 2 ms, so that they do not all send in the same instant, and
a phase is one wake-up for all of its callers.
"""

import asyncio
import gc
import math
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from vivavoce.bench.connection import Connection
from vivavoce.bench.figures import ClientFigures, Spread, spread
from vivavoce.bench.processes import core_wait_s

PHASE_MS = 2
STAGGER_S = 1.7
"""Over which callers begin, so that their turns do not all end at once."""

LEAD_S = 0.02
"""Before the first frame is due."""

LATE_MS = 10.0
"""Of the 99th percentile: beyond it the client's own lateness is in every other figure."""

Progress = Callable[[float, float], None]
"""Told now and then how many seconds of how many have passed."""


@dataclass(slots=True)
class Caller:
    """Somebody who speaks: `frames` are asked for one by one when each is due."""

    connection: Connection
    frames: Iterator[bytes]
    chunk_ms: int
    begin: float = 0.0
    """When the first frame is due, on `time.perf_counter`."""
    sent: int = 0
    first_step: int = 0

    def due(self, position_ms: float) -> float:
        """When the frame is due that has the sample at this position of the caller's audio."""
        return self._frame_due(position_ms // self.chunk_ms)

    def due_until(self, position_ms: float) -> float:
        """When the frame is due with which all audio before this position has been sent."""
        return self._frame_due(math.ceil(position_ms / self.chunk_ms) - 1)

    def _frame_due(self, number: float) -> float:
        return self.begin + number * self.chunk_ms / 1000


@dataclass(slots=True)
class Pace:
    """How the frames were sent."""

    late_ms: list[float] = field(default_factory=list)
    cpu_s: float = 0.0
    wall_s: float = 0.0
    waited_s: float | None = None
    """For a core."""
    blocked_s: float = 0.0
    """For connections that the server did not read, all callers with it."""
    excused_s: float = 0.0
    """Of it, what the callers have not yet caught up with."""

    def figures(self) -> ClientFigures:
        """What the client says about itself."""
        late_ms = spread(self.late_ms) or Spread(count=0, p50=0, p99=0, worst=0)
        waited_s, wall_s = self.waited_s, max(self.wall_s, 1e-9)
        return ClientFigures(
            frames=len(self.late_ms),
            late_ms=late_ms,
            cpu_share=round(self.cpu_s / wall_s, 3),
            cpu_us_per_frame=round(1e6 * self.cpu_s / max(len(self.late_ms), 1), 1),
            core_wait_share=None if waited_s is None else round(waited_s / wall_s, 3),
            blocked_s=round(self.blocked_s, 3),
            late=late_ms.p99 > LATE_MS,
        )


async def play(
    callers: Sequence[Caller], progress: Callable[[float], None], *, stagger_s: float = STAGGER_S
) -> Pace:
    """Send every caller's frames when they are due, until all have ended or are lost.

    The callers have frames of the same length, and begin within `stagger_s` seconds. `progress` is
    told now and then how many seconds have been played.
    """
    pace, chunk_s = Pace(), callers[0].chunk_ms / 1000
    with without_pauses():
        wall, cpu, waited_s = time.perf_counter(), time.process_time(), core_wait_s()
        start, tick = wall + LEAD_S, 0
        phases = arrange(callers, start, stagger_s)
        tick_s = chunk_s / len(phases)
        while any(phases):
            due = start + tick * tick_s
            ahead_s = due - time.perf_counter()
            if ahead_s > 0:
                pace.excused_s = 0.0
            # Even when it is late, it lets events be read.
            await asyncio.sleep(max(ahead_s, 0))
            step, phase = divmod(tick, len(phases))
            if ended := [each for each in phases[phase] if not await speak(each, step, due, pace)]:
                phases[phase] = [each for each in phases[phase] if each not in ended]
            tick += 1
            if phase == 0:
                progress(step * chunk_s)
    pace.wall_s, pace.cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    if waited_s is not None:
        pace.waited_s = (core_wait_s() or 0.0) - waited_s
    return pace


def arrange(callers: Sequence[Caller], start: float, stagger_s: float) -> list[list[Caller]]:
    """Set when each caller begins, and give the callers of each phase of a chunk."""
    chunk_ms = callers[0].chunk_ms
    count = max(min(chunk_ms // PHASE_MS, len(callers)), 1)
    phases: list[list[Caller]] = [[] for _ in range(count)]
    for number, caller in enumerate(callers):
        phase = number % count
        caller.first_step = int(1000 * stagger_s * number / len(callers) / chunk_ms)
        caller.begin = start + (caller.first_step + phase / count) * chunk_ms / 1000
        phases[phase].append(caller)
    return phases


async def speak(caller: Caller, step: int, due: float, pace: Pace) -> bool:
    """Send a caller's next frame if it has begun; False when there is none any more."""
    if step < caller.first_step:
        return True
    frame = next(caller.frames, None)
    if frame is None or caller.connection.lost:
        return False
    began = time.perf_counter()
    pace.late_ms.append(max(1000 * (began - due - pace.excused_s), 0.0))
    if await waits(caller.connection.send(frame)):
        blocked_s = time.perf_counter() - began
        pace.blocked_s += blocked_s
        pace.excused_s += blocked_s
    caller.sent += 1
    return True


async def waits(sending: Awaitable[None]) -> bool:
    """Whether something has to be waited for, and does not only take its time.

    Then, and only then, the event loop takes a turn meanwhile.
    """
    turns: list[bool] = []
    turn = asyncio.get_running_loop().call_soon(turns.append, True)
    await sending
    turn.cancel()
    return bool(turns)


@contextmanager
def without_pauses() -> Iterator[None]:
    """Collect no garbage meanwhile: in a large client that takes longer than a frame."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
