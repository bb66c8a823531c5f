"""An engine is loaded once, however many ask, and whoever of them goes away."""

import asyncio
import threading

import pytest

from vivavoce.engines.base import EngineError, MissingDependencyError
from vivavoce.engines.llm.scripted import ScriptedModel
from vivavoce.engines.stt.scripted import ScriptedRecognizer
from vivavoce.engines.tts.scripted import ScriptedSynthesizer
from vivavoce.engines.vad.scripted import ScriptedDetector
from vivavoce.runtime import loading
from vivavoce.runtime.pipeline import Engines, ModelLoadError, Pipeline, StandIn


class CountedModel(ScriptedModel):
    """Counts its loads, and is loaded when it may be."""

    def __init__(self) -> None:
        super().__init__()
        self.loads = 0
        self.begun = threading.Event()
        self.may_load = threading.Event()
        self.closed = False

    def load(self) -> None:
        self.loads += 1
        self.begun.set()
        self.may_load.wait()
        super().load()

    async def close(self) -> None:
        self.closed = True


class BrokenModel(ScriptedModel):
    def load(self) -> None:
        raise EngineError("no such file")


class UninstalledDetector(ScriptedDetector):
    name = "uninstalled"

    def load(self) -> None:
        raise MissingDependencyError("no package")


class UninstalledVoice(ScriptedSynthesizer):
    name = "uninstalled"

    def load(self) -> None:
        raise MissingDependencyError("no voice")


def engines(llm: ScriptedModel) -> Engines:
    return Engines(ScriptedDetector(), ScriptedRecognizer(), llm, ScriptedSynthesizer())


async def test_a_load_is_shared_and_outlives_who_asked_first() -> None:
    model = CountedModel()
    pipeline = Pipeline(engines(model))
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(pipeline.load())
        await asyncio.to_thread(model.begun.wait)
        first.cancel()
        second, third = (tasks.create_task(pipeline.load()) for _ in range(2))
        await asyncio.sleep(0)
        model.may_load.set()
    assert first.cancelled()
    assert second.done()
    assert third.done()
    await pipeline.load()
    assert model.loads == 1
    await pipeline.close()
    assert model.closed


async def test_an_engine_is_not_closed_while_it_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "GRACE_S", 0.01)
    model = CountedModel()
    pipeline = Pipeline(engines(model))
    async with asyncio.TaskGroup() as tasks:
        load = tasks.create_task(pipeline.load())
        await asyncio.to_thread(model.begun.wait)
        load.cancel()
    await pipeline.close()
    assert not model.closed
    model.may_load.set()


async def test_a_missing_package_gets_a_stand_in_and_a_notice() -> None:
    detector = ScriptedDetector()
    missing = Engines(
        UninstalledDetector(), ScriptedRecognizer(), ScriptedModel(), ScriptedSynthesizer()
    )
    pipeline = Pipeline(missing, {"vad": StandIn(lambda _: detector, "Loudness decides")})
    await pipeline.load()
    assert pipeline.engines.vad is detector
    assert pipeline.notices == ["Loudness decides: no package"]
    await pipeline.close()


async def test_all_engines_are_tried_and_all_failures_told() -> None:
    broken = Engines(ScriptedDetector(), ScriptedRecognizer(), BrokenModel(), UninstalledVoice())
    pipeline = Pipeline(broken)
    with pytest.raises(ModelLoadError, match="scripted: no such file; uninstalled: no voice"):
        await pipeline.load()
    await pipeline.close()
