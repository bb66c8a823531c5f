"""Which worker gets the next connection, and who has how many places."""

import pytest

from vivavoce.workers.ledger import Ledger


def ledger(*workers: int, places: int = 10) -> Ledger:
    made = Ledger(places)
    for worker in workers:
        made.join(worker)
    return made


def connect(books: Ledger, count: int) -> list[int]:
    """The workers that get so many connections."""
    given = []
    for _ in range(count):
        given.append(books.candidates()[0])
        books.connect(given[-1])
    return given


def test_connections_go_round() -> None:
    assert connect(ledger(1, 2, 3), 7) == [1, 2, 3, 1, 2, 3, 1]


def test_short_connections_go_round_too() -> None:
    books, given = ledger(1, 2), []
    for _ in range(4):
        given += connect(books, 1)
        books.disconnect(given[-1])
    assert given == [1, 2, 1, 2]


def test_the_worker_with_the_fewest_connections_is_filled_up() -> None:
    books = ledger(1, 2)
    connect(books, 6)
    for _ in range(3):
        books.disconnect(2)
    assert connect(books, 4) == [2, 2, 2, 1]


def test_who_does_not_take_one_now_is_followed_by_the_next() -> None:
    books = ledger(1, 2, 3)
    connect(books, 1)
    assert books.candidates() == [2, 3, 1]


def test_a_worker_that_closes_gets_no_more() -> None:
    books = ledger(1, 2)
    assert connect(books, 1) == [1]
    books.close(1)
    assert connect(books, 2) == [2, 2]
    books.disconnect(1)


def test_places_are_shared_by_all() -> None:
    books = ledger(1, 2, places=3)
    assert [books.take(worker) for worker in (1, 1, 2, 2)] == [True, True, True, False]
    books.free(1)
    assert books.taken == 2
    assert books.take(2)


def test_what_a_lost_worker_held_is_free_again() -> None:
    books = ledger(1, 2, places=3)
    assert all([books.take(1), books.take(1), books.take(2)])
    connect(books, 2)
    assert books.leave(1) == 2
    assert books.taken == 1
    assert books.candidates() == [2]
    books.join(1)
    assert books.candidates() == [1, 2]


def test_nobody_gives_back_what_it_does_not_have() -> None:
    books = ledger(1, 2, places=1)
    connect(books, 1)
    assert books.take(1)
    with pytest.raises(AssertionError, match="not taken"):
        books.free(2)
    with pytest.raises(AssertionError, match="not given"):
        books.disconnect(2)
    assert not books.take(2)
