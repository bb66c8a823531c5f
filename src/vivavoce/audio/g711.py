"""G.711, the telephone's 8 bits per sample: mu-law (PCMU) and A-law (PCMA), by table.

The tables are those of ITU-T G.711 in the reading of Sun's reference coder, which is also that
of Python's former `audioop`: 16-bit samples are cut to the law's 14 or 13 bits with an
arithmetic shift. Both laws are coded sign and magnitude, a segment of 3 bits (the exponent)
and 4 bits within the segment, with some bits inverted on the wire.
"""

import numpy as np
import numpy.typing as npt

from vivavoce.audio.pcm import to_pcm, to_samples

RATE = 8_000
"""Hertz: the rate of G.711."""

_Bytes = npt.NDArray[np.uint8]

_MULAW_BIAS = 33
_MULAW_CLIP = 8158
_SIGN = 0x80


def decode_mulaw(data: bytes) -> bytes:
    """Expand mu-law, one byte per sample, to 16-bit PCM at the same rate."""
    return to_pcm(_MULAW_TO_LINEAR[np.frombuffer(data, np.uint8)])


def decode_alaw(data: bytes) -> bytes:
    """Expand A-law, one byte per sample, to 16-bit PCM at the same rate."""
    return to_pcm(_ALAW_TO_LINEAR[np.frombuffer(data, np.uint8)])


def encode_mulaw(pcm: bytes) -> bytes:
    """Compress 16-bit PCM to mu-law at the same rate.

    Raises `ValueError` if `pcm` ends within a sample.
    """
    return _LINEAR_TO_MULAW[to_samples(pcm).view(np.uint16)].tobytes()


def encode_alaw(pcm: bytes) -> bytes:
    """Compress 16-bit PCM to A-law at the same rate.

    Raises `ValueError` if `pcm` ends within a sample.
    """
    return _LINEAR_TO_ALAW[to_samples(pcm).view(np.uint16)].tobytes()


def _mulaw_to_linear() -> npt.NDArray[np.int16]:
    """Give the sample of every mu-law byte. Shape `[256]`."""
    code = ~np.arange(256, dtype=np.uint8)
    segment, step = (code >> 4 & 7).astype(int), (code & 15).astype(int)
    # In 16-bit units; a code stands for the middle of its interval.
    magnitude = ((2 * step + _MULAW_BIAS << segment) - _MULAW_BIAS) << 2
    linear: npt.NDArray[np.int64] = np.where(code & _SIGN, -magnitude, magnitude)
    return linear.astype(np.int16)


def _alaw_to_linear() -> npt.NDArray[np.int16]:
    """Give the sample of every A-law byte. Shape `[256]`."""
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    segment, step = (code >> 4 & 7).astype(int), (code & 15).astype(int)
    # Segments 0 and 1 have the same step; from 1 on there is a leading one above the step.
    leading = np.where(segment > 0, 32, 0)
    magnitude = (leading + 2 * step + 1 << np.maximum(segment - 1, 0)) << 3
    linear: npt.NDArray[np.int64] = np.where(code & _SIGN, magnitude, -magnitude)
    return linear.astype(np.int16)


def _every_sample() -> npt.NDArray[np.int64]:
    """Give every 16-bit sample, at the index of its unsigned pattern. Shape `[65536]`."""
    return np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int64)


def _linear_to_mulaw() -> _Bytes:
    """Give the mu-law byte of every sample. Shape `[65536]`."""
    linear = _every_sample() >> 2
    magnitude = np.minimum(np.abs(linear), _MULAW_CLIP) + _MULAW_BIAS
    segment = np.searchsorted(0x40 << np.arange(8), magnitude, side="right")
    step = magnitude >> segment + 1 & 15
    code: npt.NDArray[np.int64] = segment << 4 | step | np.where(linear < 0, _SIGN, 0)
    return (code ^ 0xFF).astype(np.uint8)


def _linear_to_alaw() -> _Bytes:
    """Give the A-law byte of every sample. Shape `[65536]`."""
    linear = _every_sample() >> 3
    # One's complement: the negative samples are the mirror image, without a second zero.
    magnitude = np.where(linear < 0, ~linear, linear)
    segment = np.searchsorted(0x20 << np.arange(7), magnitude, side="right")
    step = magnitude >> np.maximum(segment, 1) & 15
    code: npt.NDArray[np.int64] = segment << 4 | step | np.where(linear < 0, 0, _SIGN)
    return (code ^ 0x55).astype(np.uint8)


_MULAW_TO_LINEAR = _mulaw_to_linear()
_ALAW_TO_LINEAR = _alaw_to_linear()
_LINEAR_TO_MULAW = _linear_to_mulaw()
_LINEAR_TO_ALAW = _linear_to_alaw()
