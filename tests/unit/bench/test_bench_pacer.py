import asyncio
from collections import Counter
from typing import Any

import pytest

from vivavoce.bench import pacer
from vivavoce.bench.answering import ANSWER_S, Talk
from vivavoce.bench.connection import Connection
from vivavoce.bench.pacer import Caller, Pace, arrange, play, speak
from vivavoce.bench.track import GAP_MS, clip_track, silence
from vivavoce.speech import clip


class Wire:
    """Keeps the frames that a connection sends, as long as it is whole."""

    def __init__(self, *, whole: bool = True) -> None:
        self.sent: list[bytes] = []
        self.whole = whole

    async def send_frame(self, frame: bytes, _kind: Any) -> None:
        if not self.whole:
            raise ConnectionResetError
        self.sent.append(frame)


def connection(wire: Wire | None = None) -> Connection:
    socket: Any = wire or Wire()
    return Connection(socket, Counter())


def callers(count: int, chunk_ms: int = 20) -> list[Caller]:
    return [Caller(connection(), iter((b"a", b"b")), chunk_ms) for _ in range(count)]


def test_callers_begin_at_different_times_of_a_chunk_and_of_the_run() -> None:
    people = callers(100)
    phases = arrange(people, 50.0, 1.7)
    assert len(phases) == 10
    assert {len(phase) for phase in phases} == {10}
    assert min(caller.begin for caller in people) == 50.0
    assert 51.6 < max(caller.begin for caller in people) < 51.75
    assert len({round(caller.begin * 1000) % 20 for caller in people}) == 10


def test_callers_in_step_begin_within_one_chunk() -> None:
    people = callers(5, chunk_ms=100)
    phases = arrange(people, 50.0, 0.0)
    assert len(phases) == 5
    assert [caller.begin for caller in people] == pytest.approx([50.0, 50.02, 50.04, 50.06, 50.08])


async def test_a_caller_sends_frame_after_frame_from_its_first_step_on() -> None:
    wire = Wire()
    caller = Caller(connection(wire), iter((b"a", b"b")), 20)
    caller.first_step = 3
    pace = Pace()
    alive = [await speak(caller, step, 0.0, pace) for step in range(6)]
    assert alive == [True, True, True, True, True, False]
    assert wire.sent == [b"a", b"b"]
    assert (caller.sent, len(pace.late_ms)) == (2, 2)


async def test_a_caller_whose_connection_is_lost_sends_no_more() -> None:
    caller = Caller(connection(Wire(whole=False)), iter((b"a", b"b", b"c")), 20)
    assert await speak(caller, 0, 0.0, Pace())
    assert not await speak(caller, 1, 0.0, Pace())


class Unread(Wire):
    """A server reads from it after the loop has taken a turn, or at once but slowly."""

    def __init__(self, clock: "Clock", seconds: float, *, waits: bool) -> None:
        super().__init__()
        self.clock, self.seconds, self.waits = clock, seconds, waits

    async def send_frame(self, frame: bytes, kind: Any) -> None:
        if self.waits:
            await asyncio.sleep(0)
        self.clock.now += self.seconds
        await super().send_frame(frame, kind)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now

    process_time = perf_counter


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pacer, "time", clock)
    return clock


async def test_a_server_that_does_not_read_does_not_make_the_client_late(clock: Clock) -> None:
    pace, unread = Pace(), Unread(clock, 12.0, waits=True)
    await speak(Caller(connection(unread), iter((b"a",)), 20), 0, 100.0, pace)
    await speak(callers(1)[0], 0, 100.0, pace)
    assert (pace.late_ms, pace.blocked_s) == ([0.0, 0.0], 12.0)


async def test_what_the_client_is_later_than_the_server_made_it_is_its_own(clock: Clock) -> None:
    pace, unread = Pace(), Unread(clock, 12.0, waits=True)
    await speak(Caller(connection(unread), iter((b"a",)), 20), 0, 100.0, pace)
    clock.now += 0.05
    await speak(callers(1)[0], 0, 100.0, pace)
    assert pace.late_ms == pytest.approx([0.0, 50.0])


