"""A client's audio format to and from the inner one (protocol 2.5).

audio/pcm   16 bits, mono, little-endian, at 24 kHz or more
audio/pcmu  G.711 mu-law, 8 kHz
audio/pcma  G.711 A-law, 8 kHz
"""

from collections.abc import Callable

from vivavoce.audio import g711
from vivavoce.audio.pcm import SampleJoiner
from vivavoce.audio.polyphase import LiveResampler
from vivavoce.audio.resample import Resampler
from vivavoce.audio.units import INNER_RATE

MAX_RATE = 192_000
"""Hertz: the greatest rate of `audio/pcm` that is taken. The protocol names no limit."""

_Coding = Callable[[bytes], bytes]

_DECODE: dict[str, _Coding] = {"audio/pcmu": g711.decode_mulaw, "audio/pcma": g711.decode_alaw}
_ENCODE: dict[str, _Coding] = {"audio/pcmu": g711.encode_mulaw, "audio/pcma": g711.encode_alaw}


class InputDecoder:
    """Decodes a client's stream of bytes to 24 kHz mono int16 PCM.

    `kind` is the format's type, `rate` its rate in hertz (8000 for G.711). The samples do not
    depend on how the stream was cut into appends. `audio/pcm` at 24 kHz passes through without
    a copy, and of no usual rate are samples held back. Raises `ValueError` for a format that
    does not exist.
    """

    def __init__(self, kind: str, rate: int) -> None:
        _check(kind, rate)
        self._decode = _DECODE.get(kind) or SampleJoiner().push
        self._resample = None if rate == INNER_RATE else _resampler(rate, INNER_RATE).push

    def push(self, data: bytes) -> bytes:
        """Take the stream's next bytes, give the PCM that follows from them."""
        pcm = self._decode(data)
        return pcm if self._resample is None else self._resample(pcm)


class OutputEncoder:
    """Encodes 24 kHz mono int16 PCM to a client's format.

    `kind` is the format's type, `rate` its rate in hertz (8000 for G.711). `audio/pcm` at
    24 kHz passes through without a copy. Raises `ValueError` for a format that does not exist.
    """

    def __init__(self, kind: str, rate: int) -> None:
        _check(kind, rate)
        self._resampler = _resampler(INNER_RATE, rate)
        self._encode = _ENCODE.get(kind) or _unchanged

    def push(self, pcm: bytes) -> bytes:
        """Take further whole samples, give the client's bytes that follow from them."""
        return self._encode(self._resampler.push(pcm))

    def flush(self) -> bytes:
        """Give the end of the audio, up to 2 ms that the filter held; what follows is new."""
        return self._encode(self._resampler.flush())


def _check(kind: str, rate: int) -> None:
    """Raise `ValueError` unless there is such a format."""
    if kind == "audio/pcm":
        if not INNER_RATE <= rate <= MAX_RATE:
            raise ValueError(f"audio/pcm has a rate of {INNER_RATE} to {MAX_RATE} Hz, not {rate}")
    elif kind not in _DECODE:
        raise ValueError(f"{kind!r} is none of audio/pcm, audio/pcmu and audio/pcma")
    elif rate != g711.RATE:
        raise ValueError(f"{kind} has a rate of {g711.RATE} Hz, not {rate}")


def _resampler(from_rate: int, to_rate: int) -> LiveResampler | Resampler:
    """Choose the resampler that holds back least; equal rates pass through `Resampler`."""
    if from_rate != to_rate and LiveResampler.suits(from_rate, to_rate):
        return LiveResampler(from_rate, to_rate)
    return Resampler(from_rate, to_rate)


def _unchanged(pcm: bytes) -> bytes:
    return pcm
