"""The configurations under bench/ are what they say, so that load tools measure what they think."""

from pathlib import Path
from typing import Any

import pytest

from vivavoce.assembly import assemble
from vivavoce.config import read_settings
from vivavoce.engines.llm.scripted import read_script

BENCH = Path(__file__).parents[2] / "bench"


@pytest.mark.parametrize(
    ("name", "stt_ms", "llm_ms", "tts_ms"),
    [("stub.yaml", 50, 0, 0), ("stub-answer.yaml", 80, 120, 60)],
)
def test_engines_take_the_times_that_are_promised(
    name: str, stt_ms: int, llm_ms: int, tts_ms: int
) -> None:
    settings = read_settings(BENCH / name, {})
    engines: dict[str, Any] = {slot: getattr(settings, slot) for slot in ("stt", "llm", "tts")}
    assert {engine["engine"] for engine in engines.values()} == {"scripted"}
    (rule,) = read_script(Path(engines["llm"]["script"])).rules
    delays = (engines["stt"]["delay_ms"], rule.delay_ms, engines["tts"]["delay_ms"])
    assert delays == (stt_ms, llm_ms, tts_ms)
    assert rule.token_ms == 0


@pytest.mark.parametrize("name", ["stub.yaml", "stub-answer.yaml"])
def test_the_server_takes_any_model_name_and_thousands_of_callers(name: str) -> None:
    settings = read_settings(BENCH / name, {})
    assemble(settings)
    assert settings.max_sessions >= 10_000
    assert settings.models == ()
    assert settings.vad == "silero"
