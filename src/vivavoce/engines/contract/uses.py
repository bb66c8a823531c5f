"""What holds for every engine that is awaited: many use it at once, and any of them may leave."""

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import pytest

from vivavoce.engines.base import EngineError
from vivavoce.engines.contract.lifecycle import EngineContract, Made
from vivavoce.engines.contract.readable import or_error

Sample = TypeVar("Sample")
Result = TypeVar("Result")

_A_MOMENT_S = 0.05
_TICK_S = 0.005


class AwaitedEngineContract(EngineContract[Made], Generic[Made, Sample, Result]):
    """Concurrency, cancellation, closing and errors.

    A *use* is one recognition, one answer, or one text that is spoken. `patience_s` is when a test
    gives up waiting for one; `at_once` is how many there are at a time; `longest_hold_s` is how
    long a use may hold up the event loop, in seconds by the clock: the best of three tries counts,
    since a machine may be busy.
    """

    patience_s: ClassVar[float] = 60.0
    at_once: ClassVar[int] = 4
    longest_hold_s: ClassVar[float] = 0.25

    @abstractmethod
    def samples(self, engine: Made) -> Sequence[Sample]:
        """Two or more that the engine answers differently, and each of them always alike."""

    @abstractmethod
    def long_sample(self, engine: Made) -> Sample:
        """One that keeps the engine at work for a while."""

    @abstractmethod
    async def use(self, engine: Made, sample: Sample, pieces: list[Any]) -> Result:
        """Use the engine once, adding to `pieces` what comes on the way."""

    def alike(self, one: Result, other: Result) -> bool:
        """Whether two results are those of the same sample."""
        return one == other

    async def used(self, engine: Made, sample: Sample, pieces: list[Any] | None = None) -> Result:
        """The result of a use, for which the test waits with patience; adds to `pieces`."""
        async with asyncio.timeout(self.patience_s):
            return await self.use(engine, sample, [] if pieces is None else pieces)

    async def harmless(self, engine: Made, sample: Sample) -> Result | EngineError:
        """A use that may end in an error, after which the engine answers as before."""
        control = self.samples(engine)[0]
        before = await self.used(engine, control)
        result = await or_error(self.used(engine, sample))
        after = await self.used(engine, control)
        assert self.alike(before, after), (
            f"after {sample!r:.200} the engine answers {control!r:.200} with {after!r:.200}, "
            f"before with {before!r:.200}"
        )
        return result

    async def test_uses_at_the_same_time_do_not_mix(self, engine: Made) -> None:
        """Each gives what it gives alone."""
        samples = self.samples(engine)
        alone = [await self.used(engine, sample) for sample in samples]
        assert not self.alike(alone[0], alone[1]), (
            f"the samples have to differ in what the engine answers, but two give {alone[0]!r:.200}"
        )
        many = -(-self.at_once // len(samples))
        together = await asyncio.gather(
            *(self.used(engine, sample) for sample in [*samples] * many)
        )
        for number, (one, expected) in enumerate(zip(together, alone * many, strict=True)):
            assert self.alike(one, expected), (
                f"use {number} of {len(together)} at the same time gave {one!r:.200}, "
                f"alone it gives {expected!r:.200}"
            )

    @pytest.mark.parametrize("after_s", [0.0, _A_MOMENT_S], ids=["at once", "under way"])
    async def test_a_cancelled_use_ends_and_leaves_the_engine_usable(
        self, engine: Made, after_s: float
    ) -> None:
        """Barge-in cancels uses all the time: it is no failure."""
        sample = self.samples(engine)[0]
        expected = await self.used(engine, sample)
        pieces: list[Any] = []
        async with asyncio.timeout(self.patience_s), asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.use(engine, self.long_sample(engine), pieces))
            await asyncio.wait([task], timeout=after_s)
            was_cancelled = task.cancel()
        assert task.cancelled() or not was_cancelled, (
            "a cancelled use ends in asyncio.CancelledError; this one swallowed it"
        )
        given = len(pieces)
        await asyncio.sleep(_A_MOMENT_S)
        assert len(pieces) == given, f"after it was cancelled, it gave {pieces[given:]!r:.200}"
        again = await asyncio.gather(*(self.used(engine, sample) for _ in range(self.at_once)))
        assert all(self.alike(one, expected) for one in again), (
            f"after a use was cancelled the engine gave {again!r:.400}, before {expected!r:.200}"
        )

    async def test_closing_the_engine_ends_the_uses_under_way(
        self, make_engine: Callable[[], Made]
    ) -> None:
        """They end by themselves or with an `EngineError`; nobody cancelled them."""
        engine = make_engine()
        await asyncio.to_thread(engine.load)
        sample = self.long_sample(engine)
        async with asyncio.timeout(self.patience_s), asyncio.TaskGroup() as tasks:
            uses = [
                tasks.create_task(or_error(self.use(engine, sample, [])))
                for _ in range(self.at_once)
            ]
            await asyncio.wait(uses, timeout=_A_MOMENT_S)
            await engine.close()
        assert not any(use.cancelled() for use in uses), (
            "a use of an engine that is closed ends in EngineError, not in CancelledError: its "
            "session would wait for ever"
        )

    async def test_a_use_of_a_closed_engine_works_or_fails_readably(
        self, make_engine: Callable[[], Made]
    ) -> None:
        """An engine may be replaced while a session still has the old one."""
        engine = make_engine()
        await asyncio.to_thread(engine.load)
        await engine.close()
        await or_error(self.used(engine, self.samples(engine)[0]))
        await engine.close()

    async def test_a_use_does_not_hold_up_the_event_loop(self, engine: Made) -> None:
        """All sessions share the loop: work that takes long belongs into a thread or a process."""
        sample = self.samples(engine)[0]
        holds = [await self._longest_hold(engine, sample) for _ in range(3)]
        assert min(holds) < self.longest_hold_s, (
            f"a use held up the event loop for {min(holds):.2f} s; "
            f"at most {self.longest_hold_s:g} s are allowed"
        )

    async def test_an_engine_that_cannot_work_says_so_readably(self) -> None:
        """With an `EngineError`, from `load` or from the use."""
        engine = self.make_broken_engine()
        if engine is None:
            pytest.skip("its tests have no engine that cannot work (make_broken_engine)")
        try:
            outcome: object = await or_error(asyncio.to_thread(engine.load))
            if outcome is None:
                outcome = await or_error(self.used(engine, self.samples(engine)[0]))
        finally:
            await engine.close()
        assert isinstance(outcome, EngineError), f"it should have failed, but gave {outcome!r:.200}"

    async def _longest_hold(self, engine: Made, sample: Sample) -> float:
        now = asyncio.get_running_loop().time
        longest, last = 0.0, now()
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.used(engine, sample))
            while not task.done():
                await asyncio.wait([task], timeout=_TICK_S)
                longest, last = max(longest, now() - last - _TICK_S), now()
        return longest
