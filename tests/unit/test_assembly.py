"""From settings to engines, and to an error where there is no way."""

from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from vivavoce.app import running
from vivavoce.assembly import assemble
from vivavoce.config import ConfigError, Settings, read_settings
from vivavoce.config.names import UNNAMED
from vivavoce.engines import registry
from vivavoce.engines.stt.pocketsphinx import PocketSphinxRecognizer
from vivavoce.engines.tts.espeak import EspeakSynthesizer
from vivavoce.engines.vad.silero import SileroDetector
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.protocol.session_config import ServerVad
from vivavoce.runtime.catalogue import UnknownModelError
from vivavoce.runtime.session_defaults import realtime_session


@pytest.mark.parametrize(
    "setting", [{"llm_api_key": "k"}, {"llm_temperature": 0.0}, {"llm_extra_body": {"top_k": 1}}]
)
@pytest.mark.parametrize("llm", [None, "scripted", {"engine": "scripted"}])
def test_a_servers_settings_need_a_server(llm: Any, setting: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(setting))):
        assemble(Settings(llm=llm, **setting))
    assemble(Settings(llm="http://localhost:1/v1#model", **setting))


@pytest.mark.parametrize("target", ["a_package_that_is_not_there:Engine", "vivavoce:NoEngine"])
def test_a_plug_in_that_cannot_be_imported_is_named(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda group: [EntryPoint("mine", target, group)])
    with pytest.raises(ConfigError, match=r"vad engine 'mine': .* cannot be imported: .*No"):
        assemble(Settings(vad="mine"))


