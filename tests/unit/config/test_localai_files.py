"""LocalAI's own files are read as they are; what has no effect here, or cannot run, is said."""

from collections.abc import Callable
from pathlib import Path

import pytest

from vivavoce.config import ConfigError, Configuration, read_configuration
from vivavoce.config.resolution import resolve

Folder = Callable[..., Configuration]

PIPELINE = """
name: gpt-realtime
pipeline:
  vad: silero-vad-ggml
  transcription: whisper-large-turbo
  llm: qwen3-4b
  tts: tts-1
"""
VAD = "name: silero-vad-ggml\nbackend: silero-vad\nparameters: {model: silero-vad.ggml}\n"
WHISPER = """
name: whisper-large-turbo
backend: whisper
parameters: {model: ggml-large-v3-turbo-q5_0.bin, language: de}
known_usecases: [transcript]
"""
QWEN = """
name: qwen3-4b
backend: llama-cpp
context_size: 4096
f16: true
template: {use_tokenizer_template: true}
parameters: {model: huggingface://Qwen/Qwen3-4B-GGUF/Qwen3-4B-Q4_K_M.gguf, temperature: 0.6}
"""
VOICE = "name: tts-1\nbackend: piper\nparameters: {model: de.onnx}\ntts: {voice: de}\n"


@pytest.fixture
def reading(tmp_path: Path) -> Folder:
    """Reads a folder with these files."""

    def read(*files: str) -> Configuration:
        for number, text in enumerate(files):
            (tmp_path / f"{number}.yaml").write_text(text)
        return read_configuration(tmp_path, {})

    return read


def test_a_pipeline_of_localai_gets_the_engines_that_stand_for_its_backends(
    reading: Folder, tmp_path: Path
) -> None:
    settings = reading(PIPELINE, VAD, WHISPER, QWEN, VOICE).settings
    model = resolve(settings.models[0], settings)
    gguf = str(tmp_path / "Qwen3-4B-Q4_K_M.gguf")
    assert {slot: (each.engine, dict(each.options)) for slot, each in model.engines.items()} == {
        "vad": ("silero", {}),
        "stt": ("faster-whisper", {"model": "large-v3-turbo"}),
        "llm": ("xllamacpp", {"model": gguf, "n_ctx": 4096, "temperature": 0.6}),
        "tts": ("piper", {"voice": str(tmp_path / "de.onnx")}),
    }
    assert model.voice == "de"


def test_the_file_of_a_model_is_to_be_downloaded_beside_its_description(
    reading: Folder, tmp_path: Path
) -> None:
    file = reading(QWEN).settings.models[0].download_files[0]
    assert file.uri == "huggingface://Qwen/Qwen3-4B-GGUF/Qwen3-4B-Q4_K_M.gguf"
    assert file.filename == str(tmp_path / "Qwen3-4B-Q4_K_M.gguf")


def test_what_has_no_effect_is_named_once(reading: Folder, tmp_path: Path) -> None:
    notices = reading(QWEN).notices
    assert notices == (f"{tmp_path / '0.yaml'}: without effect here: f16, template.",)


def test_another_form_of_the_weights_is_told(reading: Folder) -> None:
    (notice,) = reading(WHISPER).notices
    assert "faster-whisper's form of Whisper large-v3-turbo" in notice


def test_a_backend_that_does_not_exist_here_leaves_the_other_models_alone(reading: Folder) -> None:
    found = reading("name: pictures\nbackend: diffusers\n", WHISPER)
    assert [model.name for model in found.settings.models] == ["whisper-large-turbo"]
    assert "The backend 'diffusers' of LocalAI does not exist here" in found.notices[0]


