"""The noise suppression of WebRTC, through `webrtc-noise-gain` (Apache-2.0; wheels for Linux only).

It hears 16 kHz in frames of 10 ms, so that audio goes down and up again in rate: what comes out
holds nothing above 7 kHz. It estimates the noise from what does not change, and needs a second for
that.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from vivavoce.audio.polyphase import LiveResampler
from vivavoce.audio.units import BYTES_PER_MS, INNER_RATE
from vivavoce.engines.base import EngineError, MissingDependencyError
from vivavoce.protocol.session_config import NoiseReductionKind

_RATE = 16_000
_FRAME_MS = 10
_FRAME = _RATE * _FRAME_MS // 1000 * 2
"""Bytes."""

_NO_GAIN = 0
_LEVELS: dict[NoiseReductionKind, int] = {"near_field": 2, "far_field": 3}
"""Of 0 to 4: noise falls by about 12 dB and 18 dB. More hurts recognition."""


class WebRtcNoiseReducer:
    """Takes about 1 ms of one processor for a second of audio, most of it in the library."""

    name: ClassVar[str] = "webrtc"

    def __init__(self) -> None:
        self._processor: Callable[[int, int], Any] | None = None

    def load(self) -> None:
        """Import the library. Raises `MissingDependencyError` without it."""
        try:
            from webrtc_noise_gain import AudioProcessor
        except ImportError as error:
            raise MissingDependencyError(
                "Noise reduction needs webrtc-noise-gain, which has wheels for Linux: "
                "pip install 'vivavoce[noise]'."
            ) from error
        self._processor = AudioProcessor

    async def close(self) -> None:
        """Free nothing: there is no model."""
        self._processor = None

    def open_stream(self, kind: NoiseReductionKind) -> "WebRtcStream":
        """Begin a session's audio. Raises `EngineError` before `load`."""
        if self._processor is None:
            raise EngineError("noise reduction is not loaded")
        return WebRtcStream(self._processor(_NO_GAIN, _LEVELS[kind]))


class WebRtcStream:
    """Delays by 18 ms: 6 in the suppression, 2 in the filters, and a frame that has to be whole."""

    def __init__(self, processor: Any) -> None:
        self._processor = processor
        self._down = LiveResampler(INNER_RATE, _RATE)
        self._up = LiveResampler(_RATE, INNER_RATE)
        self._partial = b""
        self._ready = bytearray(_FRAME_MS * BYTES_PER_MS)

    def reduce(self, pcm: bytes) -> bytes:
        """The next samples, with less noise; see `NoiseReductionStream`."""
        heard = self._partial + self._down.push(pcm)
        whole = len(heard) // _FRAME * _FRAME
        self._partial = heard[whole:]
        frames = (heard[start : start + _FRAME] for start in range(0, whole, _FRAME))
        clean = b"".join(self._processor.Process10ms(frame).audio for frame in frames)
        self._ready += self._up.push(clean)
        reduced = bytes(self._ready[: len(pcm)])
        del self._ready[: len(pcm)]
        return reduced
