"""Uploaded files become samples, whatever they are."""

import io
import sys
from typing import Any

import numpy as np
import pytest

from support.sound import tone
from vivavoce.audio.sound_files import SoundTooLongError, UnreadableSoundError, read_sound
from vivavoce.audio.wav import wav_bytes

SECOND = tone(1000)


def written(kind: str, *, rate: int = 24_000, channels: int = 1, **options: Any) -> bytes:
    """A second's tone as a file, made by libsndfile."""
    import soundfile

    samples = np.frombuffer(SECOND, "<i2").astype(np.float64) / 32768
    file = io.BytesIO()
    soundfile.write(file, np.stack([samples] * channels, axis=1), rate, format=kind, **options)
    return file.getvalue()


def test_pcm_comes_out_as_it_is() -> None:
    assert read_sound(wav_bytes(SECOND, 24_000), max_seconds=1) == SECOND


def test_rates_are_changed_to_24_khz() -> None:
    assert len(read_sound(wav_bytes(SECOND, 48_000), max_seconds=1)) == len(SECOND) // 2


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("FLAC", {}),
        ("WAV", {"subtype": "PCM_24"}),
        ("WAV", {"subtype": "FLOAT"}),
        ("WAV", {"channels": 4}),
        ("AIFF", {"channels": 2}),
    ],
)
def test_files_without_loss_give_the_same_samples(kind: str, options: dict[str, Any]) -> None:
    pcm = read_sound(written(kind, **options), max_seconds=2)
    got, expected = (np.frombuffer(data, "<i2").astype(int) for data in (pcm, SECOND))
    assert np.abs(got - expected).max() <= 1


def test_a_recording_that_is_too_long_is_refused() -> None:
    for file in (wav_bytes(SECOND * 3, 24_000), written("FLAC", rate=8_000)):
        with pytest.raises(SoundTooLongError, match="more than 2 seconds"):
            read_sound(file, max_seconds=2)


def test_a_file_that_does_not_name_its_length_comes_to_an_end() -> None:
    file = bytearray(written("FLAC"))
    # STREAMINFO is the first block; the lower half of byte 21 and four more are the length.
    file[21] &= 0xF0
    file[22:26] = bytes(4)
    with pytest.raises(UnreadableSoundError):
        read_sound(bytes(file), max_seconds=10)


@pytest.mark.parametrize("file", [b"", b"RIFF", b"RIFF\x00\x00\x00\x00WAVE", b"<html>", bytes(99)])
def test_what_is_no_sound_is_refused_with_what_is_taken(file: bytes) -> None:
    with pytest.raises(UnreadableSoundError, match="Taken are WAV, FLAC, MP3"):
        read_sound(file, max_seconds=10)


def test_without_the_package_wav_is_read_and_others_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flac = written("FLAC")
    monkeypatch.setitem(sys.modules, "soundfile", None)
    assert read_sound(wav_bytes(SECOND, 24_000), max_seconds=1) == SECOND
    with pytest.raises(UnreadableSoundError, match=r"vivavoce\[files\]"):
        read_sound(flac, max_seconds=10)
