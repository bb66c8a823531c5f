"""Windows of many sessions, scored together and given back in order."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import numpy as np
import numpy.typing as npt

from vivavoce.engines.base import EngineError
from vivavoce.engines.vad.scripted import ScriptedDetector
from vivavoce.runtime.batching import FEW, WINDOW_BYTES, ListeningStream, SpeechScorer

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


async def test_sound_that_a_typical_caller_waits_for_is_the_backlog() -> None:
    detector = BatchDetector()
    async with scoring(detector) as scorer:
        assert scorer.backlog_s() == 0
        streams = [scorer.open(0, ignore, unexpected) for _ in range(3)]
        streams[0].push(100 * WINDOW)
        assert scorer.backlog_s() == 0, "one who is ahead of time is no load"
        streams[1].push(3 * WINDOW)
        streams[2].push(3 * WINDOW)
        assert scorer.backlog_s() == 2 * 0.032
        for stream in streams:
            await stream.settled()
        assert scorer.backlog_s() == 0
        for stream in streams:
            stream.close()


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
