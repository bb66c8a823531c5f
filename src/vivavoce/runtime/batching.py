"""Scoring the windows of all sessions together (design: Batching over sessions).

Up to `FEW` live streams a window is scored when it is there. Above that windows wait for the
next tick of a shared grid of 8 ms, and whatever waits then goes to one worker thread in one hop,
is scored in one call a round, and comes back in one callback. Scoring whenever the worker is free
would form batches of about one until the core is full.

All of a detector's methods are called on its one worker thread, since it is not thread-safe. One
that does not come back from a batch is given up: all streams are told, and so is the owner.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable

import numpy as np

from vivavoce.audio.units import BYTES_PER_MS, BYTES_PER_SAMPLE, INNER_RATE, VAD_WINDOW
from vivavoce.engines.base import EngineError, VoiceActivityDetector
from vivavoce.runtime.loading import load_failed
from vivavoce.runtime.worker_thread import WorkerThread

logger = logging.getLogger(__name__)

FEW = 4
GRID_S = 0.008
WINDOW_BYTES = VAD_WINDOW * BYTES_PER_SAMPLE
WINDOW_S = VAD_WINDOW / INNER_RATE
MAX_ROUNDS = 32
"""Windows of one stream that may be scored in one hop, ..."""
MAX_WINDOWS = 64
"""... if few streams wait: so that somebody's huge append does not hold up the others."""

MAX_BACKLOG_BYTES = 30_000 * BYTES_PER_MS
"""30 s of audio: with more than this waiting, a session's socket is not read."""

OnScore = Callable[[int, float], None]
"""Called with the position of the window's end and the probability."""
OnFailure = Callable[[EngineError], None]


