"""Windows of many sessions, scored together and given back in order."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Sequence

import numpy as np
import numpy.typing as npt
import pytest

from vivavoce.engines.base import EngineError
from vivavoce.engines.vad.scripted import ScriptedDetector
from vivavoce.runtime.batching import FEW, MAX_ROUNDS, WINDOW_BYTES, ListeningStream, SpeechScorer

WINDOW = bytes(WINDOW_BYTES)


class BatchDetector(ScriptedDetector):
    """Knows how many windows came at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def score(self, streams: Sequence[int], windows: npt.NDArray[np.int16]) -> list[float]:
        self.batches.append(len(streams))
        return super().score(streams, windows)


@contextlib.asynccontextmanager
async def scoring(detector: BatchDetector) -> AsyncIterator[SpeechScorer]:
    scorer = SpeechScorer(detector)
    try:
        yield scorer
    finally:
        await scorer.close()


def ignore(position: int, probability: float) -> None: ...


def unexpected(error: EngineError) -> None:
    raise AssertionError(error)


async def test_what_a_score_causes_waits_until_all_scores_are_delivered() -> None:
    detector = BatchDetector()
    late: list[int] = []

    def on_first(position: int, probability: float) -> None:
        if not late:
            second.push(WINDOW)

    def on_second(position: int, probability: float) -> None:
        late.append(position)

    async with scoring(detector) as scorer:
        blocker = scorer.open(0, ignore, unexpected)
        first = scorer.open(0, on_first, unexpected)
        second = scorer.open(0, on_second, unexpected)
        # While the blocker's window is scored, the others form one batch.
        for stream in (blocker, first, second):
            stream.push(WINDOW)
        await second.settled()
        assert late == [768, 1536]
        for stream in (blocker, first, second):
            stream.close()
    assert detector.batches == [1, 2, 1]


async def test_a_stream_that_is_closed_twice_counts_once() -> None:
    detector = BatchDetector()
    async with scoring(detector) as scorer:
        streams: list[ListeningStream] = [
            scorer.open(0, ignore, unexpected) for _ in range(FEW + 2)
        ]
        gone = streams.pop()
        gone.close()
        gone.close()
        for stream in streams:
            stream.push(WINDOW)
        async with asyncio.TaskGroup() as tasks:
            for stream in streams:
                tasks.create_task(stream.settled())
        for stream in streams:
            stream.close()
    assert detector.batches == [FEW + 1], "more than a few wait for each other"


class GatedDetector(BatchDetector):
    """Scores a batch when it is let through."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Semaphore(0)

    def score(self, streams: Sequence[int], windows: npt.NDArray[np.int16]) -> list[float]:
        assert self.gate.acquire(timeout=30)
        return super().score(streams, windows)


class Bench:
    """A scorer whose detector and whose time go on only when they are told to."""

    def __init__(self, detector: GatedDetector, scorer: SpeechScorer) -> None:
        self.now = 1000.0
        self.scorer = scorer
        self._detector = detector
        self._scores = asyncio.Semaphore(0)

    def open(self) -> ListeningStream:
        return self.scorer.open(0, lambda *_: self._scores.release(), unexpected)

    def pass_ms(self, ms: float) -> float:
        """Time passes; gives the backlog by then, in milliseconds."""
        self.now += ms / 1000
        return round(1000 * self.scorer.backlog_s(), 6)

    async def score(self, calls: int, windows: int) -> None:
        """The detector is called so many times, for so many windows in all."""
        for _ in range(calls):
            self._detector.gate.release()
        for _ in range(windows):
            await self._scores.acquire()


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    detector = GatedDetector()
    async with scoring(detector) as scorer:
        made = Bench(detector, scorer)
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: made.now)
        yield made
        detector.gate.release(1000)


async def test_the_backlog_is_how_long_the_oldest_window_has_waited(bench: Bench) -> None:
    caller = bench.open()
    assert bench.pass_ms(500) == 0
    caller.push(WINDOW[:-2])
    assert bench.pass_ms(500) == 0, "no window is whole"
    caller.push(bytes(2))
    assert bench.pass_ms(40) == 40
    await bench.score(calls=1, windows=1)
    assert bench.pass_ms(500) == 0


async def test_callers_that_are_scored_slower_than_life_fall_behind(bench: Bench) -> None:
    """However many batches come: 40 ms for each window of 32 ms."""
    caller = bench.open()
    caller.push(WINDOW)
    for behind in range(8, 8 * 50, 8):
        caller.push(WINDOW)
        assert bench.pass_ms(40) == 32 + behind
        await bench.score(calls=1, windows=1)


async def test_a_caller_ahead_of_time_waits_only_since_the_last_batch(bench: Bench) -> None:
    caller = bench.open()
    caller.push(10 * MAX_ROUNDS * WINDOW)
    for _ in range(9):
        assert bench.pass_ms(10) == 10
        await bench.score(calls=MAX_ROUNDS, windows=MAX_ROUNDS)
    assert bench.pass_ms(300) == 300, "no batch comes any more"


@pytest.mark.parametrize(("callers", "expected"), [(1, 100), (2, 100), (3, 200), (4, 200)])
async def test_the_backlog_is_the_lower_median_of_those_that_wait(
    bench: Bench, callers: int, expected: int
) -> None:
    """The first has waited the longest."""
    for _ in range(callers):
        bench.open().push(WINDOW)
        bench.pass_ms(100)
    for _ in range(9):
        bench.open()
    assert bench.pass_ms(0) == expected, "nobody waits for those that are silent"


async def test_a_window_that_cannot_be_scored_waits_no_more() -> None:
    class Broken(BatchDetector):
        def score(self, streams: Sequence[int], windows: npt.NDArray[np.int16]) -> list[float]:
            raise RuntimeError("it had a bad day")

    told = asyncio.Event()
    async with scoring(Broken()) as scorer:
        with contextlib.closing(scorer.open(0, ignore, lambda _: told.set())) as stream:
            stream.push(WINDOW)
            await told.wait()
            assert scorer.backlog_s() == 0


async def test_batches_and_failures_are_told() -> None:
    batches: list[int] = []
    failures: list[str] = []

    class FailsOnce(BatchDetector):
        def score(self, streams: Sequence[int], windows: npt.NDArray[np.int16]) -> list[float]:
            if not failures:
                raise RuntimeError("it had a bad day")
            return super().score(streams, windows)

    scorer = SpeechScorer(
        FailsOnce(),
        on_batch=lambda windows, seconds: batches.append(windows),
        on_failure=failures.append,
    )
    told = asyncio.Event()
    with contextlib.closing(scorer.open(0, ignore, lambda _: told.set())) as stream:
        stream.push(WINDOW)
        await told.wait()
        stream.push(WINDOW)
        await stream.settled()
    await scorer.close()
    assert (batches, failures) == ([1], ["engine_error"])
