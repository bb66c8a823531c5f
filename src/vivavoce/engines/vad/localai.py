"""Voice activity detection in one of LocalAI's backends: silero-vad, whisper.cpp.

Those judge a clip, and remember nothing of the one before. So each window is judged with the
second before it, all of which the backend hears again: 31 times the work of the built-in detector.
This is for a detector that only a backend has, and for few callers.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from vivavoce.audio.decimate import DECIMATOR_HISTORY, decimate
from vivavoce.audio.units import VAD_WINDOW
from vivavoce.engines.base import EngineError
from vivavoce.engines.limits import limits_of
from vivavoce.engines.localai.opening import prepared_blocking
from vivavoce.engines.localai.settings import BackendSettings, BackendTimeouts, Limits
from vivavoce.engines.vad.slots import StreamSlots

if TYPE_CHECKING:
    from vivavoce.engines.localai.calls import BlockingBackend

_RATE = 16_000
_WINDOW = 512
"""Samples at 16 kHz."""
_HEARD = 31 * _WINDOW
"""Samples that the backend hears of each stream: 992 ms."""


class LocalAIDetector:
    """Calls a window speech if the backend at `address` finds speech in it.

    `load`, `api_key` and `timeouts` are as in `BackendSettings`. The backend decides by its own
    threshold and says only where speech is, so a probability is 1.0 or 0.0 and the `threshold` of
    a session has no effect. It takes the time that the backend takes to call a segment ended
    (silero-vad: 100 ms, and 30 ms of padding) for speech, so turns end later by that.
    """

    name: ClassVar[str] = "localai"

    def __init__(
        self,
        address: str,
        load: Mapping[str, Any] | None = None,
        api_key: str | None = None,
        timeouts: Limits = None,
    ) -> None:
        self._settings = BackendSettings(
            address, load or {}, api_key, limits_of(BackendTimeouts, timeouts)
        )
        self._slots = StreamSlots()
        self._memories: dict[int, _Memory] = {}
        self._backend: BlockingBackend | None = None

    @classmethod
    def from_spec(cls, spec: str) -> Self:
        """Make one from an address, as in `127.0.0.1:50051`."""
        return cls(spec.strip())

    def load(self) -> None:
        """Ask whether the backend is there, and have it load the model.

        Raises `MissingDependencyError` without gRPC, and `EngineError`.
        """
        self._backend = prepared_blocking(self._settings)

    async def close(self) -> None:
        """Close the connection to the backend."""
        backend, self._backend = self._backend, None
        if backend is not None:
            backend.close()

    def open_stream(self) -> int:
        """Give a number for a stream that has heard nothing yet."""
        stream = self._slots.open()
        self._memories[stream] = _Memory()
        return stream

    def close_stream(self, stream: int) -> None:
        """Free a stream's number and state. Raises `ValueError` if it is not open."""
        self._slots.close(stream)
        del self._memories[stream]

    def score(self, streams: Sequence[int], windows: npt.NDArray[np.int16]) -> list[float]:
        """Tell of the next window of each stream whether it is speech, as 1.0 or 0.0.

        `windows` has the shape `[len(streams), 768]`, int16 at 24 kHz. Raises `ValueError` for
        another shape or a stream that is not open, `EngineError` before `load` and where the
        backend fails.
        """
        if windows.shape != (len(streams), VAD_WINDOW):
            raise ValueError(f"windows of {windows.shape} for {len(streams)} streams of 768")
        self._slots.require(streams)
        if self._backend is None:
            raise EngineError("localai is not loaded")
        heard = [
            self._memories[stream].extended(window)
            for stream, window in zip(streams, windows, strict=True)
        ]
        # As a list: protobuf takes an array too, but ten times as long for it.
        requests = [{"audio": samples.tolist()} for samples in heard]
        replies = self._backend.ask_all("VAD", requests, self._settings.timeouts.window)
        return [
            float(speaks_at_end(reply.segments, len(samples)))
            for reply, samples in zip(replies, heard, strict=True)
        ]


def speaks_at_end(segments: Sequence[Any], samples: int) -> bool:
    """Whether one of a clip's segments reaches into its last window.

    `start` and `end` are in seconds; an `end` of 0 is that of a segment which has not ended.
    """
    end, last = samples / _RATE, (samples - _WINDOW) / _RATE
    return any(
        segment.start < end and (segment.end == 0 or segment.end > last) for segment in segments
    )


class _Memory:
    """What is remembered of a stream: the end of it at 24 kHz, and the last second at 16 kHz."""

    def __init__(self) -> None:
        self._samples = np.zeros(DECIMATOR_HISTORY, np.int16)
        self._heard = np.zeros(0, np.float32)

    def extended(self, window: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
        """What there is with a further window, shape `[samples]`, in -1.0 to 1.0."""
        samples = np.concatenate((self._samples, window))
        self._samples = samples[VAD_WINDOW:]
        new = decimate(samples[np.newaxis])[0]
        self._heard = np.concatenate((self._heard, new))[-_HEARD:]
        return self._heard
