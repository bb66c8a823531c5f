"""How loud audio is, in dBFS: decibels relative to a sample of full magnitude.

A sine that just does not clip has a peak of 0 dBFS and an RMS of -3 dBFS.
"""

import math

import numpy as np

from vivavoce.audio.pcm import FULL_SCALE, to_samples


def rms_dbfs(pcm: bytes) -> float:
    """Give the root mean square of int16 PCM in dBFS; minus infinity for none or silence."""
    samples = to_samples(pcm).astype(np.float64)
    return _decibels(math.sqrt(float(samples @ samples) / max(len(samples), 1)))


def peak_dbfs(pcm: bytes) -> float:
    """Give the greatest magnitude in int16 PCM in dBFS; minus infinity for none or silence."""
    samples = to_samples(pcm)
    return _decibels(max(int(samples.max(initial=0)), -int(samples.min(initial=0))))


def _decibels(magnitude: float) -> float:
    return 20 * math.log10(magnitude / FULL_SCALE) if magnitude else -math.inf
