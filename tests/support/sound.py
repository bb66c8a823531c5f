"""Sounds for turns: tones that count as speech, and silence. 24 kHz mono int16."""

import numpy as np

RATE = 24_000
BYTES_PER_MS = 48


def tone(ms: int, hertz: float = 300.0) -> bytes:
    """A loud tone: speech, to a detector that goes by loudness."""
    samples = np.arange(ms * RATE // 1000)
    wave = 8_000 * np.sin(2 * np.pi * hertz / RATE * samples)
    pcm: bytes = wave.astype("<i2").tobytes()
    return pcm


def silence(ms: int) -> bytes:
    """Nothing to hear."""
    return bytes(ms * BYTES_PER_MS)


def utterance(ms: int = 500, hertz: float = 300.0) -> bytes:
    """A turn: 320 ms of silence, a tone, and the silence that ends it by default."""
    return silence(320) + tone(ms, hertz) + silence(640)
