from typing import Any

import msgspec
import pytest

from vivavoce.mock.faults import Fault, FaultPlan


def fault(**written: Any) -> Fault:
    return msgspec.convert(written, Fault)


def plan(*faults: Fault, connection: int = 1) -> FaultPlan:
    return FaultPlan(faults, connection)


def test_the_nth_event_of_a_type_is_counted_among_its_own() -> None:
    second = fault(received="response.create", nth=2, drop=True)
    planned = plan(second)
    kinds = ["response.create", "session.update", "response.create", "response.create"]
    assert [planned.received(kind) for kind in kinds] == [[], [], [second], []]


def test_without_a_number_each_event_is_meant() -> None:
    each = fault(sent="response.done", delay_ms=5)
    planned = plan(each)
    assert [planned.sent("response.done"), planned.sent("response.done")] == [[each], [each]]


def test_any_counts_events_of_all_types() -> None:
    third = fault(received="any", nth=3, drop=True)
    planned = plan(third)
    assert [planned.received(kind) for kind in "abcd"] == [[], [], [third], []]


def test_directions_are_counted_apart() -> None:
    planned = plan(fault(sent="any", nth=1, drop=True))
    assert planned.received("response.create") == []


def test_a_fault_of_one_connection_leaves_the_others_alone() -> None:
    refused = fault(connection=2, refuse={"status": 429})
    assert plan(refused).refused is None
    assert plan(refused, connection=2).refused == refused.refuse


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ({}, "nothing happens"),
        ({"received": "any", "sent": "any", "drop": True}, "only one of"),
        ({"nth": 2, "drop": True}, "`nth` counts events"),
        ({"after_ms": 5, "delay_ms": 5}, "`delay_ms` delays events"),
        ({"received": "any", "refuse": {}}, "before any event"),
        ({"refuse": {}, "drop": True}, "cannot be closed"),
        ({"close": {}, "drop": True}, "not both"),
        ({"close": {"code": 1006}}, "use `drop` for 1006"),
        ({"close": {"code": 999}}, ">= 1000"),
        ({"refuse": {"status": 200}}, ">= 400"),
        ({"error": {}}, "missing required field `message`"),
        ({"dorp": True}, "unknown field `dorp`"),
    ],
)
def test_what_makes_no_sense_is_refused(written: dict[str, Any], problem: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=problem):
        fault(**written)
