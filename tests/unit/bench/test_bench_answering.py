from collections import Counter
from typing import Any

import pytest

from vivavoce.bench.answering import follow, waterfall
from vivavoce.bench.connection import (
    COMMITTED,
    FIRST_AUDIO,
    RESPONSE_CREATED,
    RESPONSE_DONE,
    SPEECH_STARTED,
    SPEECH_STOPPED,
    TRANSCRIBED,
    Connection,
    Moment,
)
from vivavoce.bench.listening import transcript_waits
from vivavoce.bench.matching import Matched, match
from vivavoce.bench.pacer import Caller
from vivavoce.bench.processes import UnwatchedError
from vivavoce.bench.sessions import IDLE_S, hold, idle_cost_ms
from vivavoce.bench.stand import Stand
from vivavoce.bench.track import Turn
from vivavoce.bench.utterance import Span, cost_ms, taken_for_one

TURNS = (Turn(300, 1000), Turn(5300, 6000))


def events_of_a_turn(number: int, at: float) -> list[Moment]:
    """What follows from a turn that ends at this second, 500 ms of silence behind its speech."""
    item, response = f"item_{number}", f"resp_{number}"
    return [
        Moment(SPEECH_STARTED, at - 1.1, 1000 * at - 1200, item),
        Moment(SPEECH_STOPPED, at + 0.02, 1000 * at, item),
        Moment(COMMITTED, at + 0.02, item_id=item),
        Moment(RESPONSE_CREATED, at + 0.03, response_id=response),
        Moment(TRANSCRIBED, at + 0.07, item_id=item),
        Moment(FIRST_AUDIO, at + 0.10, response_id=response),
        Moment(RESPONSE_DONE, at + 0.90, response_id=response),
    ]


BOTH = events_of_a_turn(1, 1.5) + events_of_a_turn(2, 6.5)


def caller(moments: list[Moment]) -> Caller:
    socket: Any = None
    return Caller(Connection(socket, Counter(), moments), iter(()), 20)


def matched(moments: list[Moment]) -> Matched:
    return match(moments, TURNS, caller(moments), 500)


def test_what_follows_from_a_turn_is_found_by_item_and_response() -> None:
    first, second = follow(BOTH, matched(BOTH))
    assert first.events[FIRST_AUDIO].response_id == "resp_1"
    assert second.events[FIRST_AUDIO].response_id == "resp_2"
    assert len(first.events) == len(second.events) == 6


def test_an_answer_to_the_next_turn_is_not_one_to_this() -> None:
    silent = [one for one in BOTH if one.response_id != "resp_1"]
    first, second = follow(silent, matched(silent))
    assert set(first.events) == {SPEECH_STOPPED, COMMITTED, TRANSCRIBED}
    assert second.events[FIRST_AUDIO].response_id == "resp_2"


def test_a_turn_that_the_server_did_not_end_has_no_answer() -> None:
    deaf = [one for one in BOTH if one.item_id != "item_1"]
    assert [one.events[FIRST_AUDIO].response_id for one in follow(deaf, matched(deaf))] == [
        "resp_2"
    ]


def test_the_waterfall_is_counted_from_the_last_voiced_sample() -> None:
    stages = waterfall(list(follow(BOTH, matched(BOTH))))
    # The frame of the last voiced sample is due 20 ms before the sample's end.
    assert [stage.event for stage in stages] == [
        SPEECH_STOPPED,
        COMMITTED,
        TRANSCRIBED,
        RESPONSE_CREATED,
        FIRST_AUDIO,
        RESPONSE_DONE,
    ]
    medians = [stage.after_ms.p50 for stage in stages]
    assert medians == pytest.approx([540, 540, 590, 550, 620, 1420])


def test_a_transcript_is_counted_without_its_engine() -> None:
    waits_ms = transcript_waits([caller(BOTH)], [matched(BOTH)], stt_ms=40)
    assert waits_ms == pytest.approx([10, 10])


def test_cpu_is_counted_for_each_second_of_each_caller() -> None:
    assert cost_ms(Span(cpu_s=0.24, wall_s=3.0), callers=8) == 10.0
    assert cost_ms(None, callers=8) is None


@pytest.mark.parametrize(
    ("moments", "whole"),
    [
        ([Moment(SPEECH_STARTED, 0.1), Moment(SPEECH_STOPPED, 13.1)], True),
        ([Moment(SPEECH_STARTED, 0.1), Moment(SPEECH_STOPPED, 7.0)], False),
        ([Moment(SPEECH_STARTED, 0.1), Moment(SPEECH_STOPPED, 6.0)] * 2, False),
        ([Moment(SPEECH_STARTED, 0.1)], False),
        ([], False),
    ],
)
def test_an_utterance_is_whole_if_it_ended_once_and_at_its_end(
    moments: list[Moment], whole: bool
) -> None:
    assert taken_for_one(caller(moments)) is whole


async def test_sessions_of_a_server_that_nobody_watches_are_not_measured() -> None:
    stand = Stand(url="ws://voice.example/v1", server=UnwatchedError("far away"))
    found = await hold(stand, 8)
    assert found.idle_kib_per_session is None
    assert set(found.not_measured.values()) == {"far away"}


def test_idle_sessions_cost_what_the_server_does_not_cost_alone() -> None:
    assert idle_cost_ms(0.2 * IDLE_S, 0.6 * IDLE_S, 8) == 50
    assert idle_cost_ms(0.2 * IDLE_S, 0.1 * IDLE_S, 8) == 0
