"""Models of a file that hear and speak by themselves."""

from pathlib import Path

import msgspec
import pytest

from vivavoce.assembly import assemble
from vivavoce.config import ConfigError, read_settings
from vivavoce.engines.absent import AbsentSynthesizer
from vivavoce.engines.llm.scripted_speech import ScriptedSpeechModel
from vivavoce.engines.llm.speech_chat import SpeechChatModel
from vivavoce.runtime.catalogue import ModelPlan


def plan(tmp_path: Path, *lines: str) -> ModelPlan:
    """The plan of the one model of a file."""
    file = tmp_path / "vivavoce.yaml"
    file.write_text("\n".join(("models:", "- name: omni", *(f"  {line}" for line in lines))))
    return assemble(read_settings(file, {})).plans["omni"]


def test_a_url_is_a_server_with_audio(tmp_path: Path) -> None:
    found = plan(tmp_path, "speech: http://localhost:8091/v1#Qwen/Qwen3-Omni")
    engine = found.engines["llm"].make()
    assert isinstance(engine, SpeechChatModel)
    assert "Qwen/Qwen3-Omni" in repr(engine)


def test_its_options_are_those_of_the_engine(tmp_path: Path) -> None:
    options = "{engine: openai-speech, base_url: http://localhost/v1, model: m, audio_format: wav}"
    assert isinstance(plan(tmp_path, f"speech: {options}").engines["llm"].make(), SpeechChatModel)


def test_nothing_else_speaks(tmp_path: Path) -> None:
    engines = plan(tmp_path, "speech: scripted-speech").engines
    assert isinstance(engines["llm"].make(), ScriptedSpeechModel)
    assert isinstance(engines["tts"].make(), AbsentSynthesizer)


def test_what_is_left_may_be_named_beside_it(tmp_path: Path) -> None:
    found = plan(
        tmp_path,
        "speech: scripted-speech",
        "pipeline: {vad: scripted, transcription: scripted}",
    )
    names = {slot: msgspec.json.decode(ref.key)[0] for slot, ref in found.engines.items()}
    assert names == {
        "llm": "scripted-speech",
        "vad": "scripted",
        "stt": "scripted",
        "tts": "none",
    }


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["speech: scripted"], "does not hear and speak by itself"),
        (["speech: nobody"], "speech: there is no llm engine named 'nobody'"),
        (["speech: scripted-speech", "engine: scripted"], "a model has either"),
        (["speech: scripted-speech", "pipeline: {tts: scripted}"], "`pipeline.tts` has no place"),
        (["description: Nothing."], "`speech: URL#MODEL`"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, lines: list[str], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan(tmp_path, *lines)
    assert said in str(caught.value)
