"""The noise of a quiet room, which lies under everything that callers send.

No microphone that is open gives zeros, and a server may spare itself the work for those.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from vivavoce.audio.units import INNER_RATE

ROOM_NOISE_DBFS = -60
"""Its root mean square, of full scale."""

LOOP_MS = 4000
"""After which it repeats."""

_SEED = 5


@cache
def room_noise() -> npt.NDArray[np.int16]:
    """White noise of `LOOP_MS` at 24 kHz, read-only, the same in every run."""
    deviation = 10 ** (ROOM_NOISE_DBFS / 20) * 32768
    samples = np.random.default_rng(_SEED).normal(0, deviation, INNER_RATE * LOOP_MS // 1000)
    noise = samples.round().astype(np.int16)
    noise.flags.writeable = False
    return noise


def in_a_room(pcm: bytes) -> bytes:
    """Audio (mono int16 at 24 kHz) with the room's noise under it, from the loop's beginning."""
    samples = np.frombuffer(pcm, "<i2").astype(np.int32)
    heard = samples + np.resize(room_noise(), len(samples))
    return heard.clip(-32768, 32767).astype("<i2").tobytes()