async def test_a_client_that_is_slow_to_send_is_late(clock: Clock) -> None:
    pace, slow = Pace(), Unread(clock, 0.05, waits=False)
    await speak(Caller(connection(slow), iter((b"a",)), 20), 0, 100.0, pace)
    await speak(callers(1)[0], 0, 100.0, pace)
    assert pace.late_ms == pytest.approx([0.0, 50.0])
    assert pace.blocked_s == 0


async def test_callers_who_have_caught_up_are_excused_no_more(clock: Clock) -> None:
    unread = Unread(clock, 0.001, waits=True)
    pace = await play([Caller(connection(unread), iter((b"a",) * 3), 20)], lambda _seconds: None)
    assert pace.blocked_s == pytest.approx(0.003)
    assert pace.excused_s == 0


def test_a_sample_is_sent_with_the_frame_that_holds_it() -> None:
    caller = Caller(connection(), iter(()), 20, begin=10.0)
    assert [caller.due(ms) for ms in (0, 19, 20)] == pytest.approx([10.0, 10.0, 10.02])
    assert [caller.due_until(ms) for ms in (20, 21, 40)] == pytest.approx([10.0, 10.02, 10.02])


def test_a_client_is_late_by_its_99th_percentile() -> None:
    assert not Pace([0.1] * 99 + [50.0], cpu_s=1.0, wall_s=2.0).figures().late
    assert Pace([0.1] * 98 + [50.0] * 2, cpu_s=1.0, wall_s=2.0).figures().late


def test_what_a_frame_costs_is_told() -> None:
    figures = Pace([0.1] * 100_000, cpu_s=2.0, wall_s=8.0, waited_s=1.0).figures()
    assert (figures.cpu_share, figures.cpu_us_per_frame, figures.frames) == (0.25, 20.0, 100_000)
    assert figures.core_wait_share == 0.125


def talk(seconds: float, *, room_noise: bool = True) -> Talk:
    return Talk(connection(), ("time", "sum"), 20, 500, room_noise, seconds, number=0)


def test_a_caller_who_gets_no_answer_waits_for_some_time() -> None:
    frames = list(talk(seconds=0.1).frames())
    spoken = clip_track("time", 20, room_noise=True).frames
    assert tuple(frames[: len(spoken)]) == spoken
    assert len(frames) - len(spoken) == 1000 * ANSWER_S / 20
    assert set(frames[len(spoken) :]) == set(silence(20, room_noise=True))


def test_a_caller_hears_an_answer_out_before_the_next_turn() -> None:
    conversation = talk(seconds=10)
    frames = conversation.frames()
    first = clip_track("time", 20, room_noise=True).frames
    for _ in range(len(first) + 200):
        next(frames)
    assert len(conversation.turns) == 1
    conversation.connection.done = 1
    assert next(frames) == clip_track("sum", 20, room_noise=True).frames[0]
    begin_ms = 20 * (len(first) + 200)
    assert conversation.turns[1].onset_ms == begin_ms + clip("sum").onset_ms


def test_a_caller_waits_even_for_a_quick_answer_until_the_turn_has_surely_ended() -> None:
    conversation = talk(seconds=0.1)
    assert waits(conversation, [1]) == [GAP_MS + 500]


def waits(conversation: Talk, answers: list[int]) -> list[int]:
    """How long a caller is silent behind each turn that gets so many answers, in milliseconds."""
    frames, waited = conversation.frames(), []
    for number, count in enumerate(answers):
        name = conversation.names[number % len(conversation.names)]
        for _ in clip_track(name, 20, room_noise=True).frames[number > 0 :]:
            next(frames)
        assert len(conversation.turns) == number + 1
        next(frames)
        conversation.connection.done += count
        silent_ms = 20
        while next(frames, None) is not None and len(conversation.turns) == number + 1:
            silent_ms += 20
        waited.append(silent_ms)
    return waited


def test_a_turn_without_an_answer_does_not_make_the_next_ones_wait() -> None:
    waited = waits(talk(seconds=60), [0, 1, 1])
    assert waited == [1000 * ANSWER_S, GAP_MS + 500, GAP_MS + 500]


def test_a_second_answer_to_a_turn_is_none_to_the_next() -> None:
    assert waits(talk(seconds=60), [2, 0, 1])[1] == 1000 * ANSWER_S
