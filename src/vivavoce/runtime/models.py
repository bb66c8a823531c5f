"""The models of a server, alive: sessions hold them by name, a reload puts others in their place.

    async with Models(catalogue) as models:
        pipeline = models.hold("assistant")
        await pipeline.load()
        ...
        pipeline.release()

Engines are shared through an `EnginePool`: two models that name the same engine load it once.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from vivavoce.engines.registry import ALL_SLOTS, SLOTS, Slot
from vivavoce.runtime.catalogue import (
    Catalogue,
    EngineRef,
    ModelPlan,
    UnsuitableModelError,
)
from vivavoce.runtime.engine_pool import EnginePool, with_idle_times
from vivavoce.runtime.metrics import Metrics
from vivavoce.runtime.pipeline import EngineLease, ModelLoadError, Pipeline, failure_of

TASKS: Mapping[Slot, str] = {
    "vad": "voice activity detection",
    "turn": "turn detection",
    "noise": "noise reduction",
    "stt": "speech recognition",
    "llm": "language model",
    "tts": "speech synthesis",
}


class Models:
    """An async context, which frees all engines at its end. Nobody may hold any by then."""

    def __init__(self, catalogue: Catalogue, metrics: Metrics | None = None) -> None:
        """What their engines do is counted in `metrics`."""
        self.metrics = metrics or Metrics()
        self._tasks = asyncio.TaskGroup()
        self._ending = asyncio.Event()
        self._over = False
        self._pool = EnginePool(self._spawn, self._ending, self.metrics)
        self._catalogue = catalogue
        self._loads: asyncio.Task[tuple[str, ...]] | None = None
        """Of the newest reload."""
        self._want()

    @property
    def catalogue(self) -> Catalogue:
        """What is on offer to new sessions."""
        return self._catalogue

    @property
    def notices(self) -> tuple[str, ...]:
        """What an operator should know about engines that are missing."""
        return self._pool.notices

    def backlog_s(self) -> float:
        """How long a typical caller's sound has waited for its score, in seconds."""
        return self._pool.backlog_s()

    def engine_names(self, plan: ModelPlan) -> Mapping[Slot, str]:
        """Which engine, or which stand-in, is at work in each slot of a model."""
        names: dict[Slot, str] = {}
        for slot, ref in plan.engines.items():
            lease: EngineLease[Any] = EngineLease(ref, self._pool)
            names[slot] = lease.engine.name
            lease.release()
        return names

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close what there is, each within a time limit. An error in the block is not wrapped."""
        self._ending.set()
        self._stop_loads()
        self._pool.unload()
        try:
            await self._tasks.__aexit__(None, None, None)
        finally:
            self._over = True

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this in the background; nothing is done any more for work that hung to the end."""
        if self._over:
            work.close()
        else:
            self._tasks.create_task(work)

    async def load_at_start(self) -> tuple[str, ...]:
        """Load the models that are not left to their first use; gives what went wrong.

        All engines are loaded at a time, each within its own limit. What could not be loaded is
        tried again for the next session that needs it.
        """
        async with asyncio.TaskGroup() as tasks:
            loads = [tasks.create_task(self._load(ref)) for ref in self._loaded_at_start()]
        failures = (load.result() for load in loads)
        return tuple(dict.fromkeys(failure for failure in failures if failure is not None))

    async def _load(self, ref: EngineRef) -> str | None:
        users = (
            plan.name for plan in self._catalogue.plans.values() if ref in plan.engines.values()
        )
        whose = ", ".join(users)
        lease: EngineLease[Any] = EngineLease(ref, self._pool)
        try:
            failure = await failure_of(lease)
            return None if failure is None else f"{whose}: {failure}"
        finally:
            lease.release()

    def reload(self, catalogue: Catalogue) -> asyncio.Task[tuple[str, ...]]:
        """Offer these models from now on; gives the task of their loads, which tells what failed.

        Nobody has to wait for it: a load that takes long holds up neither sessions of other models
        nor the next reload, which cancels the task. Sessions keep the engines they have. An engine
        that both name stays loaded.
        """
        self._catalogue = catalogue
        self._want()
        self._stop_loads()
        self._loads = self._tasks.create_task(self.load_at_start(), name="load")
        return self._loads

    def _stop_loads(self) -> None:
        if self._loads is not None:
            self._loads.cancel()

    def hold(self, name: str) -> Pipeline:
        """The pipeline of this name, not loaded yet; release it.

        Raises `UnknownModelError`, and `UnsuitableModelError` for a single engine.
        """
        plan = self._catalogue.resolve(name)
        lacking = [TASKS[slot] for slot in SLOTS if slot not in plan.engines]
        if lacking:
            raise UnsuitableModelError(
                f"The model '{name}' cannot hold a conversation: it has no {lacking[0]}. "
                f"Models that can are: {', '.join(self._complete()) or 'none'}."
            )
        return self._pipeline(plan.engines, plan.limits, plan.name)

    @property
    def base(self) -> ModelPlan:
        """What sessions are made of that name no model: the default, or the first pipeline.

        Raises `UnsuitableModelError` if there is no pipeline.
        """
        complete = self._complete()
        if not complete:
            raise UnsuitableModelError("No pipeline is configured; a session needs one.")
        default = self._catalogue.default
        return self._catalogue.plans[default if default in complete else complete[0]]

    def hold_recognizer(self, name: str) -> Pipeline:
        """A pipeline for a transcription session; release it.

        Its recogniser is the model `name` if that has one, else that of `base`. Raises
        `UnsuitableModelError` if there is no pipeline.
        """
        base = self.base
        hearing = self._catalogue.hearing(name) or base
        engines = {**base.engines, "stt": hearing.engines["stt"]}
        return self._pipeline(engines, {**base.limits, **hearing.limits}, hearing.name)

    def hold_engine(self, slot: Slot, name: str) -> EngineLease[Any]:
        """One engine of a model; release it.

        Raises `UnknownModelError`, and `UnsuitableModelError` if it has none for this slot.
        """
        plan = self._catalogue.resolve(name)
        if slot not in plan.engines:
            raise UnsuitableModelError(f"The model '{name}' has no {TASKS[slot]}.")
        return self.lease(plan.engines[slot])

    def lease(self, ref: EngineRef) -> EngineLease[Any]:
        """One engine, whichever models name it; release it."""
        return EngineLease(ref, self._pool)

    @contextlib.asynccontextmanager
    async def leased(self, name: str) -> AsyncIterator[Pipeline]:
        """A pipeline, loaded and held. Raises as `hold`, and `ModelLoadError`."""
        pipeline = self.hold(name)
        try:
            await pipeline.load()
            yield pipeline
        finally:
            pipeline.release()

    @contextlib.asynccontextmanager
    async def leased_engine(self, slot: Slot, name: str) -> AsyncIterator[EngineLease[Any]]:
        """One engine, loaded and held. Raises as `hold_engine`, and `ModelLoadError`."""
        lease = self.hold_engine(slot, name)
        try:
            if (failure := await failure_of(lease)) is not None:
                raise ModelLoadError(failure)
            yield lease
        finally:
            lease.release()

    def _pipeline(
        self, engines: Mapping[Slot, EngineRef], limits: Mapping[str, Any], model: str
    ) -> Pipeline:
        return Pipeline(engines, self._catalogue.hearing, self._pool, limits, model=model)

    def _complete(self) -> list[str]:
        """The models with an engine for each slot."""
        return [
            name
            for name, plan in self._catalogue.plans.items()
            if all(slot in plan.engines for slot in SLOTS)
        ]

    def _want(self) -> None:
        plans, limit_mb = self._catalogue.plans.values(), self._catalogue.memory_mb
        named = (
            (ref, idle_time(plan, ref, limit_mb)) for plan in plans for ref in plan.engines.values()
        )
        self._pool.budget.limit_mb = limit_mb
        self._pool.want(with_idle_times(named))

    def _loaded_at_start(self) -> Iterator[EngineRef]:
        """Each engine once, those that a pipeline has to have in the order of the slots first."""
        seen: dict[EngineRef, None] = {}
        for plan in self._catalogue.plans.values():
            if plan.load == "at_start":
                seen |= {plan.engines[slot]: None for slot in ALL_SLOTS if slot in plan.engines}
        yield from seen


def idle_time(plan: ModelPlan, ref: EngineRef, limit_mb: int | None) -> float | None:
    """Seconds that a model keeps an engine which nobody holds; None for ever.

    One that is hosted elsewhere is let go of at once, where the host counts these seconds, or may
    have to make room for another in `limit_mb`.
    """
    if ref.elsewhere and not (plan.unload_after_s is None and limit_mb is None):
        return 0.0
    return plan.unload_after_s
