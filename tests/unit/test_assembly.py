"""From settings to engines, and to an error where there is no way."""

from collections.abc import Callable
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from vivavoce.app import running
from vivavoce.assembly import assemble
from vivavoce.config import ConfigError, Settings
from vivavoce.engines import registry
from vivavoce.engines.stt.pocketsphinx import PocketSphinxRecognizer
from vivavoce.engines.tts.espeak import EspeakSynthesizer
from vivavoce.engines.vad.silero import SileroDetector


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
