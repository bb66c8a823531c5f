"""Detectors that each break one rule of the contract; see `support.unfaithful`."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from support.unfaithful import Invented
from vivavoce.engines.vad.slots import StreamSlots

Windows = npt.NDArray[np.int16]


class Detector(Invented):
    """Loudness, averaged with what the stream heard before."""

    def __init__(self) -> None:
        self.slots = StreamSlots()
        self.memory: dict[int, float] = {}

    def open_stream(self) -> int:
        stream = self.slots.open()
        self.memory[stream] = 0.0
        return stream

    def close_stream(self, stream: int) -> None:
        self.slots.close(stream)

    def score(self, streams: Sequence[int], windows: Windows) -> list[float]:
        self.slots.require(streams)
        scores = []
        for stream, window in zip(streams, windows, strict=True):
            level = min(1.0, float(np.abs(window.astype(int)).mean()) / 2_000)
            self.memory[stream] = (self.memory[stream] + level) / 2
            scores.append(self.memory[stream])
        return scores


class HearsNothing(Detector):
    caught_by = "test_speech_scores_higher"

    def score(self, streams: Sequence[int], windows: Windows) -> list[float]:
        return [score * 0.1 for score in super().score(streams, windows)]


class IsMoreThanSure(Detector):
    caught_by = "test_a_score_is_a_probability"

    def score(self, streams: Sequence[int], windows: Windows) -> list[float]:
        return [score * 1.5 for score in super().score(streams, windows)]


class TurnsBatchesRound(Detector):
    caught_by = "test_a_batch_scores_like"

    def score(self, streams: Sequence[int], windows: Windows) -> list[float]:
        return super().score(streams, windows)[::-1]


class SharesItsMemory(Detector):
    caught_by = "test_streams_that_come_and_go"

    def score(self, streams: Sequence[int], windows: Windows) -> list[float]:
        scores = super().score(streams, windows)
        self.memory = dict.fromkeys(self.memory, scores[-1] if scores else 0.0)
        return scores


class ForgetsWhoRests(Detector):
    caught_by = "test_a_stream_that_rests"

    def score(self, streams: Sequence[int], windows: Windows) -> list[float]:
        self.memory = {one: self.memory[one] if one in streams else 0.0 for one in self.memory}
        return super().score(streams, windows)


class ForgetsNothing(Detector):
    caught_by = "test_a_number_is_used_again"

    def open_stream(self) -> int:
        stream = self.slots.open()
        self.memory.setdefault(stream, 0.0)
        return stream


class CountsOn(Detector):
    caught_by = "test_a_number_is_used_again"

    def close_stream(self, stream: int) -> None:
        self.slots.require([stream])
        self.slots._open.remove(stream)


class GivesOneNumber(Detector):
    caught_by = "test_open_streams_have_different"

    def open_stream(self) -> int:
        self.slots = StreamSlots()
        return super().open_stream()


class WantsStreams(Detector):
    caught_by = "test_no_streams_have_no_scores"

    def score(self, streams: Sequence[int], windows: Windows) -> list[float]:
        scores: list[float] = np.stack(super().score(streams, windows)).tolist()
        return scores


class ScoresWhatIsClosed(Detector):
    caught_by = "test_a_stream_that_is_not_open"

    def close_stream(self, stream: int) -> None:
        self.memory[stream] = 0.0


class WritesIntoWindows(Detector):
    caught_by = "test_windows_are_only_read"

    def score(self, streams: Sequence[int], windows: Windows) -> list[float]:
        windows //= 1
        return super().score(streams, windows)


class CrashesOnceClosed(Detector):
    caught_by = "test_a_closed_detector"

    async def close(self) -> None:
        del self.memory
