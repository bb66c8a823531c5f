"""How long the jobs of an engine take, and which of them fail."""

import asyncio
import threading

import pytest

from support.named_models import Workshop, catalogue_of
from support.scrape import Scrape
from support.virtual_time import run_in_virtual_time
from vivavoce.engines.base import EngineError
from vivavoce.engines.stt.scripted import ScriptedRecognizer
from vivavoce.runtime.models import Models
from vivavoce.runtime.pipeline import Use

OF_ENGINE = {"slot": "stt", "engine": "scripted"}
Recognizer = Use[ScriptedRecognizer]


async def takes_two_seconds(_: Recognizer) -> None:
    await asyncio.sleep(2)


async def takes_no_time(_: Recognizer) -> None: ...


async def is_overloaded(_: Recognizer) -> None:
    raise EngineError("too much", code="overloaded")


async def has_a_bug(_: Recognizer) -> None:
    raise LookupError("a bug")


async def hangs(_: Recognizer) -> None:
    await asyncio.Event().wait()


class BrokenRecognizer(ScriptedRecognizer):
    """Cannot be loaded."""

    def load(self) -> None:
        raise OSError("no such file")


def test_a_load_that_fails_is_no_job_and_is_counted() -> None:
    async def work() -> tuple[Scrape, int]:
        workshop = Workshop()
        broken = workshop.ref("stt", kind=BrokenRecognizer)
        async with Models(catalogue_of(workshop.pipeline("a", broken))) as models:
            lease = models.hold_engine("stt", "a")
            with pytest.raises(EngineError):
                await lease.run(takes_two_seconds)
            lease.release()
            found = Scrape(models.metrics.exposition("")[0].decode())
        return found, len(workshop.made["stt"])

    found, made = asyncio.run(work())
    assert found.value("engine_failures_total", code="model_load_error", **OF_ENGINE) == 1
    assert found.labels("engine_job_duration_seconds_count") == []
    assert made == 1


def test_a_job_is_measured_from_when_its_engine_is_loaded() -> None:
    async def work() -> Scrape:
        workshop = Workshop()
        async with Models(catalogue_of(workshop.pipeline("a"))) as models:
            lease = models.hold_engine("stt", "a")
            loop = asyncio.get_running_loop()
            gate = workshop.may_load["stt"] = threading.Event()
            began, real = loop.time(), loop.time
            job = asyncio.create_task(lease.run(takes_no_time))
            await asyncio.sleep(0)
            loop.time = lambda: real() + 1000  # type: ignore[method-assign]
            gate.set()
            await job
            assert loop.time() - began >= 1000
            lease.release()
            return Scrape(models.metrics.exposition("")[0].decode())

    found = asyncio.run(work())
    assert found.value("engine_job_duration_seconds_count", **OF_ENGINE) == 1
    assert found.value("engine_job_duration_seconds_sum", **OF_ENGINE) < 1000


def test_a_job_that_outlives_its_engine_has_no_other_made_for_its_name() -> None:
    async def work() -> tuple[Scrape, int]:
        workshop = Workshop()
        async with Models(catalogue_of(workshop.pipeline("a"))) as models:
            lease = models.hold_engine("stt", "a")

            async def outlives_its_engine(_: Recognizer) -> None:
                lease.release()
                models.reload(catalogue_of(workshop.pipeline("b", workshop.ref("stt", "other"))))

            await lease.run(outlives_its_engine)
            found = Scrape(models.metrics.exposition("")[0].decode())
        return found, len(workshop.made["stt"])

    found, made = asyncio.run(work())
    assert found.value("engine_job_duration_seconds_count", **OF_ENGINE) == 1
    assert made == 1


def test_each_job_is_measured_or_counted_as_a_failure_or_was_cancelled() -> None:
    async def work() -> Scrape:
        workshop = Workshop()
        async with Models(catalogue_of(workshop.pipeline("a"))) as models:
            async with models.leased_engine("stt", "a") as lease:
                await lease.run(takes_two_seconds)
                with pytest.raises(EngineError):
                    await lease.run(is_overloaded)
                with pytest.raises(LookupError):
                    await lease.run(has_a_bug)
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(1):
                        await lease.run(hangs)
            return Scrape(models.metrics.exposition("")[0].decode())

    found = run_in_virtual_time(work())
    assert found.value("engine_job_duration_seconds_count", **OF_ENGINE) == 1
    assert found.value("engine_job_duration_seconds_sum", **OF_ENGINE) == pytest.approx(2)
    assert found.value("engine_failures_total", code="overloaded", **OF_ENGINE) == 1
    assert found.value("engine_failures_total", code="engine_error", **OF_ENGINE) == 1
    assert len(found.labels("engine_failures_total")) == 2