def count(kind: type, loads: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Note every load of an engine, in place of doing it."""
    load: Callable[[Any], None] = lambda self: loads.append(self.name)  # noqa: E731
    monkeypatch.setattr(kind, "load", load)


async def test_a_built_in_engine_is_loaded_once_and_not_before_all_is_settled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loads: list[str] = []
    for kind in (SileroDetector, PocketSphinxRecognizer, EspeakSynthesizer):
        count(kind, loads, monkeypatch)
    with pytest.raises(ConfigError, match="names no model"):
        async with running(Settings(port=0, llm="http://x")):
            pass
    assert loads == []
    async with running(Settings(port=0)):
        assert loads == ["silero", "pocketsphinx", "espeak"]


MODELS = """
models:
- name: assistant
  aliases: [gpt-realtime]
  pipeline: {transcription: ears, llm: scripted}
  instructions: Be brief.
  voice: marin
  language: de
  turn_detection: {type: server_vad, silence_duration_ms: 300}
  unload_after_minutes: 5
  load: on_use
- name: other
  pipeline: {transcription: ears, tts: {engine: scripted, delay_ms: 0, ms_per_char: 60}}
- name: third
  pipeline: {tts: {engine: scripted, ms_per_char: 60, delay_ms: 0}}
- name: ears
  engine: {engine: faster-whisper, model: small}
  device: cpu
tts: {engine: scripted}
"""


def settings_in(text: str, tmp_path: Path, **given: Any) -> Settings:
    file = tmp_path / "vivavoce.yaml"
    file.write_text(text)
    return read_settings(file, given)


def test_models_that_name_the_same_engine_share_it(tmp_path: Path) -> None:
    plans = assemble(settings_in(MODELS, tmp_path)).plans
    assert plans["assistant"].engines["stt"] == plans["ears"].engines["stt"]
    assert plans["assistant"].engines["stt"] == plans["other"].engines["stt"]
    assert plans["other"].engines["tts"] == plans["third"].engines["tts"]
    assert plans["assistant"].engines["tts"] != plans["other"].engines["tts"]


def test_what_a_model_says_of_its_sessions_is_a_session_update(tmp_path: Path) -> None:
    plan = assemble(settings_in(MODELS, tmp_path)).resolve("gpt-realtime")
    session = realtime_session("x", plan, "", HearingAbilities())
    assert session.instructions == "Be brief."
    assert session.audio.output.voice == "marin"
    assert plan.limits == {"language": "de"}
    assert session.audio.input.turn_detection == ServerVad(silence_duration_ms=300)
    assert (plan.load, plan.unload_after_s) == ("on_use", 300)


def test_with_models_another_name_is_refused_unless_there_is_a_default(tmp_path: Path) -> None:
    catalogue = assemble(settings_in(MODELS, tmp_path))
    with pytest.raises(UnknownModelError, match="'gpt-realtime'"):
        catalogue.resolve("gpt-4o")
    catalogue = assemble(settings_in(f"{MODELS}default_model: other\n", tmp_path))
    assert catalogue.resolve("gpt-4o").name == "other"


def test_without_models_every_name_is_the_servers_own() -> None:
    assert assemble(Settings()).resolve("anything").name == UNNAMED


def test_single_engines_leave_the_servers_own_pipeline_there(tmp_path: Path) -> None:
    catalogue = assemble(settings_in("name: voice\nengine: espeak\n", tmp_path))
    assert catalogue.names == ("voice", UNNAMED)


def test_a_stand_in_is_for_what_nobody_named() -> None:
    assert assemble(Settings()).resolve("").engines["stt"].stand_in is not None
    named = assemble(Settings(stt="pocketsphinx")).resolve("")
    assert named.engines["stt"].stand_in is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "- {name: a, engine: espeak, device: cuda}",
            "none of the engines of this model has the option 'device'",
        ),
        ("- {name: a, engine: 'faster-whisper:small', device: cpu}", "has no place for device"),
        ("- {name: a, engine: {engine: espeak, pitch: 3}}", "'espeak' has no option 'pitch'"),
    ],
)
def test_an_option_that_no_engine_takes_is_refused(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said):
        assemble(settings_in(text, tmp_path))


def test_offline_reaches_the_engines_that_download(tmp_path: Path) -> None:
    online = assemble(settings_in(MODELS, tmp_path)).plans["ears"].engines["stt"]
    offline = assemble(settings_in(MODELS, tmp_path, offline=True)).plans["ears"].engines["stt"]
    assert '"offline"' not in online.key
    assert '"offline":true' in offline.key


def test_the_key_for_openai_goes_to_openai_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hosted")
    own = assemble(Settings(llm="http://localhost:1/v1#m")).resolve("").engines["llm"]
    hosted = assemble(Settings(llm="https://api.openai.com/v1#m")).resolve("").engines["llm"]
    assert "sk-hosted" not in own.key
    assert "sk-hosted" in hosted.key
    assert "sk-hosted" not in repr(hosted)


def in_slot(slot: str, engine: Any) -> Settings:
    """The server's settings, with this engine."""
    settings: dict[str, Any] = {slot: engine}
    return Settings(**settings)


@pytest.mark.parametrize("slot", ["stt", "tts"])
def test_recognition_and_voice_are_named_by_a_url_too(
    slot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hosted")
    for url, is_theirs in (("http://localhost:1/v1", False), ("https://api.openai.com/v1", True)):
        settings = in_slot(slot, f"{url}#m")
        ref = assemble(settings).resolve("").engines[slot]
        assert ref.make().name == "openai"
        assert ("sk-hosted" in ref.key) is is_theirs


@pytest.mark.parametrize(
    ("slot", "timeouts"),
    [
        ("stt", {"answer": 5, "retry_pauses": [0.1]}),
        ("llm", {"first_token": 5}),
        ("tts", {"first_audio": 5}),
    ],
)
def test_the_time_limits_of_a_server_are_set_in_the_file(
    slot: Any, timeouts: dict[str, Any]
) -> None:
    engine = {"engine": "openai", "base_url": "http://localhost:1/v1", "model": "m"}
    assemble(in_slot(slot, {**engine, "timeouts": timeouts}))
    wrong = in_slot(slot, {**engine, "timeouts": {"anser": 5}})
    with pytest.raises(ConfigError, match="timeouts: there is no 'anser', only connect"):
        assemble(wrong)


def test_a_model_says_what_its_engine_takes(tmp_path: Path) -> None:
    file = tmp_path / "vivavoce.yaml"
    file.write_text(
        "memory_mb: 4000\nmodels:\n- {name: a, engine: silero, memory_mb: 20}\n"
        "- {name: b, pipeline: {vad: a}}\n"
    )
    catalogue = assemble(read_settings(file, {}))
    assert catalogue.memory_mb == 4000
    assert [catalogue.plans[name].engines["vad"].memory_mb for name in "ab"] == [20, 20]
    file.write_text("name: b\npipeline: {vad: silero}\nmemory_mb: 20\n")
    with pytest.raises(ConfigError, match="make the engine a model of its own"):
        read_settings(file, {})
