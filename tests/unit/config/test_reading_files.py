"""A file or a folder becomes settings and models; errors say where and what would be right."""

from pathlib import Path

import pytest

from vivavoce.config import ConfigError, read_configuration, read_settings
from vivavoce.config.resolution import resolve

PIPELINE = "name: chat\npipeline: {llm: http://localhost:11434/v1#qwen3}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "vivavoce.yaml").write_text("port: 9000\ndefault_model: chat\n")
    (tmp_path / "chat.yml").write_text(PIPELINE + "aliases: [gpt-realtime]\n")
    (tmp_path / "single.yaml").write_text("- {name: ears, engine: faster-whisper}\n")
    (tmp_path / ".hidden.yaml").write_text("name: [nothing of ours\n")
    (tmp_path / "notes.txt").write_text("nothing of ours")
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def message(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_settings(path, {})
    return str(caught.value)


def test_a_folder_has_settings_in_one_file_and_models_in_the_others(folder: Path) -> None:
    settings = read_settings(folder, {"port": 9001})
    assert (settings.port, settings.default_model) == (9001, "chat")
    assert [model.name for model in settings.models] == ["chat", "ears"]


def test_a_file_with_a_name_is_a_model(tmp_path: Path) -> None:
    settings = read_settings(write(tmp_path / "chat.yaml", PIPELINE), {})
    assert [model.name for model in settings.models] == ["chat"]


def test_a_file_may_hold_settings_and_models(tmp_path: Path) -> None:
    text = "port: 1\nmodels:\n- name: ears\n  engine: pocketsphinx\naliases: {whisper-1: ears}\n"
    settings = read_settings(write(tmp_path / "all.yaml", text), {})
    assert (settings.models[0].name, settings.aliases) == ("ears", {"whisper-1": "ears"})


def test_a_folder_without_files_says_what_belongs_there(tmp_path: Path) -> None:
    assert "vivavoce.yaml holds the settings" in message(tmp_path)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("port: many\n", 1, "'port': expected an integer, but got a string"),
        ("\n\nprot: 80\n", 3, "Did you mean 'port'?"),
        ("- name: a\n  pipeline:\n    llm: scripted\n    ttts: espeak\n", 4, "Did you mean 'tts'?"),
        ("- name: a\n  pipeline: {}\n- name: b\n  pipeline:\n    tts: espeek\n", 5, "'espeak'?"),
        ("- name: a\n  pipeline: {}\n  unload_after_minutes: -1\n", 3, "unload_after_minutes"),
        ("- name: a\n  pipeline: {}\n  language: english please\n", 3, "language"),
        ("name: a\npipeline: {}\nturn_detection: {type: server_vadd}\n", 3, "'semantic_vad'"),
        ("models: {a: b}\n", 1, "expected a list of models"),
        ("- espeak\n", 1, "a mapping with a `name`"),
        ("name: a\nname: b\n", 2, "a second time"),
        ("a: [\n", 2, "this is not YAML"),
        ("on: 3\n", 1, "YAML takes 'on' for a value of the type bool. Put it in quotes"),
        ("name: a\nengine: &e\n  engine: espeak\n  x: *e\n", 2, "contains itself"),
        (
            "aliases: {x: b}\nmodels:\n- {name: a, engine: espeak, aliases: [x]}\n"
            "- {name: b, engine: pocketsphinx}\n",
            1,
            "'x' is a name of the model 'a' already",
        ),
        ("default_model: a\nmodels:\n- {name: a, engine: espeak}\n", 1, "a single engine"),
        ("default_model: y\nmodels:\n- {name: a, pipeline: {}, aliases: [y]}\n", 1, "write 'a'"),
        ("- name: vivavoce\n  engine: espeak\n", 1, "the server's own engines"),
        ("aliases: {whisper-1: earz}\nmodels:\n- {name: ears, engine: pocketsphinx}\n", 1, "ears"),
        ("default_model: x\n", 1, "there is no model 'x'"),
        ("- name: a\n  engine: openai\n", 2, "add `slot: stt` or `slot: llm` or `slot: tts`"),
        ("- name: a\n  engine: http://localhost:1/v1#m\n", 2, "add `slot: vad`"),
        ("- {name: ears, engine: pocketsphinx}\n- name: a\n  pipeline: {tts: ears}\n", 3, "speech"),
        ("- {name: b, pipeline: {}}\n- name: a\n  pipeline: {llm: b}\n", 3, "is a pipeline"),
        ("- {name: a, pipeline: {}}\n- name: b\n  pipeline: {}\n  aliases: [a]\n", 4, "already"),
    ],
)
def test_an_error_has_its_file_and_line_and_what_would_be_right(
    text: str, line: int, said: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "vivavoce.yaml", text)
    text = message(path)
    assert text.startswith(f"{path}:{line}: ")
    assert said in text


