"""Which engines of a catalogue work elsewhere, and what a worker has in their place."""

from pathlib import Path
from typing import ClassVar

import pytest

from support.remote_engines import hosted
from support.watched_engines import Endless, Watched
from vivavoce.assembly import assemble
from vivavoce.config import Settings
from vivavoce.engines.about import About
from vivavoce.engines.absent import AbsentSynthesizer
from vivavoce.engines.base import HasVoices, MissingDependencyError, StreamingRecognizer
from vivavoce.engines.registry import Slot
from vivavoce.engines.remote.address import UnixAddress
from vivavoce.engines.remote.host import RemoteHost
from vivavoce.engines.stt.scripted import ScriptedRecognizer
from vivavoce.engines.tts.espeak import EspeakSynthesizer
from vivavoce.runtime.catalogue import Catalogue, EngineLimits, EngineRef, ModelPlan, StandIn
from vivavoce.runtime.models import Models
from vivavoce.runtime.remote_engines import (
    hosted_part,
    is_heavy,
    offered_part,
    with_remote_engines,
)

HOST = RemoteHost(UnixAddress("/nowhere"))


class LightOfOthers(Watched):
    about: ClassVar[About] = About(what="asks a server", light=True)


@pytest.mark.parametrize(
    ("slot", "engine", "heavy"),
    [
        ("stt", ScriptedRecognizer(), False),
        ("tts", EspeakSynthesizer(), True),
        ("tts", AbsentSynthesizer("why"), False),
        ("stt", Watched(), True),
        ("stt", LightOfOthers(), False),
        ("vad", Watched(), False),
        ("noise", Watched(), False),
    ],
)
def test_what_holds_a_model_or_does_not_say_is_heavy(
    slot: Slot, engine: Watched, heavy: bool
) -> None:
    assert is_heavy(EngineRef(slot, "key", lambda: engine)) is heavy


def test_a_worker_keeps_what_is_light_and_the_host_gets_the_rest() -> None:
    catalogue = assemble(Settings(stt="scripted"))
    (here,) = with_remote_engines(catalogue, HOST).plans.values()
    (there,) = hosted_part(catalogue).plans.values()
    made = {slot: type(ref.make()).__name__ for slot, ref in here.engines.items()}
    assert made == {
        "vad": "SileroDetector",
        "stt": "ScriptedRecognizer",
        "llm": "ScriptedModel",
        "tts": "RemoteSynthesizer",
    }
    assert list(there.engines) == ["tts"]
    (offered,) = offered_part(catalogue).plans.values()
    assert sorted(offered.engines) == ["llm", "stt", "tts"]


def test_what_is_known_before_a_load_is_known_of_one_elsewhere() -> None:
    ref = EngineRef("tts", "key", EspeakSynthesizer, limits=EngineLimits(5.0, 60.0), memory_mb=9)
    catalogue = Catalogue(plans={"m": ModelPlan(name="m", engines={"tts": ref})})
    remote = with_remote_engines(catalogue, HOST).plans["m"].engines["tts"]
    engine, here = remote.make(), EspeakSynthesizer()
    assert (engine.name, engine.sample_rate) == (here.name, here.sample_rate)
    assert isinstance(engine, HasVoices)
    assert engine.voices == here.voices
    assert not isinstance(engine, StreamingRecognizer)
    assert remote == ref, "it has the same key"
    assert remote.limits == EngineLimits(15.0, 70.0), "the host's verdict comes first"
    assert remote.memory_mb == 0, "it is counted by the host"


def test_models_without_a_heavy_engine_are_none_of_the_hosts() -> None:
    light = ModelPlan(name="a", engines={"stt": EngineRef("stt", "a", ScriptedRecognizer)})
    heavy = ModelPlan(name="b", engines={"tts": EngineRef("tts", "b", EspeakSynthesizer)})
    catalogue = Catalogue(plans={"a": light, "b": heavy}, aliases={"x": "a", "y": "b"}, default="a")
    part = hosted_part(catalogue)
    assert (list(part.plans), dict(part.aliases), part.default) == (["b"], {"y": "b"}, None)


class Missing(Watched):
    def load(self) -> None:
        raise MissingDependencyError("pip install it")


async def test_what_stands_in_for_a_missing_package_stands_in_the_worker(tmp_path: Path) -> None:
    stand_in = StandIn(AbsentSynthesizer, "Answers are not spoken")
    ref = EngineRef("tts", "key", Missing, stand_in=stand_in)
    catalogue = Catalogue(plans={"m": ModelPlan(name="m", engines={"tts": ref})})
    async with (
        hosted(hosted_part(catalogue), tmp_path, None) as address,
        Models(with_remote_engines(catalogue, RemoteHost(address))) as models,
    ):
        assert await models.load_at_start() == ()
        assert models.notices == ("Answers are not spoken: pip install it",)
        async with models.leased_engine("tts", "m") as lease:
            assert isinstance(lease.engine, AbsentSynthesizer)


@pytest.mark.parametrize(("unload_after_s", "memory_mb"), [(3600.0, None), (None, 100)])
async def test_a_worker_lets_go_at_once_and_the_host_keeps_it_for_its_time(
    tmp_path: Path, unload_after_s: float | None, memory_mb: int | None
) -> None:
    engine = Endless()
    ref = EngineRef("turn", "t", lambda: engine)
    plan = ModelPlan(name="m", engines={"turn": ref}, load="on_use", unload_after_s=unload_after_s)
    catalogue = Catalogue(plans={"m": plan}, memory_mb=memory_mb)
    async with hosted(hosted_part(catalogue), tmp_path, None) as address:
        async with Models(with_remote_engines(catalogue, RemoteHost(address))) as models:
            async with models.leased_engine("turn", "m") as lease:
                adapter = lease.engine
            async with models.leased_engine("turn", "m") as lease:
                assert lease.engine is not adapter
        assert (engine.loads, engine.closed.is_set()) == (1, False)
