from collections.abc import Callable

import pytest

from support.bench_figures import listening
from vivavoce.bench.figures import LagBehind, Listening, Ramp
from vivavoce.bench.processes import UnwatchedError
from vivavoce.bench.ramp import RUNS, climb
from vivavoce.bench.stand import BenchError

TARGET_MS = 100.0


async def ramp(
    found: Callable[[int], Listening], first: int = 32, behind: LagBehind = "endpoint"
) -> Ramp:
    """A ramp over a server that gives these results."""

    async def measure(callers: int) -> Listening:
        return found(callers)

    return await climb(
        measure,
        first=first,
        lag_target_ms=TARGET_MS,
        lag_behind=behind,
        tell=lambda _n, _run, _kept: None,
    )


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
    assert found.ended == "not even 1 caller held"


async def test_the_detectors_error_counts_only_where_it_is_asked_for() -> None:
    late = lambda callers: listening(callers, 400.0)  # noqa: E731 - decided within 9 ms
    assert (await ramp(late, first=1)).callers == 0
    assert (await ramp(late, first=1, behind="decision")).callers > 1000


async def test_a_missed_event_fails_a_run_however_soon_the_others_came() -> None:
    found = await ramp(lambda callers: listening(callers, 10.0, missed=callers > 64))
    assert 64 <= found.callers < 70


async def test_an_extra_event_fails_a_run_however_soon_the_others_came() -> None:
    found = await ramp(lambda callers: listening(callers, 10.0, extra=callers > 64))
    assert 64 <= found.callers < 70


def refusing(most: int) -> Callable[[int], Listening]:
    """A server that takes so many callers, and refuses one more."""

    def found(callers: int) -> Listening:
        if callers > most:
            raise BenchError("too many sessions")
        return listening(callers, 40.0)

    return found


async def test_callers_whom_the_server_refuses_are_more_than_it_holds() -> None:
    found = await ramp(refusing(6), first=8)
    assert (found.callers, tried(found)) == (6, [4, 6])
    assert "too many sessions" in found.ended


async def test_a_server_that_ends_does_not_take_along_what_was_found() -> None:
    def ending(callers: int) -> Listening:
        if callers > 32:
            raise UnwatchedError("the server's process has ended")
        return listening(callers, 40.0)

    found = await ramp(ending)
    assert found.callers == 32
    assert "the server's process has ended" in found.ended


async def test_a_server_that_refuses_everybody_is_an_error() -> None:
    with pytest.raises(BenchError, match="too many sessions"):
        await ramp(refusing(0))


async def test_refusals_count_among_the_runs() -> None:
    asked: list[int] = []

    def refused(callers: int) -> Listening:
        asked.append(callers)
        raise BenchError("too many sessions")

    with pytest.raises(BenchError, match="too many sessions"):
        await ramp(refused, first=10**9)
    assert len(asked) == RUNS


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
        lag_behind="endpoint",
        tell=lambda count, _run, kept: told.append((count, kept)),
    )
    assert told[:3] == [(32, True), (64, False), (48, False)]
