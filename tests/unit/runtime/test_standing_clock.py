from vivavoce.runtime.clock import StandingClock


def test_it_moves_to_the_deadlines_of_timers_and_never_back() -> None:
    clock = StandingClock()
    begun = clock.now()
    assert clock.now() == begun
    clock.reached(begun + 5)
    clock.reached(begun + 3)
    assert clock.now() == begun + 5


def test_each_session_has_its_own() -> None:
    clock = StandingClock(unix_time=1_000)
    session = clock.of_session()
    session.reached(session.now() + 5)
    assert session.now() > clock.now() + 4
    assert session.unix() == clock.unix() == 1_000
