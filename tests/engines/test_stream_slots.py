import pytest

from vivavoce.engines.vad.slots import StreamSlots


def test_numbers_count_up_from_zero() -> None:
    slots = StreamSlots()
    assert [slots.open() for _ in range(4)] == [0, 1, 2, 3]


def test_a_number_that_was_given_back_is_used_again() -> None:
    slots = StreamSlots()
    first, second = slots.open(), slots.open()
    slots.close(first)
    assert slots.open() == first
    assert slots.open() == second + 1


def test_a_number_cannot_be_given_back_twice() -> None:
    slots = StreamSlots()
    slots.open()
    slots.close(0)
    with pytest.raises(ValueError, match="no such open stream: 0"):
        slots.close(0)


def test_numbers_not_in_use_are_named() -> None:
    slots = StreamSlots()
    slots.open()
    slots.require([0])
    with pytest.raises(ValueError, match="no such open stream: 3, 5"):
        slots.require([5, 0, 3])
