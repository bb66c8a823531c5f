"""Change the rate of audio with soxr, at its high quality.

For whole clips, and for streams where quality counts and delay does not, as in synthesised
speech that comes faster than it is played: `soxr` holds back 20 to 70 ms of a stream until
`flush`. What a client says goes through `vivavoce.audio.polyphase` instead.
"""

import numpy as np
import numpy.typing as npt
import soxr

from vivavoce.audio.pcm import to_pcm, to_samples

_NOTHING = np.zeros(0, np.float32)


class Resampler:
    """Changes the rate of a stream of int16 PCM.

    The samples that come out are the same whatever the pieces in which the stream was pushed.
    Equal rates pass through untouched.
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        self._stream: soxr.ResampleStream | None = None
        if from_rate == to_rate:
            return
        # Float, since soxr adds random dither to integers: the same input must give the same
        # output.
        self._stream = soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32", quality="HQ")

    def push(self, pcm: bytes) -> bytes:
        """Take further whole samples, give those that are ready.

        Raises `ValueError` if `pcm` ends within a sample.
        """
        if self._stream is None:
            return pcm
        return to_pcm(self._stream.resample_chunk(to_samples(pcm).astype(np.float32)))

    def flush(self) -> bytes:
        """Give the rest of the stream, and begin a new one."""
        if self._stream is None:
            return b""
        rest: npt.NDArray[np.float32] = self._stream.resample_chunk(_NOTHING, last=True)
        self._stream.clear()
        return to_pcm(rest)


def convert(pcm: bytes, from_rate: int, to_rate: int) -> bytes:
    """Change the rate of a whole clip of int16 PCM.

    Raises `ValueError` if `pcm` ends within a sample.
    """
    resampler = Resampler(from_rate, to_rate)
    return resampler.push(pcm) + resampler.flush()