@pytest.mark.parametrize(
    "more", ["", "pipeline: {}\nengine: espeak\n", "pipeline: {}\nslot: tts\n"]
)
def test_a_model_has_either_a_pipeline_or_an_engine(more: str, tmp_path: Path) -> None:
    text = message(write(tmp_path / "a.yaml", "name: a\n" + more))
    assert "`engine" in text


def test_a_name_that_two_files_have_is_refused_with_both(folder: Path) -> None:
    write(folder / "other.yaml", PIPELINE)
    text = message(folder)
    assert f"{folder / 'other.yaml'}:1" in text
    assert f"{folder / 'chat.yml'}:1" in text


def test_an_option_that_is_wrong_is_not_blamed_on_the_file(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"^the options: .*max_sessions"):
        read_settings(folder, {"max_sessions": 0})


def test_options_and_file_are_judged_together(tmp_path: Path) -> None:
    path = write(tmp_path / "vivavoce.yaml", "tls_cert: cert.pem\n")
    assert read_settings(path, {"tls_key": "key.pem"}).tls_key == "key.pem"


def test_what_an_anchor_repeats_is_read_everywhere(tmp_path: Path) -> None:
    text = "models:\n- name: a\n  pipeline: &p {tts: espeak}\n- name: b\n  pipeline: *p\n"
    settings = read_settings(write(tmp_path / "vivavoce.yaml", text), {})
    assert settings.models[0].pipeline == settings.models[1].pipeline


def test_a_file_that_a_model_downloads_is_found_by_its_engine(tmp_path: Path) -> None:
    text = (
        "name: voice\nengine: {engine: piper, voice: de.onnx}\n"
        "download_files:\n- {filename: de.onnx, uri: 'https://example.com/de.onnx'}\n"
    )
    model = read_settings(write(tmp_path / "voice.yaml", text), {}).models[0]
    assert model.engine == {"engine": "piper", "voice": str(tmp_path / "de.onnx")}
    assert model.download_files[0].filename == str(tmp_path / "de.onnx")


def test_a_part_of_a_pipeline_may_be_named_by_any_name_of_a_model(tmp_path: Path) -> None:
    text = (
        "aliases: {whisper-2: ears}\nmodels:\n- {name: ears, engine: pocketsphinx, aliases: [w]}\n"
        "- {name: a, pipeline: {transcription: w}}\n"
        "- {name: b, pipeline: {transcription: whisper-2}}\n"
    )
    settings = read_settings(write(tmp_path / "vivavoce.yaml", text), {})
    heard = [resolve(model, settings).engines["stt"].engine for model in settings.models]
    assert heard == ["pocketsphinx"] * 3


def test_keys_of_engines_are_not_shown(tmp_path: Path) -> None:
    server = "{engine: openai, base_url: 'http://x/v1', model: m, api_key: k3y}"
    text = f"name: a\npipeline: {{llm: {server}}}"
    assert "k3y" not in repr(read_configuration(write(tmp_path / "a.yaml", text), {}))


def test_the_model_of_the_servers_own_engines_has_other_names_too(tmp_path: Path) -> None:
    text = "aliases: {gpt-realtime: vivavoce}\nmodels:\n- {name: a, engine: espeak}\n"
    path = write(tmp_path / "vivavoce.yaml", text)
    assert read_settings(path, {}).aliases == {"gpt-realtime": "vivavoce"}
