"""Noise reduction on a session's input: what is heard, beside what was sent."""

import logging
from collections.abc import Callable

from vivavoce.engines.base import NoiseReductionStream

logger = logging.getLogger(__name__)

FAILED = "noise reduction failed; this session is heard as it is sent"


class NoiseReduction:
    """One session's stream. Where it fails, the session is heard as it is sent from then on."""

    def __init__(self, open_stream: Callable[[], NoiseReductionStream]) -> None:
        self._stream: NoiseReductionStream | None = None
        try:
            self._stream = open_stream()
        except Exception:
            logger.exception(FAILED)

    def heard(self, pcm: bytes) -> bytes:
        """The next samples at 24 kHz with less noise, as many as they were.

        It blocks for about a thousandth of what they last. A thread would not help: the library
        holds the interpreter's lock, and handing over costs as much as a short append.
        """
        if self._stream is None:
            return pcm
        try:
            reduced = self._stream.reduce(pcm)
            if len(reduced) != len(pcm):
                raise ValueError(f"{len(pcm)} bytes went in, and {len(reduced)} came out")
        except Exception:
            logger.exception(FAILED)
            self._stream = None
            return pcm
        return reduced
