"""Counting in the inner form of audio: mono, 16 bits, 24 kHz.

Positions and lengths are counted in samples, never in seconds, so that sums are exact;
milliseconds appear only at the edges, in events.
"""

INNER_RATE = 24_000
"""Hertz: the rate of all audio inside the server."""

BYTES_PER_SAMPLE = 2

SAMPLES_PER_MS = INNER_RATE // 1000

BYTES_PER_MS = BYTES_PER_SAMPLE * SAMPLES_PER_MS

VAD_WINDOW = 32 * SAMPLES_PER_MS
"""Samples, 32 ms: the window that a voice activity detector scores."""
