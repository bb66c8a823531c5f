import random
import re

import pytest

from vivavoce.protocol.ids import Ids, worker_of


@pytest.mark.parametrize(
    ("prefix", "length"),
    [
        ("event", 21),
        ("sess", 21),
        ("conv", 21),
        ("resp", 21),
        ("item", 21),
        ("call", 16),
        ("rtc", 21),
    ],
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


@pytest.mark.parametrize("prefix", ["sess", "rtc"])
@pytest.mark.parametrize("worker", [1, 64])
def test_a_session_and_a_call_name_their_worker(prefix: str, worker: int) -> None:
    one = Ids(random.Random(1).getrandbits, worker).new(prefix)
    assert re.fullmatch(f"{prefix}_u{worker}_[0-9A-Za-z]+", one)
    assert len(one) == len(f"{prefix}_") + 21
    assert worker_of(one) == worker


@pytest.mark.parametrize("prefix", ["event", "conv", "resp", "item", "call"])
def test_other_ids_are_the_same_with_many_workers(prefix: str) -> None:
    alone, third = (Ids(random.Random(1).getrandbits, worker) for worker in (None, 3))
    assert alone.new(prefix) == third.new(prefix)


@pytest.mark.parametrize(
    "one",
    [
        "sess_E6U0u6ZFxXUxYesuS1vaT",
        "rtc_u2E6U0u6ZFxXUxYesuS1v",
        "item_u2_E6U0u6ZFxXUxYesuS",
        "rtc_u0_E6U0u6",
        "rtc_u2_",
        "rtc_u2_../x",
        "rtc_u99999_E6U0u6",
        "",
    ],
)
def test_what_names_no_worker_is_not_taken_to(one: str) -> None:
    assert worker_of(one) is None