class ListeningStream:
    """One session's audio on its way to the detector."""

    def __init__(
        self, scorer: "SpeechScorer", position: int, on_score: OnScore, on_failure: OnFailure
    ) -> None:
        self.position = position
        """Samples: where the next window to be scored begins."""
        self.on_score = on_score
        self.on_failure = on_failure
        self.number: int | None = None
        """The detector's name for it, once the worker has opened it."""
        self.closed = False
        self.waiting = bytearray()
        self.scoring = False
        """Whether the worker has windows of this stream."""
        self.waits_since = 0.0
        """By the loop's clock: since when its oldest window waits, while one does. Those behind it
        are taken to have come in real time, at the latest when that one was scored."""
        self._scorer = scorer
        self._progress: asyncio.Future[None] | None = None

    def push(self, pcm: bytes) -> None:
        """More audio, right behind what was pushed before."""
        self.waiting += pcm
        if len(self.waiting) >= WINDOW_BYTES:
            self._scorer.ready(self)

    def close(self) -> None:
        """No more; windows that are being scored are forgotten."""
        if self.closed:
            return
        self.closed = True
        self.waiting.clear()
        self.made_progress()
        self._scorer.forget(self)

    @property
    def is_behind(self) -> bool:
        """Whether so much is waiting that no more should be read."""
        return len(self.waiting) > MAX_BACKLOG_BYTES

    @property
    def is_settled(self) -> bool:
        """Whether every whole window was scored."""
        return self.closed or not (self.scoring or len(self.waiting) >= WINDOW_BYTES)

    async def caught_up(self) -> None:
        """Returns when the stream is not behind any more."""
        while self.is_behind:
            await self._next_progress()

    async def settled(self) -> None:
        """Returns when all that was pushed is scored."""
        while not self.is_settled:
            await self._next_progress()

    def made_progress(self) -> None:
        """Scores were delivered, or never will be."""
        waiting, self._progress = self._progress, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    async def _next_progress(self) -> None:
        """One reader waits at a time: the one of the stream's connection."""
        self._progress = asyncio.get_running_loop().create_future()
        await self._progress

    def take(self, rounds: int) -> list[bytes]:
        """At most `rounds` whole windows, taken from what waits."""
        last = min(len(self.waiting) // WINDOW_BYTES, rounds) * WINDOW_BYTES
        starts = range(0, last, WINDOW_BYTES)
        taken = [bytes(self.waiting[start : start + WINDOW_BYTES]) for start in starts]
        del self.waiting[:last]
        self.scoring = True
        return taken


Batch = list[tuple[ListeningStream, list[bytes]]]
Scores = list[list[float]]


class SpeechScorer:
    """The one that all sessions share that listen with a detector."""

    def __init__(
        self,
        detector: VoiceActivityDetector,
        *,
        limit_s: float = 10.0,
        on_hung: Callable[[], bool] = lambda: False,
        on_batch: Callable[[int, float], None] = lambda *_: None,
        on_failure: Callable[[str], None] = lambda _: None,
    ) -> None:
        """A batch may take `limit_s` seconds. Once one has taken longer `on_hung` is called, which
        says whether another detector takes the place of this one.

        `on_batch` is told how many windows a batch had and how many seconds it took, and
        `on_failure` the code of the error of one that failed.
        """
        self._detector = detector
        self._limit_s = limit_s
        self._on_hung = on_hung
        self._on_batch = on_batch
        self._on_failure = on_failure
        self._worker = WorkerThread("vad")
        self._ready: dict[ListeningStream, None] = {}
        self._live: dict[ListeningStream, None] = {}
        self._at_work = False
        self._began = 0.0
        """When the batch at work was given to the worker, by the loop's clock."""
        self._given_up: EngineError | None = None
        """What those are told who listen, once the worker does not come back."""
        self._loading = False
        self._tick: asyncio.TimerHandle | None = None
        self._look: asyncio.TimerHandle | None = None
        """Set for when the batch that was at work then would have taken too long."""

    def open(self, start: int, on_score: OnScore, on_failure: OnFailure) -> ListeningStream:
        """A stream whose first sample is at position `start`. If the detector was given up and not
        replaced, it soon hears of that."""
        stream = ListeningStream(self, start, on_score, on_failure)
        self._live[stream] = None
        if self._given_up is not None:  # who opens it cannot be told before it has it
            asyncio.get_running_loop().call_soon(self._tell, stream, self._given_up)
        return stream

    def ready(self, stream: ListeningStream) -> None:
        """A stream has a window that waits."""
        if not stream.scoring and stream not in self._ready:
            stream.waits_since = asyncio.get_running_loop().time()
        self._ready[stream] = None
        if self._at_work or self._tick is not None or self._given_up or self._loading:
            return
        if len(self._live) <= FEW:
            self._start()
        else:
            self._wait_for_tick()

    def wait_for(self, load: asyncio.Future[None]) -> None:
        """Score nothing before the detector is loaded. If it cannot be, who listens is told."""
        self._loading = True
        load.add_done_callback(self._loaded)

    def _loaded(self, load: asyncio.Future[None]) -> None:
        self._loading = False
        failure = load.exception()
        if failure is None:
            self._start()
        else:
            logger.error("voice activity detection cannot be loaded", exc_info=failure)
            self._tell_all(load_failed())

    def backlog_s(self) -> float:
        """How long the oldest window has waited for its score, in seconds: the lower median of the
        streams that have one, so that neither those that are silent nor one that stalls count.

        A stream that is sent faster than life waits only since its last batch.
        """
        now = asyncio.get_running_loop().time()
        waits = sorted(now - stream.waits_since for stream in self._live if not stream.is_settled)
        return waits[(len(waits) - 1) // 2] if waits else 0.0

    def forget(self, stream: ListeningStream) -> None:
        """A stream was closed; the worker frees its state, behind what it is scoring now."""
        self._live.pop(stream, None)
        self._ready.pop(stream, None)
        if self._given_up is None:
            self._worker.submit(lambda: self._free(stream))

    async def close(self) -> None:
        """End the worker, once what it has begun is done; one that hangs is left to itself."""
        for timer in (self._tick, self._look):
            if timer is not None:
                timer.cancel()
        await self._worker.close(0.0 if self._given_up else self._limit_s)

    def _wait_for_tick(self) -> None:
        loop = asyncio.get_running_loop()
        next_tick = (loop.time() // GRID_S + 1) * GRID_S
        self._tick = loop.call_at(next_tick, self._start)

    def _start(self) -> None:
        self._tick = None
        if not self._ready:
            return
        rounds = max(1, min(MAX_ROUNDS, MAX_WINDOWS // len(self._ready)))
        batch = [(stream, stream.take(rounds)) for stream in self._ready]
        self._ready.clear()
        self._at_work = True
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        if self._look is None:
            self._look = loop.call_at(self._began + self._limit_s, self._look_after)
        self._worker.submit(lambda: self._work_off(batch, loop))

    def _look_after(self) -> None:
        """One timer for many batches: it goes on from the batch that it finds at work."""
        self._look = None
        if not self._at_work:
            return
        loop = asyncio.get_running_loop()
        if loop.time() < self._began + self._limit_s:
            self._look = loop.call_at(self._began + self._limit_s, self._look_after)
        else:
            self._give_up()

    def _give_up(self) -> None:
        """The worker does not come back: who listens with it hears so, and nobody else."""
        next_one = "It is being replaced." if self._on_hung() else "It is not replaced any more."
        text = f"voice activity detection gave nothing for {self._limit_s:g} s. {next_one}"
        self._given_up = EngineError(text, code="engine_timeout")
        self._on_failure(self._given_up.code)
        self._tell_all(self._given_up)

    def _tell_all(self, error: EngineError) -> None:
        for stream in tuple(self._live):
            self._tell(stream, error)

    def _tell(self, stream: ListeningStream, error: EngineError) -> None:
        if not stream.closed:
            stream.on_failure(error)

    def _free(self, stream: ListeningStream) -> None:
        """On the worker: the stream is in no batch any more."""
        if stream.number is None:
            return
        number, stream.number = stream.number, None
        try:
            self._detector.close_stream(number)
        except Exception:  # the worker goes on for the others, whatever an engine raises
            logger.exception("a voice activity detector failed to close a stream")

    def _work_off(self, batch: Batch, loop: asyncio.AbstractEventLoop) -> None:
        """On the worker: score, and bring the scores back to the loop, unless that has ended."""
        outcome: Scores | Exception
        try:
            outcome = self._score(batch)
        except Exception as error:  # noqa: BLE001 - whoever listens is told
            outcome = error
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._scored, batch, outcome)

    def _score(self, batch: Batch) -> Scores:
        """On the worker: one call of the detector for each round of windows."""
        for stream, _ in batch:
            if stream.number is None:
                stream.number = self._detector.open_stream()
        scores: Scores = [[] for _ in batch]
        for turn in range(max(len(windows) for _, windows in batch)):
            rows = [row for row, (_, windows) in enumerate(batch) if turn < len(windows)]
            numbers = [n for row in rows if (n := batch[row][0].number) is not None]
            pcm = b"".join([batch[row][1][turn] for row in rows])
            windows = np.frombuffer(pcm, "<i2").reshape(len(rows), VAD_WINDOW)
            for row, score in zip(rows, self._detector.score(numbers, windows), strict=True):
                scores[row].append(score)
        return scores

    def _scored(self, batch: Batch, outcome: Scores | Exception) -> None:
        """Back on the loop: everybody gets their scores, and what came meanwhile goes next."""
        if self._given_up is not None:
            return
        if isinstance(outcome, Exception):
            self._fail(batch, outcome)
        else:
            now = asyncio.get_running_loop().time()
            self._on_batch(sum(len(windows) for _, windows in batch), now - self._began)
            for (stream, _), scores in zip(batch, outcome, strict=True):
                stream.waits_since = min(stream.waits_since + len(scores) * WINDOW_S, now)
                deliver(stream, scores)
        for stream, _ in batch:
            if not stream.closed and len(stream.waiting) >= WINDOW_BYTES:
                self._ready[stream] = None
        self._at_work = False
        if self._ready:
            self._start() if len(self._live) <= FEW else self._wait_for_tick()

    def _fail(self, batch: Batch, error: Exception) -> None:
        failure = EngineError(f"voice activity detection failed: {error}")
        self._on_failure(failure.code)
        for stream, _ in batch:
            stream.scoring = False
            self._tell(stream, failure)


def deliver(stream: ListeningStream, scores: list[float]) -> None:
    """Hand a stream its scores in order; it may be closed by what one of them causes."""
    stream.scoring = False
    for score in scores:
        stream.position += VAD_WINDOW
        if stream.closed:
            return
        stream.on_score(stream.position, score)
    stream.made_progress()
