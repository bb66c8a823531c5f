"""`vivavoce check` tells a model that works from one that does not, and why."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from vivavoce.cli import main

WORKS = """
name: works
aliases: [gpt-realtime]
pipeline:
  transcription: {engine: scripted, texts: ['What is six times seven?']}
  llm: scripted
  tts: {engine: scripted}
"""


def check(text: str, name: str, tmp_path: Path) -> tuple[int, str]:
    file = tmp_path / "models.yaml"
    file.write_text(text)
    result = CliRunner().invoke(main, ["check", name, "--config", str(file)])
    return result.exit_code, result.output


@pytest.mark.parametrize("name", ["works", "gpt-realtime"])
def test_a_model_that_works_is_shown_at_work(name: str, tmp_path: Path) -> None:
    status, output = check(WORKS, name, tmp_path)
    assert status == 0
    assert "ms of speech" in output
    assert "heard “What is six times seven?”" in output
    assert "42" in output
    assert "✓ works works." in output


def test_a_model_that_hears_and_speaks_is_given_the_recording(tmp_path: Path) -> None:
    speech = "{engine: scripted-speech, hears: 'What is six times seven?'}"
    rest = "pipeline: {transcription: {engine: scripted}}"
    status, output = check(f"name: native\nspeech: {speech}\n{rest}\n", "native", tmp_path)
    assert status == 0, output
    assert "42" in output
    assert "s of speech, in" in output


def test_a_single_engine_is_checked_alone(tmp_path: Path) -> None:
    status, output = check("name: v\nengine: {engine: scripted}\nslot: tts\n", "v", tmp_path)
    assert status == 0
    assert "spoke" in output
    assert "heard" not in output


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("transcription: {engine: scripted, texts: ['']}", "recognition: it heard no words"),
        ("llm: http://127.0.0.1:9/v1#m", "answers: "),
        ("transcription: {engine: sherpa-onnx, folder: nowhere}", "nowhere is no folder"),
    ],
)
def test_a_model_that_does_not_work_ends_with_the_reason(
    part: str, said: str, tmp_path: Path
) -> None:
    own = "stt: {engine: scripted}\ntts: {engine: scripted}\n"
    text = f"{own}models:\n- name: broken\n  pipeline: {{{part}}}\n"
    status, output = check(text, "broken", tmp_path)
    assert status == 1
    assert "broken: " in output
    assert said in output


def test_a_name_that_is_none_is_told_with_those_there_are(tmp_path: Path) -> None:
    status, output = check(WORKS, "wroks", tmp_path)
    assert status == 1
    assert "'works', 'gpt-realtime'" in output
