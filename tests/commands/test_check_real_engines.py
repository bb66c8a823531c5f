"""LocalAI's files, read as they are, on the real engines with tiny weights."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from vivavoce.cli import main

FILES = {
    "gpt-realtime": "pipeline: {vad: silero, transcription: whisper, llm: tiny, tts: voice}",
    "zweitens": "language: de\npipeline: {transcription: whisper, llm: tiny, tts: voice}",
    "silero": "backend: silero-vad\nparameters: {model: silero.onnx}",
    "whisper": "backend: faster-whisper\nparameters: {model: whisper, language: en}\nf16: true",
    "tiny": "backend: llama-cpp\ncontext_size: 2048\nparameters: {model: tiny.gguf}",
    "voice": "backend: piper\nparameters: {model: en_US-lessac-medium.onnx}",
}


@pytest.fixture(scope="module")
def folder(
    tmp_path_factory: pytest.TempPathFactory, require_module: Callable[..., ModuleType]
) -> Path:
    for name in ("faster_whisper", "xllamacpp", "gguf", "piper", "onnx"):
        if find_spec(name) is None:  # piper itself is for the child processes only
            require_module(name, reason=f"pip install {name}")
    from support.tiny_gguf import build_tiny_model
    from support.tiny_voices import write_piper
    from support.tiny_whisper import write_tiny_whisper

    folder = tmp_path_factory.mktemp("localai")
    build_tiny_model(folder / "tiny.gguf")
    write_piper(folder, "en_US-lessac-medium")
    (folder / "whisper").mkdir()
    write_tiny_whisper(folder / "whisper")
    for name, text in FILES.items():
        (folder / f"{name}.yaml").write_text(f"name: {name}\n{text}\n")
    return folder


def test_the_pipeline_hears_answers_and_speaks(folder: Path) -> None:
    result = CliRunner().invoke(main, ["check", "gpt-realtime", "--config", str(folder)])
    assert result.exit_code == 0, result.output
    assert "heard “hello world”" in result.output
    assert "answered “Certainly, this answer comes from a very small model." in result.output
    assert "piper was loaded" in result.output
    assert "spoke" in result.output
    assert "Notice: " in result.output
    assert "without effect here: f16." in result.output


def test_the_second_language_is_heard_by_the_model_that_has_it(folder: Path) -> None:
    result = CliRunner().invoke(main, ["check", "zweitens", "--config", str(folder)])
    assert "heard “hallo welt”" in result.output
