import pytest

from vivavoce.bench.connection import SPEECH_STARTED, SPEECH_STOPPED, Moment
from vivavoce.bench.figures import Tally
from vivavoce.bench.listening import lags_of
from vivavoce.bench.matching import match, tally
from vivavoce.bench.track import Turn

TURNS = (Turn(300, 1020), Turn(3300, 4000))
SILENCE_MS = 500


class OnTheClock:
    """Sends each sample when it is spoken, from second 100 on."""

    def due(self, position_ms: float) -> float:
        return 100 + position_ms / 1000

    due_until = due


def started(at: float, position_ms: float | None) -> Moment:
    return Moment(SPEECH_STARTED, at, position_ms)


def stopped(at: float, position_ms: float | None) -> Moment:
    return Moment(SPEECH_STOPPED, at, position_ms)


FAULTLESS = (
    started(100.35, 0),
    stopped(101.56, 1540),
    started(103.40, 3010),
    stopped(104.53, 4500),
)


def counts(*moments: Moment) -> tuple[Tally, Tally]:
    return tally([match(moments, TURNS, OnTheClock(), SILENCE_MS)])


def of_two(found: int, extra: int = 0) -> Tally:
    return Tally(expected=2, found=found, missed=2 - found, extra=extra)


def test_a_faultless_server_misses_nothing() -> None:
    assert counts(*FAULTLESS) == (of_two(2), of_two(2))


@pytest.mark.parametrize("lost", range(4))
def test_an_event_that_does_not_come_is_missed(lost: int) -> None:
    starts, stops = counts(*(one for n, one in enumerate(FAULTLESS) if n != lost))
    assert (starts, stops) == ((of_two(1), of_two(2)) if lost % 2 == 0 else (of_two(2), of_two(1)))


def test_a_turn_in_two_parts_has_an_extra_start_and_an_extra_stop() -> None:
    split = (started(101.0, 900), stopped(101.5, 1500))
    assert counts(*FAULTLESS[:2], *split, *FAULTLESS[2:]) == (of_two(2, 1), of_two(2, 1))


EARLY = (started(100.35, 0), stopped(100.60, 590), started(100.7, 600))
"""A turn that the server ends while somebody speaks, and begins again."""


def test_a_turn_that_ends_while_somebody_speaks_does_not_flatter_the_lag() -> None:
    events = (*EARLY, *FAULTLESS[1:])
    assert counts(*events) == (of_two(2, 1), of_two(2, 1))
    lag = lags_of([match(events, TURNS, OnTheClock(), SILENCE_MS)])["speech_stopped_ms"]
    assert lag is not None
    assert [lag.p50, lag.worst] == pytest.approx([30, 40])


def test_a_turn_that_ends_only_while_somebody_speaks_has_not_been_ended() -> None:
    assert counts(*EARLY[:2], *FAULTLESS[2:]) == (of_two(2), of_two(1, 1))


def test_the_stop_of_a_turn_is_the_nearest_to_its_endpoint() -> None:
    late = (stopped(101.30, 1010), stopped(101.56, 1540))
    (turn, _) = match(late, TURNS, OnTheClock(), SILENCE_MS).turns
    assert turn.stopped == late[1]


def test_an_event_that_comes_before_its_speech_is_extra() -> None:
    assert counts(started(100.2, 0)) == (of_two(0, 1), of_two(0))


def test_a_late_event_belongs_to_the_turn_that_it_tells_of() -> None:
    late = (started(103.9, 0), stopped(104.0, 1540), started(105.0, 3010), stopped(106.0, 4500))
    assert counts(*late) == (of_two(2), of_two(2))


def test_an_event_without_a_position_is_no_turns() -> None:
    assert counts(started(100.35, None)) == (of_two(0, 1), of_two(0))


def test_lags_are_counted_from_the_truth() -> None:
    lags = lags_of([match(FAULTLESS, TURNS, OnTheClock(), SILENCE_MS)])
    onset, endpoint, decided = (
        lags[name] for name in ("speech_started_ms", "speech_stopped_ms", "decided_ms")
    )
    assert onset is not None
    assert endpoint is not None
    assert decided is not None
    assert [onset.p50, onset.worst] == pytest.approx([50, 100])
    assert [endpoint.p50, endpoint.worst] == pytest.approx([30, 40])
    assert [decided.p50, decided.worst] == pytest.approx([20, 30])


def test_nothing_heard_has_no_lag() -> None:
    assert set(lags_of([match((), TURNS, OnTheClock(), SILENCE_MS)]).values()) == {None}
