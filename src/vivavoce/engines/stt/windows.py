"""Cutting long speech where it is quiet, for recognisers that hear so many seconds at a time."""

import numpy as np

from vivavoce.audio.pcm import to_samples
from vivavoce.audio.units import BYTES_PER_SAMPLE

_FRAME_MS = 100


def windows(pcm: bytes, rate: int, *, longest_ms: int, search_ms: int) -> list[bytes]:
    """Cut int16 PCM at `rate` hertz into pieces of at most `longest_ms`.

    Each piece but the last ends in the quietest 100 ms of its last `search_ms`. Joined, they are
    the audio; there is at least one.
    """
    per_ms = rate * BYTES_PER_SAMPLE // 1000
    pieces: list[bytes] = []
    start, longest = 0, longest_ms * per_ms
    while len(pcm) - start > longest:
        earliest = start + longest - search_ms * per_ms
        end = earliest + _quietest(pcm[earliest : start + longest], rate)
        pieces.append(pcm[start:end])
        start = end
    return [*pieces, pcm[start:]]


def _quietest(pcm: bytes, rate: int) -> int:
    """The offset in bytes of the middle of the quietest 100 ms."""
    frame = rate * _FRAME_MS // 1000
    samples = to_samples(pcm).astype(np.float32)
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    quietest = int(np.argmin(np.einsum("ij,ij->i", frames, frames)))
    return (quietest * frame + frame // 2) * BYTES_PER_SAMPLE
