"""What a turn detector keeps: a probability for any turn, whoever else is judged at the time."""

import asyncio
from typing import ClassVar, TypeVar

import numpy as np
import pytest

from vivavoce.audio.resample import convert
from vivavoce.audio.units import BYTES_PER_SAMPLE
from vivavoce.engines.base import EngineError, TurnDetector
from vivavoce.engines.contract.lifecycle import EngineContract
from vivavoce.engines.contract.readable import check_readable
from vivavoce.speech import SAMPLE_RATE, clip, clip_names

Detector = TypeVar("Detector", bound=TurnDetector)


class TurnDetectorContract(EngineContract[Detector]):
    """The tests of a `TurnDetector`. A judgement takes less than `within_s` seconds."""

    within_s: ClassVar[float] = 20.0

    def turns(self, engine: Detector) -> list[bytes]:
        """A few turns, at the engine's rate, with the beginning of a pause at their ends."""
        return [convert(clip(name).pcm, SAMPLE_RATE, engine.sample_rate) for name in clip_names()]

    async def judged(self, engine: Detector, audio: bytes) -> float:
        """The verdict on a turn. Raises `TimeoutError`."""
        async with asyncio.timeout(self.within_s):
            return await engine.judge(audio)

    async def test_it_hears_some_seconds_at_some_rate(self, engine: Detector) -> None:
        """Both are known before it is loaded, too."""
        assert 8_000 <= engine.sample_rate <= 48_000
        assert engine.hears_s >= 1

    @pytest.mark.parametrize("kind", ["silence", "noise", "clipped", "nothing", "long"])
    async def test_a_verdict_is_a_probability(self, engine: Detector, kind: str) -> None:
        """A float from 0 to 1, for every sound."""
        rate = engine.sample_rate
        longest = int(engine.hears_s * rate)
        noise = np.random.default_rng(0).normal(0, 2000, longest).astype("<i2").tobytes()
        sounds = {
            "silence": bytes(rate * BYTES_PER_SAMPLE),
            "noise": noise,
            "clipped": np.full(rate, 32_767, "<i2").tobytes(),
            "nothing": b"",
            "long": noise + noise,
        }
        verdict = await self.judged(engine, sounds[kind])
        assert isinstance(verdict, float)
        assert 0.0 <= verdict <= 1.0, f"{verdict} is no probability"

    async def test_turns_are_judged_alike_alone_and_together(self, engine: Detector) -> None:
        """Sessions pause at the same time."""
        turns = self.turns(engine)
        alone = [await self.judged(engine, turn) for turn in turns]
        together = await asyncio.gather(*(self.judged(engine, turn) for turn in turns))
        assert np.abs(np.subtract(alone, together)).max() < 1e-3

    async def test_a_cancelled_judgement_leaves_the_others_alone(self, engine: Detector) -> None:
        """Somebody speaks on: the verdict is not wanted any more."""
        turns = self.turns(engine)
        jobs = [asyncio.ensure_future(self.judged(engine, turn)) for turn in turns]
        await asyncio.sleep(0)
        for job in jobs[::2]:
            job.cancel()
        results = await asyncio.gather(*jobs, return_exceptions=True)
        assert all(isinstance(result, float) for result in results[1::2]), results

    async def test_what_cannot_load_says_why(self) -> None:
        """As an `EngineError` that an operator can act on."""
        broken = self.make_broken_engine()
        if broken is None:
            pytest.skip("there is no broken engine of this kind")
        with pytest.raises(EngineError) as raised:
            await asyncio.to_thread(broken.load)
        check_readable(raised.value)
