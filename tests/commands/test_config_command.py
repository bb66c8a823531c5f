"""`vivavoce config` and `vivavoce engines`."""

from pathlib import Path

import msgspec
from click.testing import CliRunner

from vivavoce.cli import main
from vivavoce.config import ModelSpec, PipelineSpec, Settings


def call(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, result.output


def test_the_help_has_every_key() -> None:
    status, output = call("config", "--help")
    assert status == 0
    for kind in (Settings, ModelSpec, PipelineSpec):
        assert all(f"  {key} " in output for key in kind.__struct_fields__)


def test_the_schema_is_json() -> None:
    status, output = call("config", "schema")
    assert status == 0
    assert msgspec.json.decode(output)["$defs"]["ModelSpec"]


def test_a_file_that_can_be_used_is_put_into_words(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("name: a\npipeline: {llm: 'http://localhost:11434/v1#qwen3'}\n")
    status, output = call("config", "check", str(file))
    assert status == 0
    assert "openai qwen3 at http://localhost:11434/v1" in output
    assert f"✓ {file} can be used." in output


def test_a_file_that_cannot_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("name: a\npipeline:\n  tts: espeek\n")
    status, output = call("config", "check", str(file))
    assert status == 1
    assert f"{file}:3: pipeline.tts: " in output


def test_engines_show_their_licences_and_what_is_not_for_commerce() -> None:
    status, output = call("engines")
    assert status == 0
    assert "GPL-3.0-or-later, in a process of its own" in output
    assert "[some non-commercial]" in output
