"""The inner form of audio: mono, 16 bits, little-endian, 24 kHz. It travels as `bytes`."""

import numpy as np
import numpy.typing as npt

FULL_SCALE = 32_768
"""The magnitude of the most negative sample, which is 0 dBFS."""

Samples = npt.NDArray[np.int16]

_LITTLE_ENDIAN = np.dtype("<i2")


def to_samples(pcm: bytes) -> Samples:
    """View PCM as an int16 array of shape `[samples]`, read-only and without a copy.

    Raises `ValueError` if `pcm` ends within a sample.
    """
    return np.frombuffer(pcm, _LITTLE_ENDIAN)


def to_pcm(samples: npt.NDArray[np.floating] | Samples) -> bytes:
    """Round samples to 16 bits and give them as PCM; what is too loud is clipped."""
    if samples.dtype != np.int16:
        samples = np.rint(samples).clip(-FULL_SCALE, FULL_SCALE - 1)
    return samples.astype(_LITTLE_ENDIAN, copy=False).tobytes()


class SampleJoiner:
    """Cuts a stream of bytes into whole samples.

    A client may split its audio anywhere, also in the middle of a sample. The odd byte waits
    for the rest, so the samples do not depend on the split.
    """

    __slots__ = ("_odd",)

    def __init__(self) -> None:
        self._odd = b""

    def push(self, data: bytes) -> bytes:
        """Take the stream's next bytes; give the samples that are now whole.

        Whole samples pass through without a copy.
        """
        if self._odd:
            data = self._odd + data
        whole = len(data) & ~1
        if whole == len(data):
            self._odd = b""
            return data
        self._odd = data[whole:]
        return data[:whole]
