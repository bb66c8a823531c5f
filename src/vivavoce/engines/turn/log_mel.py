"""What Whisper's encoder hears: the logarithm of the power in 80 bands, 100 times a second.

The definition is Whisper's own (https://github.com/openai/whisper, `audio.py`) with the mel scale
of Slaney's Auditory Toolbox, and the waveform brought to zero mean and unit variance before, as
models that were trained with Hugging Face's `WhisperFeatureExtractor(do_normalize=True)` expect.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

RATE = 16_000
"""Hertz."""
BANDS = 80
HOP = 160
"""Samples from one frame to the next."""

_FRAME = 400
_FLOOR = 1e-10
_DYNAMIC_RANGE = 8.0
"""Powers of ten: what is fainter than the loudest by more counts as that faint."""

_LINEAR_UP_TO = 1000.0
_MELS_PER_HERTZ = 3 / 200
_LOG_STEP = np.log(6.4) / 27

Floats = npt.NDArray[np.floating]


def log_mel(samples: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """The features of mono audio at 16 kHz, whose length is a multiple of `HOP`.

    Gives float32 of shape `[80, len(samples) // 160]`, within two units of each other.
    """
    even = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    padded = np.pad(even.astype(np.float64), _FRAME // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::HOP][:-1]
    # A periodic window, as the transform takes the frame for one period.
    spectrum = np.fft.rfft(frames * np.hanning(_FRAME + 1)[:-1])
    power = spectrum.real**2 + spectrum.imag**2
    logarithm = np.log10(np.maximum(power @ _bands(), _FLOOR)).T
    loud_enough = np.maximum(logarithm, logarithm.max() - _DYNAMIC_RANGE)
    features: npt.NDArray[np.float32] = ((loud_enough + 4) / 4).astype(np.float32)
    return features


@lru_cache(maxsize=1)
def _bands() -> Floats:
    """The weight of each frequency in each band, shape `[201, 80]`: triangles of equal area."""
    edges = _hertz(np.linspace(0, _mel(RATE / 2), BANDS + 2))
    hertz = np.linspace(0, RATE / 2, _FRAME // 2 + 1)[:, np.newaxis]
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (hertz - low) / (middle - low), (high - hertz) / (high - middle)
    bands: Floats = np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)
    return bands


def _mel(hertz: float) -> float:
    if hertz < _LINEAR_UP_TO:
        return hertz * _MELS_PER_HERTZ
    return float(_LINEAR_UP_TO * _MELS_PER_HERTZ + np.log(hertz / _LINEAR_UP_TO) / _LOG_STEP)


def _hertz(mels: Floats) -> Floats:
    bend = _LINEAR_UP_TO * _MELS_PER_HERTZ
    above = _LINEAR_UP_TO * np.exp(_LOG_STEP * (mels - bend))
    hertz: Floats = np.where(mels < bend, mels / _MELS_PER_HERTZ, above)
    return hertz
