from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.audio.wav import wav_bytes
from vivavoce.audio.wav_stream import SpeechStream

PCM = bytes(range(256)) * 8


def streamed(data: bytes, cuts: list[int], rate: int = 24_000) -> tuple[bytes, int]:
    """The samples of bytes that come in pieces, and their rate."""
    stream = SpeechStream(rate)
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    pieces = [data[a:b] for a, b in pairwise(places)]
    return b"".join([*map(stream.push, pieces), stream.flush()]), stream.rate


CUTS = st.lists(st.integers(0, 10_000), max_size=8)


@given(CUTS)
def test_a_wav_file_in_any_pieces_is_its_samples(cuts: list[int]) -> None:
    assert streamed(wav_bytes(PCM, 16_000), cuts) == (PCM, 16_000)


@given(st.binary(max_size=300), CUTS)
def test_what_is_no_wav_file_is_taken_for_samples(data: bytes, cuts: list[int]) -> None:
    data = b"\0\0" + data
    assert streamed(data, cuts) == (data[: len(data) & ~1], 24_000)


@pytest.mark.parametrize("data", [b"RI", b"RIFF of samples"])
def test_samples_may_begin_like_a_wav_file(data: bytes) -> None:
    assert streamed(data, [])[0] == data[: len(data) & ~1]


def test_the_length_in_the_header_is_passed_over() -> None:
    file = bytearray(wav_bytes(PCM, 24_000))
    file[40:44] = b"\xff\xff\xff\xff"
    assert streamed(bytes(file), [7, 41])[0] == PCM


def test_two_channels_are_averaged() -> None:
    file = bytearray(wav_bytes(b"\x00\x10\x00\x20" * 100, 24_000))
    file[22] = 2
    assert streamed(bytes(file), [45, 46, 47])[0] == b"\x00\x18" * 100


def test_a_header_without_end_is_refused() -> None:
    stream = SpeechStream(24_000)
    endless = b"RIFF\0\0\0\0WAVE" + b"LIST\0\0\0\0" * 20_000
    with pytest.raises(ValueError, match="without samples in its first"):
        stream.push(endless)
