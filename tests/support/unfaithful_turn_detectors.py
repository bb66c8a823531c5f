"""Turn detectors that each break one rule of the contract; see `support.unfaithful`."""

import asyncio

import numpy as np

from support.unfaithful import Invented
from vivavoce.audio.pcm import to_samples


class TurnDetector(Invented):
    """Judges by the loudness of all that it hears."""

    sample_rate = 16_000
    hears_s = 8.0

    async def judge(self, audio: bytes) -> float:
        await asyncio.sleep(0)
        return self.verdict(audio)

    def verdict(self, audio: bytes) -> float:
        level = np.abs(to_samples(audio).astype(int))
        return min(1.0, float(level.mean()) / 4_000) if len(level) else 0.0


class HearsNoTime(TurnDetector):
    caught_by = "test_it_hears_some_seconds"
    hears_s = 0.0


class WantsATurn(TurnDetector):
    caught_by = "test_a_verdict_is_a_probability"

    def verdict(self, audio: bytes) -> float:
        return float(np.abs(to_samples(audio).astype(int)).max() > 0)


class GivesLogits(TurnDetector):
    caught_by = "test_a_verdict_is_a_probability"

    def verdict(self, audio: bytes) -> float:
        return 4 * super().verdict(audio) - 2


class MixesTurns(TurnDetector):
    caught_by = "test_turns_are_judged_alike"

    async def judge(self, audio: bytes) -> float:
        self.audio = audio
        await asyncio.sleep(0)
        return self.verdict(self.audio)


class CancelsTheBatch(TurnDetector):
    caught_by = "test_a_cancelled_judgement"

    def __init__(self) -> None:
        self.batch: list[asyncio.Task[float]] = []

    async def judge(self, audio: bytes) -> float:
        task = asyncio.current_task()
        assert task is not None
        self.batch.append(task)
        try:
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            for other in self.batch:
                other.cancel()
            raise
        return self.verdict(audio)


class LoadsUnreadably(TurnDetector):
    caught_by = "test_what_cannot_load"

    @classmethod
    def broken(cls) -> TurnDetector:
        class Broken(TurnDetector):
            def load(self) -> None:
                raise FileNotFoundError("model.onnx")

        return Broken()
