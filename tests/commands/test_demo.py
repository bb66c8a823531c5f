import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from vivavoce.audio.level import peak_dbfs
from vivavoce.audio.wav import read_wav
from vivavoce.cli import main
from vivavoce.engines.stt import pocketsphinx as recognition
from vivavoce.speech import clip

RequireModule = Callable[..., ModuleType]

VIVAVOCE = [sys.executable, "-c", "from vivavoce.cli import main; main(prog_name='vivavoce')"]


def test_the_demo_holds_a_whole_conversation(tmp_path: Path, require_module: RequireModule) -> None:
    """The real command, as a user runs it: about 20 seconds of real time."""
    require_module("pocketsphinx", reason="the built-in recogniser")
    reply = tmp_path / "answer.wav"
    done = subprocess.run(
        [*VIVAVOCE, "demo", "--out", str(reply)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "'what is six times seven'" in done.stdout
    assert "'6 times 7 is 42.'" in done.stdout
    assert "first token" in done.stdout
    assert "the answer was cancelled because the caller spoke" in done.stdout
    assert "All of this really happened." in done.stdout
    assert done.stderr == ""

    pcm, rate = read_wav(reply)
    assert rate == 24_000
    assert peak_dbfs(pcm) > -30


def test_without_a_recogniser_the_demo_says_why_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = "pocketsphinx has no wheel for this machine"
    monkeypatch.setattr(recognition, "unavailable_reason", lambda: reason)
    reply = tmp_path / "answer.wav"
    result = CliRunner().invoke(main, ["demo", "--out", str(reply)])
    assert result.exit_code == 1
    assert reason in result.output
    assert not reply.exists()


def test_where_nothing_can_be_written_the_demo_does_not_begin(tmp_path: Path) -> None:
    reply = tmp_path / "nowhere" / "answer.wav"
    result = CliRunner().invoke(main, ["demo", "--out", str(reply)])
    assert result.exit_code == 1
    assert f"--out {reply}: cannot be written: No such file or directory" in result.stderr
    assert result.stdout == ""


def test_the_demo_fails_when_something_else_was_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, require_module: RequireModule
) -> None:
    require_module("pocketsphinx", reason="the built-in recogniser")
    from vivavoce.commands import demo  # it needs OpenAI's client

    mislabelled = replace(clip("hello"), text=clip("sum").text)
    monkeypatch.setattr(demo, "clip", lambda _: mislabelled)
    result = CliRunner().invoke(main, ["demo", "--out", str(tmp_path / "answer.wav")])
    assert result.exit_code == 1
    assert "The question: expected that every word was recognised" in result.stderr
    assert "'hello there' was heard" in result.stderr
