import json
import re
import wave
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner, Result

from vivavoce import app
from vivavoce.audio.resample import convert
from vivavoce.audio.units import INNER_RATE
from vivavoce.audio.wav import write_wav
from vivavoce.cli import main
from vivavoce.commands import transcribe as command
from vivavoce.commands.transcribe import Transcript, clock
from vivavoce.config import Settings
from vivavoce.speech import clip

PAUSE = bytes(48 * 700)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Three clips, in a file at 16 kHz."""
    pcm = b"".join(clip(name).pcm + PAUSE for name in ("sum", "story", "time"))
    path = tmp_path / "recording.wav"
    write_wav(path, convert(pcm, INNER_RATE, 16_000), 16_000)
    return path


@pytest.fixture
def recognizer(require_module: Callable[..., ModuleType]) -> None:
    require_module("pocketsphinx", reason="the built-in recogniser")


def transcribe(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["transcribe", *map(str, arguments)])


@pytest.mark.usefixtures("recognizer")
def test_every_utterance_has_its_times_and_words(recording: Path) -> None:
    result = transcribe(recording)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    texts = [re.fullmatch(r"\d\d:\d\d\.\d{3} - \d\d:\d\d\.\d{3}  (.+)", one) for one in lines]
    assert [one and one[1] for one in texts] == [
        "what is six times seven",
        "tell me a story",
        "what time is it",
    ]


@pytest.mark.usefixtures("recognizer")
def test_json_has_an_object_for_each_utterance(recording: Path) -> None:
    result = transcribe(recording, "--json")
    assert result.exit_code == 0, result.output
    utterances = [json.loads(line) for line in result.stdout.splitlines()]
    onset = 0
    for utterance, name in zip(utterances, ("sum", "story", "time"), strict=True):
        spoken = clip(name)
        assert utterance["start_ms"] <= onset + spoken.onset_ms
        assert utterance["end_ms"] >= onset + spoken.offset_ms
        onset += len(spoken.pcm + PAUSE) // 48


@pytest.mark.usefixtures("recognizer")
async def test_a_server_that_runs_already_is_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sum.wav"
    write_wav(path, clip("sum").pcm, INNER_RATE)
    async with app.running(Settings(port=0)) as server:
        unused = Settings(stt="an engine that does not exist")
        await command.run(path, settings=unused, url=server.url, realtime=True, as_json=False)
    assert "what is six times seven" in capsys.readouterr().out


@pytest.mark.parametrize("as_json", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize("length", [0, 2, 96_000], ids=["empty", "one sample", "two seconds"])
def test_a_file_without_speech_is_said_to_have_none(
    tmp_path: Path, length: int, as_json: tuple[str, ...]
) -> None:
    path = tmp_path / "silence.wav"
    write_wav(path, bytes(length), INNER_RATE)
    result = transcribe(path, "--stt", "scripted", *as_json)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "No speech found.\n"


def test_a_file_with_speech_is_not_said_to_have_none(tmp_path: Path) -> None:
    path = tmp_path / "sum.wav"
    write_wav(path, clip("sum").pcm, INNER_RATE)
    result = transcribe(path, "--stt", "scripted")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "milliseconds of speech" in result.stdout


def test_what_is_no_wav_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.wav"
    path.write_text("Buy milk.")
    result = transcribe(path)
    assert result.exit_code == 1
    assert f"{path}: not a WAV file" in result.output
    assert "ffmpeg" in result.output


def test_other_sample_formats_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "eight.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes(bytes(8000))
    result = transcribe(path)
    assert result.exit_code == 1
    assert "not 8 bits in 1 channel(s)" in result.output


def test_a_missing_file_is_named() -> None:
    result = transcribe("nowhere.wav")
    assert result.exit_code == 2
    assert "nowhere.wav" in result.output


def test_a_server_that_is_not_there_is_named(tmp_path: Path, unused_tcp_port: int) -> None:
    path = tmp_path / "sum.wav"
    write_wav(path, clip("sum").pcm, INNER_RATE)
    url = f"http://127.0.0.1:{unused_tcp_port}/v1"
    result = transcribe(path, "--url", url)
    assert result.exit_code == 1
    assert f"Cannot connect to {url}/realtime" in result.output


def test_an_utterance_waits_for_those_before_it(capsys: pytest.CaptureFixture[str]) -> None:
    transcript = Transcript(3000, as_json=False)
    for number in (1, 2):
        transcript.note(started(number, 1000 * number))
        transcript.note(stopped(number, 1000 * number + 500))
    transcript.note(completed(2, "second"))
    assert capsys.readouterr().out == ""
    transcript.note(completed(1, "first"))
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == [
        "first",
        "second",
    ]
    assert not transcript.waiting


def test_what_was_not_recognised_is_counted_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    transcript = Transcript(3000, as_json=True)
    transcript.note(started(1, 0))
    transcript.note(stopped(1, 500))
    failed = {"type": f"{TRANSCRIPTION}.failed", "item_id": "1", "error": {"message": "no ears"}}
    transcript.note(failed)
    captured = capsys.readouterr()
    assert (transcript.failed, captured.out) == (1, "")
    assert "00:00.000 - 00:00.500  no ears" in captured.err


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "00:00.000"), (61_250, "01:01.250"), (3_600_000, "60:00.000")]
)
def test_times_are_minutes_and_seconds(ms: int, text: str) -> None:
    assert clock(ms) == text


TRANSCRIPTION = "conversation.item.input_audio_transcription"

Fields = dict[str, object]


def started(number: int, ms: int) -> Fields:
    event = "input_audio_buffer.speech_started"
    return {"type": event, "item_id": str(number), "audio_start_ms": ms}


def stopped(number: int, ms: int) -> Fields:
    event = "input_audio_buffer.speech_stopped"
    return {"type": event, "item_id": str(number), "audio_end_ms": ms}


def completed(number: int, text: str) -> Fields:
    return {"type": f"{TRANSCRIPTION}.completed", "item_id": str(number), "transcript": text}
