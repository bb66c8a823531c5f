"""Where somebody speaks in a recording."""

import pytest

from support.sound import silence, tone
from support.telltale_engines import CountingDetector, FailingDetector
from vivavoce.engines.base import EngineError
from vivavoce.runtime.batching import SpeechScorer
from vivavoce.runtime.speech_spans import (
    LONGEST_WINDOWS,
    PADDING_WINDOWS,
    PAUSE_WINDOWS,
    Span,
    scored,
    spans_of,
    speech_spans,
)

PAD = PADDING_WINDOWS


def spans(*stretches: tuple[int, float]) -> list[tuple[int, int]]:
    """The spans in so many windows of each probability."""
    return list(spans_of([score for count, score in stretches for _ in range(count)]))


def test_a_span_is_padded_on_both_sides_within_the_recording() -> None:
    assert spans((100, 0.1), (10, 0.9), (100, 0.1)) == [(100 - PAD, 110 + PAD)]
    assert spans((2, 0.1), (10, 0.9), (3, 0.1)) == [(0, 15)]
    assert spans((50, 0.1)) == []
    assert spans() == []


def test_a_short_pause_does_not_part_two_spans() -> None:
    (whole,) = spans((30, 0.1), (10, 0.9), (PAUSE_WINDOWS, 0.1), (10, 0.9), (30, 0.1))
    assert whole == (30 - PAD, 50 + PAUSE_WINDOWS + PAD)
    two = spans((30, 0.1), (10, 0.9), (PAUSE_WINDOWS + 1, 0.1), (10, 0.9), (30, 0.1))
    assert len(two) == 2
    assert two[0][1] <= two[1][0]


def test_what_is_hardly_speech_goes_on_with_it_and_begins_none() -> None:
    assert spans((40, 0.4)) == []
    assert spans((10, 0.9), (40, 0.4), (60, 0.1)) == [(0, 50 + PAD)]


def test_a_long_span_is_cut_where_it_is_most_like_silence() -> None:
    dip = LONGEST_WINDOWS - 100
    cut = spans((dip, 0.9), (1, 0.4), (LONGEST_WINDOWS, 0.9), (100, 0.1))
    assert cut[0] == (0, dip), "no padding into the next part"
    assert cut[1][0] == dip
    assert all(end - start <= LONGEST_WINDOWS + 2 * PAD for start, end in cut)
    assert [end for _, end in cut[:-1]] == [start for start, _ in cut[1:]], "nothing is left out"


async def test_a_detector_hears_the_whole_recording() -> None:
    detector = CountingDetector()
    scorer = SpeechScorer(detector)
    recording = silence(960) + tone(640) + silence(31_000) + tone(310)
    try:
        assert len(await scored(recording, scorer)) == -(-len(recording) // 1536)
        first, last = await speech_spans(recording, scorer)
    finally:
        await scorer.close()
    assert detector.streams == 0
    assert first.start_s < 0.96 < 1.6 < first.end_s
    assert last.end == len(recording) // 2, "the last window is not longer than the recording"
    assert Span(1, 3).of(b"abcdefgh") == b"cdef"


async def test_a_detector_that_fails_is_told_of() -> None:
    scorer = SpeechScorer(FailingDetector())
    try:
        with pytest.raises(EngineError, match="the model is gone"):
            await speech_spans(silence(70_000), scorer)
    finally:
        await scorer.close()
