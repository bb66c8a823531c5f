from collections.abc import Callable

import pytest

from support.bench_figures import listening
from vivavoce.bench.figures import Listening, Ramp
from vivavoce.bench.ramp import RUNS, climb

TARGET_MS = 100.0


async def ramp(found: Callable[[int], Listening], first: int = 32) -> Ramp:
    """A ramp over a server that gives these results."""

    async def measure(callers: int) -> Listening:
        return found(callers)

    return await climb(measure, first=first, lag_target_ms=TARGET_MS, tell=lambda _run, _kept: None)


def holding(most: int) -> Callable[[int], Listening]:
    """A server that holds so many callers, and no more."""
    return lambda callers: listening(callers, 40.0 if callers <= most else 400.0)


def tried(found: Ramp) -> list[int]:
    return [run.callers for run in found.runs]


async def test_callers_are_doubled_and_then_halved_between() -> None:
    found = await ramp(holding(450))
    assert tried(found) == [32, 64, 128, 256, 512, 384, 448, 480]
    assert found.callers == 448


@pytest.mark.parametrize("most", [1, 5, 31, 33, 100, 319, 1000, 5000])
async def test_the_end_is_known_to_a_tenth_or_to_32_callers(most: int) -> None:
    found = await ramp(holding(most))
    assert found.callers <= most
    assert most - found.callers < min(32, max(found.callers / 10, 1))
    assert len(found.runs) <= RUNS


async def test_a_server_that_holds_nobody_is_told_so() -> None:
    found = await ramp(holding(0))
    assert (found.callers, tried(found)) == (0, [32, 16, 8, 4, 2, 1])


async def test_a_missed_event_fails_a_run_however_soon_the_others_came() -> None:
    found = await ramp(lambda callers: listening(callers, 10.0, missed=callers > 64))
    assert 64 <= found.callers < 70


async def test_a_late_client_ends_the_ramp() -> None:
    found = await ramp(lambda callers: listening(callers, 10.0, late=callers > 100))
    assert tried(found) == [32, 64, 128]
    assert found.callers == 64
    assert found.ended == "the client was late at 128 callers: the server may hold more"


async def test_a_ramp_without_end_is_ended() -> None:
    found = await ramp(holding(10**9))
    assert len(found.runs) == RUNS
    assert found.ended == f"{RUNS} runs were made"


async def test_each_run_is_told_with_whether_it_held() -> None:
    told: list[tuple[int, bool]] = []

    async def measure(callers: int) -> Listening:
        return holding(40)(callers)

    await climb(
        measure,
        first=32,
        lag_target_ms=TARGET_MS,
        tell=lambda run, kept: told.append((run.callers, kept)),
    )
    assert told[:3] == [(32, True), (64, False), (48, False)]
