"""When a process counts as busy, in virtual time."""

import asyncio
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.virtual_time import run_in_virtual_time
from vivavoce.runtime.load import ENTER, LEAVE, PERIOD_S, LoadLevel, LoadWatch, Measure
from vivavoce.session.speculation import Load

HIGH_S = 0.06
OVERLOAD_S = 0.25
CALM = LEAVE - ENTER + 1
"""Measures until a level is left that was entered just now: it was high for a second of them."""


def after(*delays: float) -> list[Load]:
    level = LoadLevel()
    return [level.after(delay) for delay in delays]


def test_a_second_of_delay_makes_the_load_high() -> None:
    assert after(*[HIGH_S] * ENTER) == ["normal"] * (ENTER - 1) + ["high"]


def test_one_measure_in_between_that_is_low_starts_the_second_anew() -> None:
    assert set(after(*[HIGH_S] * (ENTER - 1), 0.0, *[HIGH_S] * (ENTER - 1))) == {"normal"}


def test_a_long_delay_is_an_overload_at_once() -> None:
    assert after(*[OVERLOAD_S] * ENTER)[-1] == "overload"


def test_a_high_load_becomes_an_overload() -> None:
    assert after(*[HIGH_S] * ENTER, *[OVERLOAD_S] * ENTER)[-1] == "overload"


def test_a_load_goes_when_no_second_of_five_was_above_half() -> None:
    levels = after(*[HIGH_S] * ENTER, *[0.0] * CALM)
    assert levels[ENTER - 1 : -1] == ["high"] * CALM
    assert levels[-1] == "normal"


@given(st.lists(st.floats(0.0, 1.0)), st.integers(1, ENTER - 1))
def test_a_load_does_not_stay_for_a_hiccup_in_each_second(
    before: list[float], hiccups: int
) -> None:
    second = [OVERLOAD_S] * hiccups + [0.0] * (ENTER - hiccups)
    assert after(*before, *second * (LEAVE // ENTER + 1))[-1] == "normal"


def test_between_the_limits_a_load_stays() -> None:
    assert after(*[HIGH_S] * ENTER, *[0.03] * 5 * LEAVE)[-1] == "high"


def test_an_overload_goes_to_high_first_where_it_is_still_high() -> None:
    levels = after(*[OVERLOAD_S] * ENTER, *[0.06] * LEAVE, *[0.0] * LEAVE)
    assert levels[ENTER - 1 :: LEAVE] == ["overload", "high", "normal"]


class Backlog:
    """How long sound has waited, look by look."""

    def __init__(self, *seconds: float) -> None:
        self.left = list(seconds)

    def __call__(self) -> float:
        return self.left.pop(0) if self.left else 0.0


def test_sound_that_waits_is_told_to_the_sessions_and_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    changes: list[tuple[float, Load]] = []
    measures: list[Measure] = []

    async def busy_then_calm() -> None:
        loop = asyncio.get_running_loop()
        watch = LoadWatch(
            Backlog(*[HIGH_S] * ENTER),
            on_measure=lambda measure, _: measures.append(measure),
            on_change=lambda level: changes.append((loop.time(), level)),
        )
        watch.start()
        await asyncio.sleep(10)
        watch.stop()
        await asyncio.sleep(10)

    with caplog.at_level(logging.INFO):
        run_in_virtual_time(busy_then_calm())
    assert changes == [
        (ENTER * PERIOD_S, "high"),
        ((ENTER + CALM) * PERIOD_S, "normal"),
    ]
    assert len(measures) == 10 / PERIOD_S, "it measures until it is stopped"
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert (
        "load is high: the event loop is 0 ms late, and a caller's sound has waited 60 ms"
        in caplog.text
    )


def test_a_loop_that_runs_late_is_measured() -> None:
    measures: list[Measure] = []

    async def late() -> None:
        loop = asyncio.get_running_loop()
        watch = LoadWatch(
            lambda: 0.0, on_measure=lambda m, _: measures.append(m), on_change=lambda _: None
        )
        watch.start()
        # A callback that takes 100 ms: time moves, and nothing else runs meanwhile.
        loop.call_at(PERIOD_S - 0.05, lambda: moved(loop, 0.1))
        await asyncio.sleep(0.4)
        watch.stop()

    run_in_virtual_time(late())
    assert [measure.lag_s for measure in measures] == [pytest.approx(0.05)]


def moved(loop: asyncio.AbstractEventLoop, seconds: float) -> None:
    """Time passes on a virtual clock."""
    clock = loop._clock  # type: ignore[attr-defined]
    clock.now += seconds
