import numpy as np
import numpy.typing as npt
import pytest

from support.audio_signals import delay_of_tone, noise, tone
from vivavoce.audio.decimate import DECIMATOR_DELAY, DECIMATOR_HISTORY, decimate


def with_history(pcm: bytes) -> npt.NDArray[np.int16]:
    """One row, preceded by silence and cut to a whole number of blocks."""
    samples = np.frombuffer(pcm, "<i2")
    samples = samples[: len(samples) // 24 * 24]
    return np.concatenate((np.zeros(DECIMATOR_HISTORY, np.int16), samples))[np.newaxis]


def rms_db(row: npt.NDArray[np.float32]) -> float:
    """Relative to the tone's own level, of which the first and last parts are left out."""
    return float(20 * np.log10(np.sqrt(np.mean(row[100:-100] ** 2)) / (0.25 / np.sqrt(2))))


def test_a_window_of_768_samples_gives_512() -> None:
    made = decimate(np.zeros((5, DECIMATOR_HISTORY + 768), np.int16))
    assert made.shape == (5, 512)
    assert made.dtype == np.float32


@pytest.mark.parametrize("hertz", [100, 1000, 3400, 5000])
def test_speech_passes(hertz: int) -> None:
    assert rms_db(decimate(with_history(tone(hertz, 24_000)))[0]) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("hertz", [9000, 9100, 9777, 10_500, 11_900])
def test_what_would_fold_back_is_removed(hertz: int) -> None:
    assert rms_db(decimate(with_history(tone(hertz, 24_000)))[0]) < -60


def test_the_delay_is_six_tenths_of_a_millisecond() -> None:
    made = decimate(with_history(tone(100, 24_000)))[0]
    assert pytest.approx(0.000615, abs=1e-6) == DECIMATOR_DELAY
    assert delay_of_tone(made, 100, 16_000) == pytest.approx(DECIMATOR_DELAY, abs=1e-5)


def test_a_click_is_heard_at_its_place() -> None:
    click = np.zeros(768, np.int16)
    click[384] = 20_000
    made = decimate(with_history(click.tobytes()))[0]
    peak = 384 / 24_000 + DECIMATOR_DELAY
    assert np.abs(made).argmax() == pytest.approx(peak * 16_000, abs=1)
    assert not made[: 384 * 2 // 3 - 1].any()


def test_a_constant_keeps_its_value_on_the_scale_of_one() -> None:
    made = decimate(np.full((1, DECIMATOR_HISTORY + 768), -16_384, np.int16))
    assert made == pytest.approx(-0.5, abs=1e-3)


def test_rows_do_not_hear_each_other() -> None:
    rows = np.frombuffer(noise(7 * (DECIMATOR_HISTORY + 768)), "<i2").reshape(7, -1)
    together = decimate(rows)
    alone = np.concatenate([decimate(rows[i : i + 1]) for i in range(7)])
    assert np.abs(together - alone).max() < 1e-6


def test_windows_with_their_history_are_the_stream_in_one_piece() -> None:
    whole = with_history(noise(768 * 4))
    made = decimate(whole)[0]
    for number in range(4):
        window = whole[:, number * 768 : number * 768 + DECIMATOR_HISTORY + 768].copy()
        part = made[number * 512 : number * 512 + 512]
        assert np.abs(decimate(window)[0] - part).max() < 1e-6
