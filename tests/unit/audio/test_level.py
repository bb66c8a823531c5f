import math

import numpy as np
import pytest

from support.audio_signals import tone
from vivavoce.audio.level import peak_dbfs, rms_dbfs


def test_a_quarter_of_full_scale_is_minus_twelve_decibels() -> None:
    pcm = tone(1000, 24_000)
    assert peak_dbfs(pcm) == pytest.approx(-12.04, abs=0.01)
    assert rms_dbfs(pcm) == pytest.approx(-15.05, abs=0.01)


def test_the_most_negative_sample_is_full_scale() -> None:
    pcm = np.full(10, -32768, "<i2").tobytes()
    assert peak_dbfs(pcm) == 0
    assert rms_dbfs(pcm) == 0


def test_one_loud_sample_shows_in_the_peak_alone() -> None:
    pcm = np.array([3277] + [0] * 9999, "<i2").tobytes()
    assert peak_dbfs(pcm) == pytest.approx(-20, abs=0.01)
    assert rms_dbfs(pcm) == pytest.approx(-60, abs=0.01)


@pytest.mark.parametrize("pcm", [b"", bytes(200)])
def test_silence_has_no_level(pcm: bytes) -> None:
    assert peak_dbfs(pcm) == -math.inf
    assert rms_dbfs(pcm) == -math.inf
