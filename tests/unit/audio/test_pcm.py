import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.audio_signals import pieces
from vivavoce.audio.pcm import SampleJoiner, to_pcm, to_samples


def test_samples_are_little_endian() -> None:
    assert to_samples(b"\x01\x00\x00\x80").tolist() == [1, -32768]
    assert to_pcm(np.array([1, -32768], np.int16)) == b"\x01\x00\x00\x80"


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple"):
        to_samples(b"\x01\x00\x00")


def test_what_is_too_loud_is_clipped_and_the_rest_rounded() -> None:
    loud = np.array([40_000.0, -40_000.0, 1.6, -1.6])
    assert to_samples(to_pcm(loud)).tolist() == [32767, -32768, 2, -2]


@given(st.binary(max_size=200), st.lists(st.integers(0, 200)))
def test_any_split_of_a_stream_gives_the_same_samples(data: bytes, cuts: list[int]) -> None:
    joiner = SampleJoiner()
    joined = [joiner.push(piece) for piece in pieces(data, cuts)]
    assert all(len(samples) % 2 == 0 for samples in joined)
    assert b"".join(joined) == data[: len(data) // 2 * 2]


def test_a_sample_comes_out_with_its_second_byte() -> None:
    joiner = SampleJoiner()
    assert joiner.push(b"\x01") == b""
    assert joiner.push(b"\x02\x03") == b"\x01\x02"
    assert joiner.push(b"\x04") == b"\x03\x04"


def test_whole_samples_are_not_copied() -> None:
    data = b"\x01\x02\x03\x04"
    assert SampleJoiner().push(data) is data
