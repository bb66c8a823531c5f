import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.audio_signals import delay_of_tone, gain_db, noise, pieces, tone
from vivavoce.audio.polyphase import LiveResampler

RATES = pytest.mark.parametrize(
    ("from_rate", "to_rate"),
    [(8000, 24_000), (24_000, 8000), (48_000, 24_000), (24_000, 48_000), (44_100, 24_000)],
)


def resampled(pcm: bytes, from_rate: int, to_rate: int) -> bytes:
    return LiveResampler(from_rate, to_rate).push(pcm)


@RATES
def test_a_tone_that_both_rates_hold_passes_unchanged(from_rate: int, to_rate: int) -> None:
    pcm = resampled(tone(1000, from_rate), from_rate, to_rate)
    assert gain_db(pcm) == pytest.approx(0, abs=0.1)


@RATES
def test_the_telephone_band_is_flat(from_rate: int, to_rate: int) -> None:
    pcm = resampled(tone(3400, from_rate), from_rate, to_rate)
    assert gain_db(pcm) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(
    ("from_rate", "to_rate", "hertz"),
    [
        (24_000, 8000, 4500),
        (24_000, 8000, 6900),
        (24_000, 8000, 11_000),
        (48_000, 24_000, 13_500),
        (48_000, 24_000, 20_000),
        (44_100, 24_000, 15_000),
    ],
)
def test_a_tone_that_would_fold_back_is_removed(from_rate: int, to_rate: int, hertz: int) -> None:
    assert gain_db(resampled(tone(hertz, from_rate), from_rate, to_rate)) < -60


@pytest.mark.parametrize(("from_rate", "to_rate"), [(8000, 24_000), (24_000, 48_000)])
def test_a_higher_rate_brings_no_mirror_image(from_rate: int, to_rate: int) -> None:
    pcm = resampled(tone(3000, from_rate), from_rate, to_rate)
    spectrum = np.abs(np.fft.rfft(np.frombuffer(pcm, "<i2")[-to_rate // 2 :])) ** 2
    band = np.fft.rfftfreq(to_rate // 2, 1 / to_rate)
    images = spectrum[band > 9 / 16 * from_rate].max()
    assert 10 * np.log10(images / spectrum.max()) < -60


@pytest.mark.parametrize(
    ("from_rate", "to_rate", "delay_ms"),
    [(8000, 24_000, 1.98), (24_000, 8000, 1.90), (48_000, 24_000, 0.64)],
)
def test_the_delay_is_what_the_docstring_says(
    from_rate: int, to_rate: int, delay_ms: float
) -> None:
    made = np.frombuffer(resampled(tone(100, from_rate), from_rate, to_rate), "<i2")
    assert delay_of_tone(made, 100, to_rate) * 1000 == pytest.approx(delay_ms, abs=0.01)


@settings(deadline=None)
@given(samples=st.integers(0, 5000), cuts=st.lists(st.integers(0, 5000), max_size=30))
@RATES
def test_any_split_gives_the_same_samples(
    from_rate: int, to_rate: int, samples: int, cuts: list[int]
) -> None:
    pcm = noise(samples)
    stream, whole = LiveResampler(from_rate, to_rate), LiveResampler(from_rate, to_rate)
    split = b"".join(stream.push(piece) for piece in pieces(pcm, cuts, unit=2))
    assert split == whole.push(pcm)
    assert stream.flush() == whole.flush()


@given(st.integers(0, 3000))
def test_no_sample_is_held_back(samples: int) -> None:
    assert len(resampled(noise(samples), 8000, 24_000)) == 2 * 3 * samples
    assert len(resampled(noise(samples), 48_000, 24_000)) == 2 * (samples // 2)
    assert len(resampled(noise(samples), 44_100, 24_000)) == 2 * (samples // 147 * 80)


@RATES
def test_flush_brings_the_last_sample_out(from_rate: int, to_rate: int) -> None:
    click = np.zeros(1001, np.int16)
    click[-1] = 20_000
    stream = LiveResampler(from_rate, to_rate)
    heard = np.frombuffer(stream.push(click.tobytes()) + stream.flush(), "<i2").astype(int)
    expected = 1000 * to_rate / from_rate
    assert np.abs(heard).argmax() == pytest.approx(expected, abs=to_rate * 0.0025)
    assert len(heard) == pytest.approx(1001 * to_rate / from_rate, abs=to_rate * 0.006)


@RATES
def test_after_flush_a_new_stream_begins(from_rate: int, to_rate: int) -> None:
    stream = LiveResampler(from_rate, to_rate)
    first = stream.push(noise(3001)) + stream.flush()
    assert stream.push(noise(3001)) + stream.flush() == first


def test_nothing_gives_nothing() -> None:
    stream = LiveResampler(8000, 24_000)
    assert stream.push(b"") == b""
    assert stream.flush() == b""


def test_a_ratio_of_large_integers_is_refused() -> None:
    assert not LiveResampler.suits(24_001, 24_000)
    with pytest.raises(ValueError, match="24001 Hz to 24000 Hz"):
        LiveResampler(24_001, 24_000)
