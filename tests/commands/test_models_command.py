"""`vivavoce models` and `vivavoce models pull`."""

import hashlib
from pathlib import Path

import pytest
from click.testing import CliRunner

from vivavoce.cli import main

WEIGHTS = b"not really weights" * 1000


def call(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, result.output


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The file that a download brings."""
    path = tmp_path / "upstream.bin"
    path.write_bytes(WEIGHTS)
    return path


@pytest.fixture
def config(tmp_path: Path, source: Path) -> Path:
    """A model that needs that file, with the right sum."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "voice.yaml").write_text(
        "name: voice\nengine: espeak\naliases: [tts-1]\ndescription: A robot.\n"
        f"download_files:\n- filename: weights.bin\n  uri: {source.as_uri()}\n"
        f"  sha256: {hashlib.sha256(WEIGHTS).hexdigest()}\n"
    )
    return folder


def test_models_are_listed_with_names_engines_and_what_is_missing(config: Path) -> None:
    status, output = call("models", "--config", str(config))
    assert status == 0
    assert "voice (tts-1)" in output
    assert "A robot." in output
    assert "espeak" in output
    assert f"not here: {config / 'weights.bin'}" in output


def test_files_that_engines_name_and_that_are_not_here_are_listed(tmp_path: Path) -> None:
    here = tmp_path / "de.onnx"
    here.write_bytes(b"")
    config = tmp_path / "models.yaml"
    config.write_text(
        f"- name: a\n  engine: piper:{tmp_path}/en\n"
        f"- name: b\n  engine: {{engine: piper, voice: {tmp_path}/de}}\n"
    )
    _, output = call("models", "--config", str(config))
    assert [line for line in output.splitlines() if "not here" in line] == [
        f"  not here: {tmp_path}/en"
    ]


def test_without_models_it_says_how_to_have_some() -> None:
    status, output = call("models")
    assert status == 0
    assert "--profile local" in output


def test_pull_brings_what_is_missing(config: Path) -> None:
    status, output = call("models", "--config", str(config), "pull")
    assert (status, (config / "weights.bin").read_bytes()) == (0, WEIGHTS)
    assert "All that is needed by voice is here." in output
    assert "not here" not in call("models", "--config", str(config))[1]


def test_pull_leaves_alone_what_is_here(config: Path, source: Path) -> None:
    call("models", "--config", str(config), "pull")
    source.unlink()
    assert call("models", "--config", str(config), "pull", "voice")[0] == 0


def test_a_file_with_another_sum_is_not_kept(config: Path, source: Path) -> None:
    source.write_bytes(b"something else")
    status, output = call("models", "--config", str(config), "pull")
    assert status == 1
    assert "its SHA-256 is" in output
    assert [path.name for path in config.iterdir()] == ["voice.yaml"]


def test_a_download_that_fails_names_where_from_and_where_to(config: Path, source: Path) -> None:
    source.unlink()
    status, output = call("models", "--config", str(config), "pull")
    assert status == 1
    assert source.as_uri() in output
    assert str(config / "weights.bin") in output


def test_a_model_that_is_none_cannot_be_pulled(config: Path) -> None:
    status, output = call("models", "--config", str(config), "pull", "voise")
    assert status == 1
    assert "Configured are: voice." in output


def test_a_model_of_the_hub_that_is_not_here_is_told_offline(tmp_path: Path) -> None:
    file = tmp_path / "ears.yaml"
    engine = f"{{engine: faster-whisper, model: owner/none, download_root: {tmp_path / 'hub'}}}"
    file.write_text(f"name: ears\nengine: {engine}\n")
    status, output = call("serve", "--port", "0", "--offline", "--config", str(file))
    assert status == 1
    assert "The model of faster-whisper owner/none is not here" in output
    assert "vivavoce models pull" in output


def test_offline_a_server_names_the_command_that_brings_it(config: Path) -> None:
    status, output = call("serve", "--port", "0", "--offline", "--config", str(config))
    assert status == 1
    assert f"{config / 'weights.bin'} is not here" in output
    assert "vivavoce models pull voice" in output