def test_a_pipeline_with_such_a_backend_is_refused_with_the_reason(
    reading: Folder, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        reading("name: a\npipeline:\n  tts: bark\n", "name: bark\nbackend: bark\n")
    assert str(caught.value).startswith(f"{tmp_path / '0.yaml'}:3: pipeline.tts: ")
    assert "'bark' of LocalAI does not exist here" in str(caught.value)


def test_a_backend_that_is_used_for_something_else_does_not_exist_here(reading: Folder) -> None:
    found = reading(VAD, "name: e\nbackend: llama-cpp\nknown_usecases: [embeddings]\n")
    assert [model.name for model in found.settings.models] == ["silero-vad-ggml"]


def test_where_none_of_the_models_can_run_nothing_takes_their_place(reading: Folder) -> None:
    with pytest.raises(
        ConfigError, match=r"none of the models can run here\. w: .* `backend: fast"
    ):
        reading("name: w\nbackend: whisper\nparameters: {model: ours.bin}\n")


def test_whisper_of_an_unknown_size_asks_for_one(reading: Folder) -> None:
    (notice,) = reading(VAD, "name: w\nbackend: whisper\nparameters: {model: ours.bin}\n").notices
    assert "`backend: faster-whisper`" in notice


def test_an_alias_and_a_disabled_model_are_understood(reading: Folder) -> None:
    found = reading(
        WHISPER, "name: whisper-1\nalias: whisper-large-turbo\n", f"{QWEN}disabled: true\n"
    )
    assert [model.name for model in found.settings.models] == ["whisper-large-turbo"]
    assert found.settings.aliases == {"whisper-1": "whisper-large-turbo"}


def test_what_cannot_be_downloaded_here_is_said(reading: Folder) -> None:
    found = reading(VAD, "name: q\nbackend: llama-cpp\nparameters: {model: 'ollama://qwen3'}\n")
    assert "ollama://qwen3 cannot be downloaded here" in found.notices[0]


def test_a_gpu_and_the_language_of_whisper_are_understood(reading: Folder) -> None:
    more = "cuda: true\ndownload_files: [{filename: x, uri: 'oci://registry/x'}]\n"
    model = reading(f"{WHISPER}{more}".replace("language: de", "language: auto")).settings.models[0]
    assert (model.device, model.language, model.download_files) == ("cuda", None, ())
    assert reading(WHISPER).settings.models[0].language == "de"


def test_what_a_pipeline_says_of_its_sessions_has_an_effect(reading: Folder) -> None:
    text = (
        "name: a\nsystem_prompt: Be brief.\npipeline:\n  llm: scripted\n  disable_warmup: true\n"
        "  turn_detection: {type: semantic_vad, eagerness: high}\n  max_history_items: 6\n"
    )
    found = reading(text)
    model = found.settings.models[0]
    assert (model.load, model.turn_detection.eagerness) == ("on_use", "high")  # type: ignore[union-attr]
    assert model.instructions == "Be brief."
    assert found.notices[0].endswith("without effect here: pipeline.max_history_items.")


@pytest.mark.parametrize(
    ("said", "options"),
    [
        ("disable_thinking: true", {"thinking": False}),
        ("reasoning_effort: none", {"thinking": False}),
        ("reasoning_effort: low", {"reasoning_effort": "low"}),
    ],
)
def test_a_pipeline_says_how_its_language_model_thinks(
    reading: Folder, said: str, options: dict[str, object]
) -> None:
    pipeline = f"name: a\npipeline:\n  llm: qwen3-4b\n  {said}\n"
    found = reading(pipeline, QWEN)
    model = resolve(found.settings.models[0], found.settings)
    assert options.items() <= dict(model.engines["llm"].options).items()
    assert not any("without effect here: pipeline" in notice for notice in found.notices)


def test_a_language_model_says_how_much_it_thinks(reading: Folder) -> None:
    found = reading(f"{QWEN}reasoning_effort: low\n")
    model = resolve(found.settings.models[0], found.settings)
    assert model.engines["llm"].options["reasoning_effort"] == "low"
    assert "reasoning_effort" not in found.notices[0]


def test_thinking_is_for_language_models_with_options(reading: Folder) -> None:
    for model, reason in [
        ("name: a\nengine: silero\nthinking: false\n", "this model has no language model"),
        ("name: a\npipeline: {llm: 'xllamacpp:m.gguf'}\nthinking: false\n", "has no place for it"),
    ]:
        with pytest.raises(ConfigError, match=reason):
            reading(model)


def test_a_key_that_is_nearly_one_of_ours_is_pointed_out(reading: Folder) -> None:
    (notice,) = reading(f"{VOICE}alias_es: [x]\n").notices
    assert "Did you mean 'aliases'?" in notice


def test_a_proxy_to_a_chat_server_is_that_server(
    reading: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPSTREAM_KEY", "sk-9")
    settings = reading(
        "name: big\nbackend: cloud-proxy\nproxy:\n"
        "  upstream_url: https://example.com/v1/chat/completions\n  api_key_env: UPSTREAM_KEY\n"
    ).settings
    choice = resolve(settings.models[0], settings).engines["llm"]
    assert dict(choice.options) == {
        "base_url": "https://example.com/v1",
        "model": "big",
        "api_key": "sk-9",
    }
    assert "sk-9" not in str(choice)


def test_a_name_that_two_files_give_to_different_models_is_refused(reading: Folder) -> None:
    both = ("name: x\nalias: silero-vad-ggml\n", "name: x\nalias: whisper-large-turbo\n")
    with pytest.raises(
        ConfigError, match=r"1\.yaml:1: name: 'x' is another name already, in .*0\."
    ):
        reading(*both, VAD, WHISPER)


def test_an_alias_of_nothing_is_named_where_it_stands(reading: Folder) -> None:
    with pytest.raises(ConfigError, match=r"1\.yaml.*there is no model 'nothing'"):
        reading(VAD, "name: x\nalias: nothing\n")


def test_downloads_that_are_no_list_are_refused(reading: Folder) -> None:
    with pytest.raises(ConfigError, match=r"0\.yaml:4: download_files: expected a list"):
        reading(f"{VAD}download_files: 3\n")
