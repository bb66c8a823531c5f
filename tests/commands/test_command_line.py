import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from vivavoce import __version__
from vivavoce.cli import CLIENT_HINT, main, need

COMMANDS = sorted(main.commands)
SUM = str(files("vivavoce.speech") / "sum.wav")


def call(*arguments: str, **environment: str) -> tuple[int, str]:
    """The exit status of a command and all that it printed."""
    result = CliRunner().invoke(main, arguments, env=environment)
    return result.exit_code, result.output


def test_the_version_is_told() -> None:
    assert call("--version") == (0, f"vivavoce, version {__version__}\n")


def test_the_help_shows_a_first_line_to_type() -> None:
    status, output = call("--help")
    assert status == 0
    assert "vivavoce serve --llm http://localhost:11434/v1#qwen3" in output
    assert all(f"  {name}" in output for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    status, output = call(name, "--help")
    assert status == 0
    assert f"Usage: main {name}" in output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_its_variable_in_the_environment(name: str) -> None:
    options = [one for one in main.commands[name].params if isinstance(one, click.Option)]
    expected = [one.opts[0].replace("--", "VIVAVOCE_").replace("-", "_").upper() for one in options]
    assert [one.envvar for one in options] == expected


@pytest.mark.parametrize("name", ["serve", "transcribe"])
def test_an_engine_that_does_not_exist_is_named(name: str) -> None:
    arguments = ["transcribe", SUM] if name == "transcribe" else ["serve", "--port", "0"]
    status, output = call(*arguments, VIVAVOCE_STT="ears")
    assert status == 1
    assert "'ears'" in output


def test_a_setting_of_the_wrong_type_is_named(tmp_path: Path) -> None:
    file = tmp_path / "vivavoce.yaml"
    file.write_text("port: many\n")
    status, output = call("serve", "--config", str(file))
    assert status == 1
    assert str(file) in output
    assert "port" in output


def test_an_unknown_setting_is_named(tmp_path: Path) -> None:
    file = tmp_path / "vivavoce.yaml"
    file.write_text("prot: 8080\n")
    status, output = call("serve", "--config", str(file))
    assert status == 1
    assert "prot" in output


def test_a_missing_configuration_file_is_named() -> None:
    status, output = call("serve", VIVAVOCE_CONFIG="nowhere.yaml")
    assert status == 1
    assert "nowhere.yaml" in output


def test_a_configuration_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "vivavoce.yaml"
    file.write_bytes("instructions: Grüße\n".encode("latin-1"))
    status, output = call("serve", "--config", str(file))
    assert status == 1
    assert f"{file}: this is not UTF-8" in output


@pytest.mark.parametrize("place", ["a file", "a file/folder"])
def test_a_trace_folder_that_cannot_be_made_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "a file").touch()
    status, output = call("serve", "--port", "0", "--trace", str(tmp_path / place))
    assert status == 1
    assert str(tmp_path / place) in output


STOPPED_EARLY = """
import os, signal, threading
from vivavoce.cli import main
from vivavoce.engines.llm.scripted import ScriptedModel

def load(model):
    os.kill(os.getpid(), signal.SIGINT)
    threading.Event().wait()  # it would never be loaded

ScriptedModel.load = load
engines = [f"--{slot}=scripted" for slot in ("vad", "stt", "llm", "tts")]
main(["serve", "--port=0", *engines])
"""


def test_a_server_can_be_stopped_before_it_is_ready() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", STOPPED_EARLY], capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_audio_retention_is_seconds_or_a_word() -> None:
    status, output = call("serve", "--retain-audio", "some")
    assert status == 1
    assert "expected seconds, 'all' or 'none'" in output


def test_a_missing_package_is_named_with_its_extra() -> None:
    with pytest.raises(click.ClickException) as caught:
        need("demo", "demo", "sys", "a_package_that_is_not_there")
    assert "a_package_that_is_not_there" in str(caught.value)
    assert "pip install 'vivavoce[demo]'" in str(caught.value)


def test_the_help_does_not_wait_for_the_engines() -> None:
    code = (
        "import sys; from vivavoce.cli import main; main(['--help'], standalone_mode=False);"
        "assert not {'onnxruntime', 'openai', 'aiohttp'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_the_hint_has_three_lines_for_each_language() -> None:
    blocks = CLIENT_HINT.split("\n\n")
    assert [len(block.splitlines()) for block in blocks if block.startswith("  ")] == [3, 3]
