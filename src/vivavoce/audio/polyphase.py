"""Polyphase FIR filters: change the rate by a ratio of small integers, at once.

Between the client and the voice activity detector every millisecond of delay moves the end of
a turn, and a committed buffer must hold all that was appended. A filter like `soxr`'s holds
back 20 to 70 ms; these give every sample they can: from `down` input samples come `up` output
samples, and what they show is one to two milliseconds old.

The filters are Kaiser windowed sincs. All have the same shape relative to the lower of the two
rates: the stop band begins at 9/16 of it (9 kHz for 16 kHz) and lies more than 60 dB down. The
band between 1/2 and 9/16 folds back; this is the price of the short delay.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, gcd

import numpy as np
import numpy.typing as npt

from vivavoce.audio.pcm import Samples, to_pcm, to_samples
from vivavoce.audio.units import BYTES_PER_SAMPLE

_ATTENUATION_DB = 66
_STOP_BAND = 9 / 16
_EXACT = 1 << 20
_PIECE = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Polyphase:
    """A filter as one matrix, from a stretch of input to the output that it determines.

    `matrix` has the shape `[history + step, made]`: `history` samples already used and `step`
    further ones give `made` new samples. `delay` is in seconds.
    """

    matrix: npt.NDArray[np.floating]
    history: int
    delay: float

    def apply(self, samples: Samples) -> npt.NDArray[np.floating]:
        """Filter int16 samples of shape `[n, history + k * step]` to `[n, k * made]`.

        The result is in the matrix's type, unrounded. `samples` is C-contiguous.
        """
        span, made = self.matrix.shape
        step = span - self.history
        rows, columns = samples.shape
        blocks = (columns - self.history) // step
        row, column = samples.strides
        windows: Samples = np.ndarray(
            (rows, blocks, span), samples.dtype, samples, strides=(row, step * column, column)
        )
        # One small product per row, in one call: OpenBLAS would start threads for a large one,
        # which cost many times what they save.
        product: npt.NDArray[np.floating] = (
            windows.astype(self.matrix.dtype, order="C") @ self.matrix
        )
        return product.reshape(rows, blocks * made)


def design(from_rate: int, to_rate: int, *, taps: int, blocks: int = 1) -> Polyphase:
    """Design the filter from one rate to the other, in float64.

    `taps` is the length of the whole filter at the least common multiple of the rates. The
    matrix covers `blocks` periods of the ratio.
    """
    common = gcd(from_rate, to_rate)
    up, down = to_rate // common, from_rate // common
    impulse = _impulse_response(taps, max(up, down)) * up
    # The last output of a period may use the period's last input: nothing is held back.
    offset = down - 1
    history = (taps - 1 - offset) // up
    outputs = np.arange(up * blocks) * down + offset
    inputs = np.arange(-history, down * blocks) * up
    tap = outputs - inputs[:, np.newaxis]
    matrix = np.where((tap >= 0) & (tap < taps), impulse[tap.clip(0, taps - 1)], 0.0)
    return Polyphase(matrix, history, ((taps - 1) / 2 - offset) / (from_rate * up))


def _impulse_response(taps: int, longest: int) -> npt.NDArray[np.float64]:
    """Give a low-pass filter with a sum of 1, for a lower rate of 1/`longest` of its own.

    Width and window follow Kaiser's formulas for the wanted attenuation.
    """
    width = (_ATTENUATION_DB - 8) / (2.285 * (taps - 1) * 2 * np.pi)
    cutoff = _STOP_BAND / longest - width / 2
    time = np.arange(taps) - (taps - 1) / 2
    window = np.kaiser(taps, 0.1102 * (_ATTENUATION_DB - 8.7))
    impulse: npt.NDArray[np.float64] = np.sinc(2 * cutoff * time) * window
    impulse /= impulse.sum()
    return impulse


@lru_cache(maxsize=16)
def _streaming(from_rate: int, to_rate: int) -> Polyphase:
    """Design a filter whose sums are exact, so that they do not depend on their order.

    Taps of 20 fractional bits times samples of 16 bits add up within the 53 bits of float64.
    """
    common = gcd(from_rate, to_rate)
    filter_ = design(from_rate, to_rate, taps=32 * max(from_rate, to_rate) // common)
    exact = np.rint(filter_.matrix * _EXACT) / _EXACT
    return Polyphase(exact, filter_.history, filter_.delay)


class LiveResampler:
    """Changes the rate of a stream of int16 PCM without holding samples back.

    After `n` samples, `n // down * up` have come out, where `up / down` is the ratio of the
    rates in lowest terms; the same ones whatever the pieces in which the stream was pushed.
    What comes out is delayed by half the filter: 2.0 ms from 8 to 24 kHz and from 24 to
    8 kHz 1.9 ms, from 48 to 24 kHz 0.6 ms. Raises `ValueError` if the ratio does not suit.
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        if not self.suits(from_rate, to_rate):
            raise ValueError(f"{from_rate} Hz to {to_rate} Hz is not a ratio of small integers")
        self._filter = _streaming(from_rate, to_rate)
        self._step = len(self._filter.matrix) - self._filter.history
        self._delay = ceil(self._filter.delay * from_rate)
        self._held, self._begun = self._silence(), False

    @staticmethod
    def suits(from_rate: int, to_rate: int) -> bool:
        """Tell whether the ratio repeats at least every 5 ms, so that the filter is small."""
        return gcd(from_rate, to_rate) >= 200

    def push(self, pcm: bytes) -> bytes:
        """Take further whole samples, give what follows from them.

        Raises `ValueError` if `pcm` ends within a sample.
        """
        self._begun |= bool(pcm)
        samples = np.concatenate((self._held, to_samples(pcm)))
        end = (len(samples) - self._filter.history) // self._step * self._step
        self._held = samples[end:].copy()
        # The windows take many times the memory of the samples, hence piece by piece.
        piece = max(_PIECE // self._step, 1) * self._step
        return b"".join(
            self._filtered(samples[start : min(start + piece, end) + self._filter.history])
            for start in range(0, end, piece)
        )

    def flush(self) -> bytes:
        """Give what the filter still holds of the stream, and begin a new one."""
        if not self._begun:
            return b""
        pending = len(self._held) - self._filter.history
        blocks = ceil((pending + self._delay) / self._step)
        rest = self.push(bytes((blocks * self._step - pending) * BYTES_PER_SAMPLE))
        self._held, self._begun = self._silence(), False
        return rest

    def _silence(self) -> Samples:
        return np.zeros(self._filter.history, np.int16)

    def _filtered(self, samples: Samples) -> bytes:
        return to_pcm(self._filter.apply(samples[np.newaxis]))
