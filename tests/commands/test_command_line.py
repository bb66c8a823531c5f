import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from vivavoce import __version__
from vivavoce.assembly import assemble
from vivavoce.cli import main
from vivavoce.cli.announcement import CLIENT_HINT
from vivavoce.cli.options import first_key
from vivavoce.cli.running import need
from vivavoce.cli.settings import keys_in_environment, settings_of, usual_model

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


def test_a_key_for_a_server_may_stay_exported_where_there_is_none() -> None:
    status, output = call("serve", "--port", "0", "--tts", "mouth", VIVAVOCE_LLM_API_KEY="sk-1")
    assert status == 1
    assert "'mouth'" in output
    assert "llm_api_key" not in output


@pytest.mark.parametrize("place", ["option", "file"])
def test_a_key_that_was_given_for_no_server_is_refused(place: str, tmp_path: Path) -> None:
    file = tmp_path / "vivavoce.yaml"
    file.write_text("llm_api_key: sk-2\n" if place == "file" else "")
    given = ["--llm-api-key", "sk-2"] if place == "option" else []
    status, output = call("serve", "--config", str(file), *given, VIVAVOCE_LLM_API_KEY="sk-1")
    assert status == 1
    assert "llm_api_key: this is for a server" in output


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


def test_another_address_without_a_key_is_refused_with_what_to_do() -> None:
    status, output = call("serve", "--host", "0.0.0.0", "--port", "0", "--stt", "scripted")
    assert status == 1
    assert "VIVAVOCE_API_KEY" in output
    assert "--allow-anonymous" in output


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ((), None)),
        ({"VIVAVOCE_API_KEY": ""}, ((), None)),
        ({"VIVAVOCE_API_KEY": "sk-1"}, (("sk-1",), None)),
        ({"VIVAVOCE_API_KEY": " sk-1, sk-2,"}, (("sk-1", "sk-2"), None)),
        ({"VIVAVOCE_SECRET_KEY": "s" * 32}, ((), "s" * 32)),
    ],
)
def test_keys_come_from_the_environment(
    environment: dict[str, str],
    expected: tuple[tuple[str, ...], str | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("VIVAVOCE_API_KEY", "VIVAVOCE_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = settings_of(None, keys_in_environment())
    assert (settings.api_keys, settings.secret_key) == expected


@pytest.mark.parametrize(
    ("value", "shown"), [(None, None), ("", None), ("sk-1", "sk-1"), ("sk-1,sk-2", "sk-1")]
)
def test_a_client_shows_the_first_of_several_keys(value: str | None, shown: str | None) -> None:
    assert first_key(value) == shown


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("api_keys: ['']", "api_keys"),
        ("api_keys: [ek_mine]", "api_keys"),
        ("secret_key: short", "secret_key"),
        ("tls_cert: cert.pem", "tls_key"),
        ("{tls: self-signed, tls_cert: c.pem, tls_key: k.pem}", "tls"),
        ("allowed_origins: [example.com]", "allowed_origins"),
        ("allowed_origins: ['https://example.com/']", "allowed_origins"),
    ],
)
def test_a_setting_that_would_not_protect_is_named(
    content: str, named: str, tmp_path: Path
) -> None:
    file = tmp_path / "vivavoce.yaml"
    file.write_text(content)
    status, output = call("serve", "--config", str(file))
    assert status == 1
    assert named in output
    assert "short" not in output


def test_a_permission_in_the_file_holds_without_the_option(tmp_path: Path) -> None:
    file = tmp_path / "vivavoce.yaml"
    file.write_text("{host: 0.0.0.0, allow_anonymous: true, stt: ears}")
    status, output = call("serve", "--config", str(file))
    assert status == 1
    assert "'ears'" in output


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "vivavoce"),
        ("models: [{name: ears, engine: pocketsphinx}]", "vivavoce"),
        ("models: [{name: ears, engine: pocketsphinx}, {name: a, pipeline: {}}]", "a"),
        ("models: [{name: a, pipeline: {}}, {name: b, pipeline: {}}]\ndefault_model: b", "b"),
    ],
)
def test_a_client_of_ones_own_asks_for_a_model_that_there_is(
    text: str, expected: str, tmp_path: Path
) -> None:
    file = tmp_path / "vivavoce.yaml"
    file.write_text(text)
    settings = settings_of(file, {})
    assert usual_model(settings) == expected
    assert assemble(settings).resolve(expected).name == expected


def test_the_help_does_not_wait_for_the_engines() -> None:
    code = (
        "import sys; from vivavoce.cli import main; main(['--help'], standalone_mode=False);"
        "assert not {'onnxruntime', 'openai', 'aiohttp'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_the_hint_has_three_lines_for_each_language() -> None:
    blocks = CLIENT_HINT.split("\n\n")
    assert [len(block.splitlines()) for block in blocks if block.startswith("  ")] == [3, 3]
