"""Test signals, and what is measured of them."""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt


def tone(hertz: float, rate: int, seconds: float = 1.0) -> bytes:
    """A sine at a quarter of full scale, as int16 PCM."""
    time = np.arange(round(rate * seconds)) / rate
    sine: npt.NDArray[np.float64] = 8192 * np.sin(2 * np.pi * hertz * time)
    return np.rint(sine).astype("<i2").tobytes()


def noise(samples: int, seed: int = 0) -> bytes:
    """Loud white noise, some of it clipped, as int16 PCM."""
    values = np.random.default_rng(seed).normal(0, 15_000, samples)
    return values.clip(-32768, 32767).astype("<i2").tobytes()


def gain_db(pcm: bytes, skip: int = 500) -> float:
    """The RMS of the middle of PCM, in dB relative to that of `tone`."""
    middle = np.frombuffer(pcm, "<i2").astype(np.float64)[skip:-skip]
    return float(20 * np.log10(np.sqrt(np.mean(middle**2)) / (8192 / np.sqrt(2)) + 1e-12))


def delay_of_tone(
    made: npt.NDArray[np.floating], hertz: float, rate: int, skip: int = 500
) -> float:
    """Seconds by which a tone lags behind the sine that began at sample 0, from its phase."""
    number = np.arange(len(made))[skip:-skip]
    turns = 2 * np.pi * hertz * number / rate
    phase = np.angle(np.sum(made[skip:-skip] * np.exp(-1j * turns))) + np.pi / 2
    return float(-phase / (2 * np.pi * hertz))


def pieces(data: bytes, cuts: Iterable[int], unit: int = 1) -> Iterator[bytes]:
    """Cut data at these positions, counted in `unit` bytes; empty pieces included."""
    before = 0
    for cut in [*sorted(cuts), len(data) // unit]:
        yield data[before * unit : cut * unit]
        before = min(cut, len(data) // unit)
