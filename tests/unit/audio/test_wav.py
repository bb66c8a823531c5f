import io
import wave
from pathlib import Path

import pytest

from support.audio_signals import noise
from vivavoce.audio.wav import read_wav, write_wav


def wav_file(frames: bytes, *, channels: int = 1, width: int = 2, rate: int = 16_000) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(frames)
    return buffer.getvalue()


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "noise.wav"
    write_wav(path, noise(1000), 24_000)
    assert read_wav(path) == (noise(1000), 24_000)
    assert read_wav(str(path)) == (noise(1000), 24_000)
    assert read_wav(path.read_bytes()) == (noise(1000), 24_000)


def test_two_channels_are_averaged() -> None:
    frames = b"\x64\x00\xc8\x00" + b"\xff\x7f\xff\x7f" + b"\x00\x80\x00\x80"
    pcm, rate = read_wav(wav_file(frames, channels=2))
    assert memoryview(pcm).cast("h").tolist() == [150, 32767, -32768]
    assert rate == 16_000


def test_a_file_without_audio_is_empty() -> None:
    assert read_wav(wav_file(b"")) == (b"", 16_000)


def test_a_file_that_was_cut_off_gives_its_whole_samples() -> None:
    assert read_wav(wav_file(noise(100))[:-51])[0] == noise(100)[:-52]


@pytest.mark.parametrize(("channels", "width"), [(1, 1), (1, 3), (2, 4), (6, 2)])
def test_another_width_or_more_channels_are_named(channels: int, width: int) -> None:
    with pytest.raises(ValueError, match=rf"{8 * width} bits in {channels} channel"):
        read_wav(wav_file(bytes(24), channels=channels, width=width))


def test_floating_point_is_named() -> None:
    file = bytearray(wav_file(bytes(4)))
    file[20:22] = b"\x03\x00"  # the format tag: IEEE float
    with pytest.raises(ValueError, match="16-bit PCM: unknown format: 3"):
        read_wav(bytes(file))


@pytest.mark.parametrize("content", [b"", b"RIFF", b"ID3\x04 this is some other kind of file"])
def test_what_is_no_wav_file_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="not a WAV file"):
        read_wav(content)
