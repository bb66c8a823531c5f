import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.audio_signals import gain_db, noise, pieces, tone
from vivavoce.audio.resample import Resampler, convert

RATES = pytest.mark.parametrize(
    ("from_rate", "to_rate"),
    [(22_050, 24_000), (24_000, 16_000), (24_000, 8000), (8000, 24_000), (24_001, 24_000)],
)


@RATES
def test_a_clip_keeps_its_length_and_level(from_rate: int, to_rate: int) -> None:
    pcm = convert(tone(1000, from_rate), from_rate, to_rate)
    assert len(pcm) == 2 * to_rate
    assert gain_db(pcm) == pytest.approx(0, abs=0.05)


@RATES
def test_a_clip_stays_in_its_place(from_rate: int, to_rate: int) -> None:
    click = np.zeros(from_rate, np.int16)
    click[from_rate // 2] = 20_000
    made = np.frombuffer(convert(click.tobytes(), from_rate, to_rate), "<i2")
    assert np.abs(made.astype(int)).argmax() == pytest.approx(to_rate // 2, abs=1)


def test_a_tone_above_the_new_band_is_removed() -> None:
    assert gain_db(convert(tone(9000, 24_000), 24_000, 16_000)) < -75


@settings(deadline=None, max_examples=30)
@given(samples=st.integers(0, 20_000), cuts=st.lists(st.integers(0, 20_000), max_size=30))
@RATES
def test_any_split_gives_the_same_samples(
    from_rate: int, to_rate: int, samples: int, cuts: list[int]
) -> None:
    pcm = noise(samples)
    stream = Resampler(from_rate, to_rate)
    split = b"".join(stream.push(piece) for piece in pieces(pcm, cuts, unit=2))
    assert split + stream.flush() == convert(pcm, from_rate, to_rate)


@RATES
def test_after_flush_a_new_stream_begins(from_rate: int, to_rate: int) -> None:
    stream = Resampler(from_rate, to_rate)
    first = stream.push(noise(3001)) + stream.flush()
    assert stream.push(noise(3001)) + stream.flush() == first


@given(st.binary(max_size=100))
def test_equal_rates_pass_through(data: bytes) -> None:
    stream = Resampler(24_000, 24_000)
    assert stream.push(data) is data
    assert stream.flush() == b""


@RATES
def test_nothing_gives_nothing(from_rate: int, to_rate: int) -> None:
    stream = Resampler(from_rate, to_rate)
    assert stream.push(b"") == b""
    assert stream.flush() == b""
