"""Speech is written to files while it is spoken."""

import sys

import pytest

from support.sound import tone
from vivavoce.audio.encodings import ENCODINGS, MissingEncoderError
from vivavoce.audio.sound_files import read_sound
from vivavoce.audio.wav import read_wav

SPEECH = tone(3000)


def encoded(name: str, pieces: int) -> list[bytes]:
    """Three seconds in so many pieces, as they come out."""
    encoder = ENCODINGS[name].encoder()
    size = len(SPEECH) // pieces
    given = [encoder.push(SPEECH[start : start + size]) for start in range(0, len(SPEECH), size)]
    return [*given, encoder.flush()]


@pytest.mark.parametrize("name", ENCODINGS)
def test_the_pieces_do_not_depend_on_how_they_were_cut(name: str) -> None:
    whole, pieces = encoded(name, 1), encoded(name, 30)
    if name != "opus":  # its streams have a random serial number
        assert b"".join(whole) == b"".join(pieces)
    if name != "flac":
        assert sum(map(bool, pieces)) > 2, "it is streamed"


@pytest.mark.parametrize("name", ["mp3", "opus", "flac", "wav"])
def test_a_file_plays_for_as_long_as_was_spoken(name: str) -> None:
    played = read_sound(b"".join(encoded(name, 10)), max_seconds=10)
    assert len(played) / 48_000 == pytest.approx(3.0, abs=0.1)


def test_a_wav_file_without_speech_is_one() -> None:
    assert read_wav(ENCODINGS["wav"].encoder().flush()) == (b"", 24_000)


@pytest.mark.parametrize("name", ["mp3", "opus", "flac"])
def test_a_missing_package_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(MissingEncoderError, match=r"vivavoce\[files\]"):
        ENCODINGS[name].encoder()
