"""Engines that say what they take are loaded where there is room; idle ones make room."""

import asyncio
import threading

import pytest

from support.named_models import Workshop, catalogue_of
from support.stubborn_engines import hold_on
from support.virtual_time import run_in_virtual_time
from vivavoce.engines.base import EngineError
from vivavoce.engines.llm.scripted import ScriptedModel
from vivavoce.runtime.catalogue import Catalogue
from vivavoce.runtime.engine_pool import EnginePool
from vivavoce.runtime.metrics import Metrics
from vivavoce.runtime.models import Models
from vivavoce.runtime.pipeline import ModelLoadError


def three(workshop: Workshop, limit_mb: int | None) -> Catalogue:
    """Three models, each with a language model of 400 MB."""
    plans = [
        workshop.pipeline(name, workshop.ref("llm", f"llm {name}", memory_mb=400), load="on_use")
        for name in "abc"
    ]
    return catalogue_of(*plans, memory_mb=limit_mb)


def about(workshop: Workshop) -> list[str]:
    """What became of the language models."""
    return [line for line in workshop.news() if "llm" in line]


async def test_what_nobody_holds_is_unloaded_for_what_somebody_needs() -> None:
    workshop = Workshop()
    async with Models(three(workshop, 1000)) as models:
        for name in "abc":
            async with models.leased(name):
                pass
        loads = about(workshop)
        assert sorted(loads) == ["close llm a", "load llm a", "load llm b", "load llm c"]
        assert loads.index("close llm a") < loads.index("load llm c")


async def test_what_is_held_stays_and_who_comes_too_late_is_told_why() -> None:
    workshop = Workshop()
    async with Models(three(workshop, 1000)) as models:
        async with models.leased("a"), models.leased("b"):
            with pytest.raises(ModelLoadError) as failure:
                async with models.leased("c"):
                    raise AssertionError
            assert str(failure.value).endswith(
                "it takes 400 MB, and of the 1000 MB for engines (memory_mb) only 200 MB are free"
            )
            assert sorted(about(workshop)) == ["load llm a", "load llm b"]
        async with models.leased("c"):
            assert "load llm c" in about(workshop)


async def test_without_a_limit_nothing_is_unloaded() -> None:
    workshop = Workshop()
    async with Models(three(workshop, None)) as models:
        for name in "abc":
            async with models.leased(name):
                pass
        assert sorted(about(workshop)) == ["load llm a", "load llm b", "load llm c"]


class Broken(ScriptedModel):
    """Its file is gone."""

    def load(self) -> None:
        raise EngineError("the file is gone")


async def test_an_engine_that_cannot_be_loaded_takes_nothing() -> None:
    workshop = Workshop()
    broken = workshop.ref("llm", "broken", kind=Broken, memory_mb=900)
    plans = three(workshop, None).plans.values()
    catalogue = catalogue_of(
        *plans, workshop.pipeline("broken", broken, load="on_use"), memory_mb=1000
    )
    async with Models(catalogue) as models:
        with pytest.raises(ModelLoadError, match="the file is gone"):
            async with models.leased("broken"):
                raise AssertionError
        async with models.leased("a"), models.leased("b"):
            assert sorted(about(workshop))[-2:] == ["load llm a", "load llm b"]


async def test_a_load_that_fails_when_nobody_waits_for_it_takes_nothing() -> None:
    workshop = Workshop()
    gate = workshop.may_load["broken"] = threading.Event()
    pool = EnginePool(lambda work: work.close(), asyncio.Event(), Metrics())
    shared = pool.hold(workshop.ref("llm", "broken", kind=Broken, memory_mb=900))
    load = shared.instance.loading.begin()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await shared.loaded()
    assert shared.instance in pool.budget
    gate.set()
    with pytest.raises(EngineError, match="the file is gone"):
        await load
    assert shared.instance not in pool.budget


def test_work_that_does_not_end_holds_up_nobody_who_needs_its_memory() -> None:
    workshop = Workshop()

    async def run() -> None:
        released = asyncio.Event()
        async with Models(three(workshop, 400)) as models:
            stuck = models.hold_engine("llm", "a")
            async with asyncio.TaskGroup() as tasks:
                job = tasks.create_task(stuck.run(lambda _: hold_on(released)))
                await stuck.load()
                await asyncio.sleep(1)
                job.cancel()
                stuck.release()
            async with models.leased("b"):
                assert about(workshop) == ["load llm a", "load llm b"]
            released.set()

    run_in_virtual_time(run())
