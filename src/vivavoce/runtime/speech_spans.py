"""Where somebody speaks in a whole recording, by a voice activity detector.

For recordings that are uploaded: their transcripts need times, and long ones are recognised in
parts. A conversation finds its turns elsewhere, in `session.turn_detection`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vivavoce.audio.units import BYTES_PER_MS, BYTES_PER_SAMPLE, SAMPLES_PER_MS
from vivavoce.engines.base import EngineError
from vivavoce.runtime.batching import WINDOW_BYTES, SpeechScorer

WINDOW_MS = WINDOW_BYTES // BYTES_PER_MS

SPEECH, NO_SPEECH = 0.5, 0.35
"""Probabilities: speech begins with the one, and is over below the other, as Silero's authors set
them."""

PAUSE_WINDOWS = 500 // WINDOW_MS
"""A shorter pause does not part two spans."""

PADDING_WINDOWS = 200 // WINDOW_MS + 1
"""Added on both sides, for soft sounds."""

LONGEST_WINDOWS = 28_000 // WINDOW_MS
"""With its padding a span fits into the 30 s that Whisper hears at once."""

_PUSHED = 30_000 * BYTES_PER_MS


@dataclass(frozen=True, slots=True)
class Span:
    """From one sample of a recording to another, at 24 kHz."""

    start: int
    end: int

    @property
    def start_s(self) -> float:
        """Seconds."""
        return self.start / SAMPLES_PER_MS / 1000

    @property
    def end_s(self) -> float:
        """Seconds."""
        return self.end / SAMPLES_PER_MS / 1000

    def of(self, pcm: bytes) -> bytes:
        """The span's samples."""
        return pcm[self.start * BYTES_PER_SAMPLE : self.end * BYTES_PER_SAMPLE]


async def speech_spans(pcm: bytes, scorer: SpeechScorer) -> list[Span]:
    """The spans of speech in mono int16 PCM at 24 kHz, in order. Raises `EngineError`."""
    scores = await scored(pcm, scorer)
    samples = len(pcm) // BYTES_PER_SAMPLE
    per_window = WINDOW_BYTES // BYTES_PER_SAMPLE
    return [
        Span(first * per_window, min(behind * per_window, samples))
        for first, behind in spans_of(scores)
    ]


async def scored(pcm: bytes, scorer: SpeechScorer) -> list[float]:
    """The probability of speech of every window; the last one is filled up with silence."""
    scores: list[float] = []
    failures: list[EngineError] = []

    def on_failure(error: EngineError) -> None:
        failures.append(error)
        stream.close()

    stream = scorer.open(0, lambda _, score: scores.append(score), on_failure)
    try:
        for start in range(0, len(pcm), _PUSHED):
            if stream.closed:
                break
            stream.push(pcm[start : start + _PUSHED])
            await stream.caught_up()
        if not stream.closed:
            stream.push(bytes(-len(pcm) % WINDOW_BYTES))
            await stream.settled()
    finally:
        stream.close()
    if failures:
        raise failures[0]
    return scores


def spans_of(scores: Sequence[float]) -> Iterator[tuple[int, int]]:
    """The first window of each span, and the one behind its last; they do not overlap."""
    parts = list(_parts(scores))
    behind_last = 0
    for number, (start, end) in enumerate(parts):
        limit = parts[number + 1][0] if number + 1 < len(parts) else len(scores)
        first = max(start - PADDING_WINDOWS, behind_last)
        behind_last = min(end + PADDING_WINDOWS, limit)
        yield first, behind_last


def _parts(scores: Sequence[float]) -> Iterator[tuple[int, int]]:
    """Stretches of speech without padding; what is too long is cut where it is most like silence,
    in the later half of what fits."""
    for start, end in _stretches(scores):
        while end - start > LONGEST_WINDOWS:
            candidates = range(start + LONGEST_WINDOWS // 2, start + LONGEST_WINDOWS)
            cut = min(candidates, key=lambda window: scores[window])
            yield start, cut
            start = cut
        yield start, end


def _stretches(scores: Sequence[float]) -> Iterator[tuple[int, int]]:
    start: int | None = None
    spoken = 0
    for window, score in enumerate(scores):
        if score >= SPEECH or (start is not None and score >= NO_SPEECH):
            start = window if start is None else start
            spoken = window + 1
        elif start is not None and window - spoken >= PAUSE_WINDOWS:
            yield start, spoken
            start = None
    if start is not None:
        yield start, spoken
