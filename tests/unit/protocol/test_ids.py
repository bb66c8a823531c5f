import random
import re

import pytest

from vivavoce.protocol.ids import Ids


@pytest.mark.parametrize(
    ("prefix", "length"),
    [("event", 21), ("sess", 21), ("conv", 21), ("resp", 21), ("item", 21), ("call", 16)],
)
def test_ids_have_the_shape_of_the_live_service(prefix: str, length: int) -> None:
    made = Ids(random.Random(1).getrandbits).new(prefix)
    assert re.fullmatch(f"{prefix}_[0-9A-Za-z]{{{length}}}", made)


def test_ids_fit_where_clients_send_them_back() -> None:
    ids = Ids(random.Random(1).getrandbits)
    assert all(len(ids.new(prefix)) <= 32 for prefix in ("item", "call"))


def test_the_same_bits_give_the_same_ids() -> None:
    first, second = (Ids(random.Random(7).getrandbits) for _ in range(2))
    assert [first.new("item") for _ in range(5)] == [second.new("item") for _ in range(5)]


def test_ids_differ() -> None:
    ids = Ids(random.Random(1).getrandbits)
    assert len({ids.new("event") for _ in range(10_000)}) == 10_000
