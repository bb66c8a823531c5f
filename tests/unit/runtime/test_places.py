"""The places for sessions of one process."""

from vivavoce.runtime.places import OwnPlaces


async def test_there_are_as_many_places_as_were_set() -> None:
    places = OwnPlaces(2)
    assert [await places.take() for _ in range(3)] == [True, True, False]
    assert await places.taken() == 2


async def test_a_place_that_was_freed_can_be_taken_again() -> None:
    places = OwnPlaces(1)
    assert await places.take()
    places.free()
    assert await places.taken() == 0
    assert await places.take()
