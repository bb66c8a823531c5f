"""Models share engines, load them once, let go of them when nobody needs them, and are reloaded
under the feet of nobody."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from support.named_models import Workshop, catalogue_of
from support.virtual_time import run_in_virtual_time
from vivavoce.engines.absent import AbsentSynthesizer
from vivavoce.engines.base import EngineError, MissingDependencyError
from vivavoce.engines.llm.scripted import ScriptedModel
from vivavoce.engines.tts.scripted import ScriptedSynthesizer
from vivavoce.engines.vad.scripted import ScriptedDetector
from vivavoce.runtime import loading
from vivavoce.runtime.batching import WINDOW_BYTES
from vivavoce.runtime.catalogue import (
    Catalogue,
    EngineRef,
    Engines,
    ModelPlan,
    StandIn,
    UnknownModelError,
    UnsuitableModelError,
)
from vivavoce.runtime.models import Models
from vivavoce.runtime.pipeline import ModelLoadError

ALL = ["load vad", "load stt", "load llm", "load tts"]


async def test_two_models_that_name_the_same_engine_share_it() -> None:
    workshop = Workshop()
    other = workshop.ref("llm", "other")
    catalogue = catalogue_of(workshop.pipeline("a"), workshop.pipeline("b", other))
    async with Models(catalogue) as models:
        assert await models.load_at_start() == ()
        assert sorted(workshop.news()) == sorted([*ALL, "load other"])
        async with models.leased("a") as a, models.leased("b") as b:
            assert a.stt.engine is b.stt.engine
            assert a.vad.scorer is b.vad.scorer
            assert a.llm.engine is not b.llm.engine
        assert workshop.news() == []
    assert sorted(workshop.news()) == [
        f"close {key}" for key in ("llm", "other", "stt", "tts", "vad")
    ]


async def test_an_engine_is_loaded_once_however_many_ask_and_whoever_goes() -> None:
    workshop = Workshop()
    gate = workshop.may_load["llm"] = threading.Event()
    async with Models(catalogue_of(workshop.pipeline("a"))) as models:
        first, second = models.hold("a"), models.hold("a")
        async with asyncio.TaskGroup() as tasks:
            gone = tasks.create_task(first.load(["llm"]))
            others = [tasks.create_task(one.load(["llm"])) for one in (first, second)]
            await asyncio.sleep(0)
            gone.cancel()
            await asyncio.sleep(0)
            gate.set()
        assert gone.cancelled()
        assert all(task.done() for task in others)
        assert workshop.news() == ["load llm"]
        first.release()
        second.release()


async def test_a_model_that_waits_for_its_first_use_is_loaded_then() -> None:
    workshop = Workshop()
    async with Models(catalogue_of(workshop.pipeline("a", load="on_use"))) as models:
        await models.load_at_start()
        assert workshop.news() == []
        async with models.leased("a"):
            assert workshop.news() == ALL


class Moody(ScriptedModel):
    failures = 1

    def load(self) -> None:
        if Moody.failures:
            Moody.failures -= 1
            raise EngineError("no such file")
        super().load()


async def test_a_load_that_fails_fails_its_caller_and_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Moody, "failures", 2)
    workshop = Workshop()
    async with Models(
        catalogue_of(workshop.pipeline("a", workshop.ref("llm", kind=Moody)))
    ) as models:
        assert await models.load_at_start() == ("a: llm engine 'scripted': no such file",)
        with pytest.raises(ModelLoadError, match="llm engine 'scripted': no such file"):
            async with models.leased("a"):
                pass
        async with models.leased("a"):
            pass


class Warm(ScriptedModel):
    warmed = False

    def warm_up(self) -> None:
        self.warmed = True


async def test_an_engine_is_warmed_up_once_it_is_loaded() -> None:
    workshop = Workshop()
    async with Models(
        catalogue_of(workshop.pipeline("a", workshop.ref("llm", kind=Warm)))
    ) as models:
        await models.load_at_start()
        assert workshop.made["llm"][0].warmed


def test_an_engine_is_unloaded_when_nobody_has_held_it_for_a_while() -> None:
    async def play() -> None:
        workshop = Workshop()
        plan = workshop.pipeline("a", workshop.ref("llm"), unload_after_s=600)
        async with Models(catalogue_of(plan)) as models:
            async with models.leased("a"):
                await asyncio.sleep(10_000)
            workshop.news()
            await asyncio.sleep(599)
            async with models.leased("a"):
                pass
            await asyncio.sleep(599)
            assert workshop.news() == []
            await asyncio.sleep(2)
            assert sorted(workshop.news()) == ["close llm", "close stt", "close tts", "close vad"]
            async with models.leased("a"):
                assert workshop.news() == ALL

    run_in_virtual_time(play())


def test_an_engine_stays_as_long_as_one_of_its_models_would_keep_it() -> None:
    async def play() -> None:
        workshop = Workshop()
        plans = [workshop.pipeline(name, unload_after_s=s) for name, s in (("a", 5), ("b", None))]
        async with Models(catalogue_of(*plans)) as models:
            async with models.leased("a"):
                pass
            await asyncio.sleep(10_000)
            assert workshop.news() == ALL

    run_in_virtual_time(play())


async def test_a_reload_keeps_what_stays_and_what_live_sessions_hold() -> None:
    workshop = Workshop()
    before = catalogue_of(workshop.pipeline("a", workshop.ref("llm", "old")))
    after = catalogue_of(workshop.pipeline("a", workshop.ref("llm", "new")))
    async with Models(before) as models:
        await models.load_at_start()
        live = models.hold("a")
        workshop.news()
        assert await models.reload(after) == ()
        assert workshop.news() == ["load new"]
        async with models.leased("a") as fresh:
            assert fresh.llm.engine is workshop.made["new"][0]
            assert fresh.stt.engine is live.stt.engine
        assert live.llm.engine is workshop.made["old"][0]
        assert workshop.news() == []
        live.release()
        await workshop.closed["old"].wait()
        assert workshop.news() == ["close old"]


async def test_sound_that_waits_for_a_detector_from_before_a_reload_counts() -> None:
    gate = threading.Event()

    class Slow(ScriptedDetector):
        def score(self, streams: Sequence[int], windows: npt.NDArray[np.int16]) -> list[float]:
            assert gate.wait(30)
            return super().score(streams, windows)

    workshop = Workshop()
    before = catalogue_of(workshop.pipeline("a", workshop.ref("vad", "old", Slow)))
    async with Models(before) as models:
        live = models.hold("a")
        await live.load()
        stream = live.vad.scorer.open(0, lambda *_: None, lambda _: None)
        await models.reload(catalogue_of(workshop.pipeline("a", workshop.ref("vad", "new"))))
        stream.push(bytes(WINDOW_BYTES))
        assert models.backlog_s() > 0
        gate.set()
        await stream.settled()
        stream.close()
        live.release()


async def test_a_load_that_hangs_holds_up_neither_others_nor_a_later_reload() -> None:
    workshop = Workshop()
    gate = workshop.may_load["stuck"] = threading.Event()
    stuck = catalogue_of(workshop.pipeline("a", workshop.ref("vad", "stuck")))
    sound = catalogue_of(workshop.pipeline("b", workshop.ref("vad", "sound")))
    async with Models(catalogue_of(workshop.pipeline("a"))) as models:
        hanging = models.reload(stuck)
        async with models.leased_engine("tts", "a"):
            pass
        assert await models.reload(sound) == ()
        assert hanging.cancelled()
        assert "load stuck" not in workshop.news()
        async with models.leased("b"):
            pass
        gate.set()
    assert workshop.news().count("close stuck") == 1


async def test_an_engine_that_is_let_go_while_it_loads_is_closed_when_it_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loading, "GRACE_S", 0.0)
    workshop = Workshop()
    gate = workshop.may_load["llm"] = threading.Event()
    catalogue = catalogue_of(workshop.pipeline("a", load="on_use"))
    async with Models(catalogue) as models:
        lease = models.hold_engine("llm", "a")
        async with asyncio.TaskGroup() as tasks:
            gone = tasks.create_task(lease.load())
            await asyncio.sleep(0)
            gone.cancel()
        await models.reload(catalogue_of(workshop.pipeline("b", workshop.ref("llm", "other"))))
        lease.release()
        for _ in range(10):
            await asyncio.sleep(0)
        assert not workshop.closed["llm"].is_set()
        gate.set()
        async with asyncio.timeout(30):
            await workshop.closed["llm"].wait()


async def test_a_model_that_is_gone_is_refused_to_new_sessions() -> None:
    workshop = Workshop()
    async with Models(catalogue_of(workshop.pipeline("a"))) as models:
        live = models.hold("a")
        await models.reload(catalogue_of(workshop.pipeline("b"), aliases={"c": "b"}))
        text = r"'a' does not exist\. Configured are: 'b', 'c'"
        with pytest.raises(UnknownModelError, match=text):
            models.hold("a")
        await live.load()
        live.release()


async def test_a_single_engine_serves_what_needs_only_that() -> None:
    workshop = Workshop()
    whisper = ModelPlan(name="small", engines={"stt": workshop.ref("stt", "whisper")})
    catalogue = catalogue_of(
        whisper, workshop.pipeline("a", load="on_use"), aliases={"whisper-1": "small"}
    )
    async with Models(catalogue) as models:
        assert await models.load_at_start() == ()
        assert workshop.news() == ["load whisper"]
        with pytest.raises(UnsuitableModelError, match=r"no voice activity detection.* are: a\."):
            models.hold("small")
        async with models.leased_engine("stt", "whisper-1") as lease:
            assert lease.engine is workshop.made["whisper"][0]
        with pytest.raises(UnsuitableModelError, match="'whisper-1' has no speech synthesis"):
            models.hold_engine("tts", "whisper-1")


async def test_transcription_models_are_recognisers_and_unknown_ones_the_models_own() -> None:
    workshop = Workshop()
    whisper = ModelPlan(name="small", engines={"stt": workshop.ref("stt", "whisper")})
    plain = workshop.pipeline("a")
    catalogue = catalogue_of(whisper, plain, aliases={"whisper-1": "small"})
    async with Models(catalogue) as models:
        for name, key in (("whisper-1", "whisper"), ("gpt-4o-transcribe", "stt")):
            pipeline = models.hold_recognizer(name)
            assert pipeline.stt.ref.key == key
            pipeline.release()
        pipeline = models.hold("a")
        assert pipeline.recognizer("anything") is pipeline.stt
        other = pipeline.recognizer("whisper-1")
        assert (other.ref.key, pipeline.recognizer("small")) == ("whisper", other)
        pipeline.release()


class Uninstalled(ScriptedSynthesizer):
    name = "uninstalled"

    def load(self) -> None:
        raise MissingDependencyError("no voice")


async def test_a_missing_package_gets_a_stand_in_until_it_is_there() -> None:
    workshop = Workshop()
    stand_in = StandIn(AbsentSynthesizer, "Answers are not spoken")
    missing: list[type[Any]] = [Uninstalled]

    def make() -> Any:
        return (missing or [ScriptedSynthesizer])[0]()

    voice = EngineRef("tts", "voice", make, stand_in=stand_in)
    catalogue = catalogue_of(workshop.pipeline("a", voice))
    async with Models(catalogue) as models:
        assert await models.load_at_start() == ()
        assert models.notices == ("Answers are not spoken: no voice",)
        assert models.engine_names(catalogue.plans["a"])["tts"] == "absent"
        async with models.leased("a") as pipeline:
            assert pipeline.tts.engine.name == "absent"
            missing.clear()
            await models.reload(catalogue_of(workshop.pipeline("a", EngineRef("tts", "v2", make))))
            assert pipeline.tts.engine.name == "absent"
        assert not models.notices
        async with models.leased("a") as pipeline:
            assert pipeline.tts.engine.name == "scripted"


async def test_all_engines_are_tried_and_all_failures_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Moody, "failures", 2)
    workshop = Workshop()
    broken = (workshop.ref("llm", kind=Moody), workshop.ref("tts", kind=Uninstalled))
    async with Models(catalogue_of(workshop.pipeline("a", *broken))) as models:
        both = "llm engine 'scripted': no such file; tts engine 'uninstalled': no voice"
        with pytest.raises(ModelLoadError, match=both):
            async with models.leased("a"):
                pass


async def test_engines_that_are_made_already_are_one_model_for_any_name() -> None:
    workshop = Workshop()
    llm = ScriptedModel()
    engines = Engines(
        ScriptedDetector(), workshop.ref("stt").make(), llm, workshop.ref("tts").make()
    )
    async with Models(engines.catalogue()) as models, models.leased("whatever") as pipeline:
        assert pipeline.llm.engine is llm


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"aliases": {"b": "c"}}, "the alias 'b' stands for 'c', which is no model"),
        ({"aliases": {"a": "a"}}, "'a' is both a model and an alias"),
        ({"default": "c"}, "the default model 'c' is not configured"),
    ],
)
def test_names_lead_to_one_model_each(wrong: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        catalogue_of(Workshop().pipeline("a"), **wrong)


def test_a_default_takes_all_other_names() -> None:
    workshop = Workshop()
    plans = {name: workshop.pipeline(name) for name in ("a", "b")}
    catalogue = Catalogue(plans=plans, aliases={"c": "b"}, default="a")
    assert [catalogue.resolve(name).name for name in ("a", "b", "c", "d")] == ["a", "b", "b", "a"]
