"""The links between items, against a plain list."""

from hypothesis import given
from hypothesis import strategies as st

from vivavoce.session.item_order import ItemOrder

steps = st.lists(st.tuples(st.booleans(), st.integers(0, 2**16)), max_size=60)


@given(steps=steps)
def test_it_is_a_list_in_which_nothing_is_searched_for(steps: list[tuple[bool, int]]) -> None:
    order, expected = ItemOrder(), list[str]()
    for number, (removes, choice) in enumerate(steps):
        place = choice % (len(expected) + 1)
        if removes and place < len(expected):
            order.remove(expected.pop(place))
        else:
            order.insert(str(number), expected[place - 1] if place else None)
            expected.insert(place, str(number))
        assert list(order) == expected
        assert order.last == (expected[-1] if expected else None)
        previous = [order.previous_of(item_id) for item_id in expected]
        assert previous == [None, *expected][: len(expected)]
