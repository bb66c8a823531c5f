"""Speech as servers send it, bit by bit: a WAV file of 16-bit PCM, or the bare PCM."""

import numpy as np

from vivavoce.audio.pcm import SampleJoiner, to_pcm, to_samples
from vivavoce.audio.units import BYTES_PER_SAMPLE

_RIFF_HEAD = 12
_CHUNK_HEAD = 8
_LONGEST_HEADER = 1 << 17
"""Bytes in front of the samples."""
_PCM_FORMATS = (1, 0xFFFE)
"""WAVE_FORMAT_PCM and WAVE_FORMAT_EXTENSIBLE."""


class SpeechStream:
    """Turns a stream's bytes into mono int16 PCM; `rate` is in hertz.

    A stream that begins as a WAV file does is one, and its header says its rate. Lengths in the
    header are passed over: who streams does not know them. All else is PCM at the rate given.
    Two channels are averaged.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._head: bytearray | None = bytearray()
        """What may be a header, until that is known."""
        self._channels = 1
        self._joiner = SampleJoiner()
        self._rest = b""

    def push(self, data: bytes) -> bytes:
        """Take the next bytes and give the samples that are whole.

        Raises `ValueError`, naming what was found, for a WAV file of another kind.
        """
        if self._head is not None:
            self._head += data
            data = self._behind_header(self._head)
        pcm = self._joiner.push(data)
        if self._channels == 1:
            return pcm
        pcm = self._rest + pcm
        whole = len(pcm) // (2 * BYTES_PER_SAMPLE) * 2 * BYTES_PER_SAMPLE
        self._rest = pcm[whole:]
        return to_pcm(to_samples(pcm[:whole]).reshape(-1, 2).mean(axis=1, dtype=np.float32))

    def flush(self) -> bytes:
        """Give what was too short to be told from the beginning of a header."""
        head, self._head = self._head, None
        return self._joiner.push(bytes(head)) if head and not head.startswith(b"RIFF") else b""

    def _behind_header(self, head: bytearray) -> bytes:
        """The samples behind the header, if all of it is there, or all bytes if there is none."""
        if not b"RIFF".startswith(head[:4]) or (
            len(head) >= _RIFF_HEAD and head[8:_RIFF_HEAD] != b"WAVE"
        ):
            self._head = None
            return bytes(head)
        place = _RIFF_HEAD
        while len(head) >= place + _CHUNK_HEAD:
            name = bytes(head[place : place + 4])
            size = int.from_bytes(head[place + 4 : place + _CHUNK_HEAD], "little")
            place += _CHUNK_HEAD
            if name == b"data":
                self._head = None
                return bytes(head[place:])
            if name == b"fmt " and len(head) >= place + size:
                self._take_format(bytes(head[place : place + size]))
            place += size + size % 2
        if len(head) > _LONGEST_HEADER:
            raise ValueError(f"a WAV file without samples in its first {len(head)} bytes")
        return b""

    def _take_format(self, chunk: bytes) -> None:
        code, channels, width = (int.from_bytes(chunk[i : i + 2], "little") for i in (0, 2, 14))
        if code not in _PCM_FORMATS or width != 8 * BYTES_PER_SAMPLE or channels not in (1, 2):
            raise ValueError(
                f"a WAV file of format {code} with {width} bits in {channels} channel(s), not of "
                "16-bit PCM in one or two"
            )
        self._channels = channels
        self.rate = int.from_bytes(chunk[4:8], "little")
