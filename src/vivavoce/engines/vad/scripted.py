"""A voice activity detector without a model: what is loud is speech."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from vivavoce.audio.pcm import FULL_SCALE
from vivavoce.engines.vad.slots import StreamSlots

SPEECH = 0.95
"""The probability of a loud window."""

SILENCE = 0.02
"""The probability of a quiet window."""


class ScriptedDetector:
    """Calls a window speech if its root mean square is above `threshold` (dBFS).

    For tests, whose audio then decides alone, and for machines without onnxruntime. It
    remembers nothing between windows.
    """

    name: ClassVar[str] = "scripted"

    def __init__(self, threshold: float = -45.0) -> None:
        self._least_power = (FULL_SCALE * 10 ** (threshold / 20)) ** 2
        self._slots = StreamSlots()

    def load(self) -> None:
        """Do nothing: there is no model."""

    async def close(self) -> None:
        """Do nothing: there is no model."""

    def open_stream(self) -> int:
        """Give a number for a stream."""
        return self._slots.open()

    def close_stream(self, stream: int) -> None:
        """Free a stream's number. Raises `ValueError` if it is not open."""
        self._slots.close(stream)

    def score(self, streams: Sequence[int], windows: npt.NDArray[np.int16]) -> list[float]:
        """Give the probability of speech of each window, shape `[len(streams), samples]`.

        Raises `ValueError` if a stream is not open.
        """
        self._slots.require(streams)
        power = np.square(windows, dtype=np.float64).mean(axis=1)
        return [SPEECH if loud else SILENCE for loud in power > self._least_power]
