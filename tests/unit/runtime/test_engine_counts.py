"""How long the jobs of an engine take, and which of them fail."""

import asyncio

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


async def is_overloaded(_: Recognizer) -> None:
    raise EngineError("too much", code="overloaded")


async def has_a_bug(_: Recognizer) -> None:
    raise LookupError("a bug")


async def hangs(_: Recognizer) -> None:
    await asyncio.Event().wait()


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
