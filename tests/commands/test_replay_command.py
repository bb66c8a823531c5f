from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from vivavoce import app
from vivavoce.cli import main
from vivavoce.commands.client import connect
from vivavoce.config import Settings


@pytest.fixture
async def session(tmp_path: Path) -> None:
    """A session in which something was typed and answered."""
    settings = Settings(port=0, stt="scripted", tts="scripted", trace=str(tmp_path))
    async with (
        app.running(settings) as server,
        connect(server.url, model="vivavoce") as connection,
    ):
        content = [{"type": "input_text", "text": "Hello!"}]
        item = {"type": "message", "role": "user", "content": content}
        await connection.send({"type": "conversation.item.create", "item": item})
        await connection.send({"type": "response.create"})
        async for event in connection:
            if event["type"] == "response.done":
                break


@pytest.fixture
def trace(session: None, tmp_path: Path) -> Path:
    """Its trace."""
    (path,) = tmp_path.glob("*.jsonl")
    return path


def replay(path: Path) -> Result:
    return CliRunner().invoke(main, ["replay", str(path)])


def test_a_trace_gives_the_same_outputs_again(trace: Path) -> None:
    result = replay(trace)
    steps = len(trace.read_bytes().splitlines()) - 1
    assert result.exit_code == 0, result.output
    *lines, last = result.output.splitlines()
    assert len(lines) == steps
    assert last == f"All {steps} steps gave the same outputs."
    assert any("EventReceived response.create" in line for line in lines)
    assert any(line.endswith("response.done, Measured") for line in lines)


def test_a_difference_is_found_where_it_is(trace: Path) -> None:
    lines = trace.read_bytes().splitlines(keepends=True)
    number = next(i for i, line in enumerate(lines) if b'"response.done"' in line)
    lines[number] = lines[number].replace(b'"completed"', b'"cancelled"')
    trace.write_bytes(b"".join(lines))
    result = replay(trace)
    assert result.exit_code == 1
    assert f"line {number + 1}" in result.output


def test_what_is_no_trace_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_text("Buy milk.\n")
    result = replay(path)
    assert result.exit_code == 1
    assert "not a step" in result.output


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.touch()
    result = replay(path)
    assert result.exit_code == 1
    assert "empty" in result.output
