"""When a worker that has ended is started again."""

from vivavoce.workers.restarts import CALM_S, LONGEST_S, Restarts


def test_one_that_was_well_is_started_again_at_once() -> None:
    restarts = Restarts()
    assert [restarts.delay_s(CALM_S) for _ in range(3)] == [0, 0, 0]


def test_one_that_cannot_live_is_tried_less_and_less_often() -> None:
    restarts = Restarts()
    assert [restarts.delay_s(1) for _ in range(5)] == [0, 1, 2, 4, 8]
    assert [restarts.delay_s(1) for _ in range(100)][-1] == LONGEST_S


def test_a_calm_life_makes_good() -> None:
    restarts = Restarts()
    for _ in range(5):
        restarts.delay_s(1)
    assert restarts.delay_s(CALM_S) == 0
