"""What a caller plays: recorded speech and silence as frames, and where the speech truly is.

Frames are made once and shared by all callers. Positions are milliseconds of a caller's own audio;
where speech is does not depend on the noise of the room.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pybase64

from vivavoce.audio.units import BYTES_PER_MS, INNER_RATE
from vivavoce.bench.room import LOOP_MS, in_a_room
from vivavoce.speech import Clip, clip, clip_names

GAP_MS = 1300
"""Silence behind each clip at least, so that its turn ends and the next one is another."""

UTTERANCE_MS = 12_500

_FRAME_MS = 10
_QUIET = 10 ** (-45 / 20) * 32768
"""Root mean square of a 10 ms frame below which the clean recordings are silent: -45 dBFS."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Speech in a track, from its first to its last sound."""

    onset_ms: float
    offset_ms: float


@dataclass(frozen=True, slots=True)
class Track:
    """Frames of equal length, each a whole `input_audio_buffer.append`, and the turns in them."""

    frames: tuple[bytes, ...]
    turns: tuple[Turn, ...]
    chunk_ms: int

    @property
    def length_ms(self) -> int:
        """How long it plays."""
        return len(self.frames) * self.chunk_ms


def listening_track(
    *, seconds: float, chunk_ms: int, silence_ms: int, room_noise: bool, first: int = 0
) -> Track:
    """Clips with silence behind each, at least one of them and at most `seconds` of audio.

    `first` is the clip to begin with, so that callers do not all say the same at once. It ends in
    silence: as many turns end as begin.
    """
    gap_ms = GAP_MS + silence_ms
    tracks = [_part(name, chunk_ms, gap_ms, room_noise) for name in usable_clips(silence_ms)]
    chosen: list[Track] = []
    length_ms, number = 0, first
    while not chosen or length_ms + tracks[number % len(tracks)].length_ms <= 1000 * seconds:
        chosen.append(tracks[number % len(tracks)])
        length_ms += chosen[-1].length_ms
        number += 1
    return joined(chosen)


def usable_clips(silence_ms: int) -> tuple[str, ...]:
    """The clips without a pause inside that ends a turn. Raises `ValueError` if there is none."""
    usable = tuple(name for name in clip_names() if longest_pause_ms(clip(name)) < silence_ms)
    if not usable:
        least = min(longest_pause_ms(clip(name)) for name in clip_names())
        raise ValueError(
            f"{silence_ms} ms of silence are a pause inside every recorded clip; "
            f"with {least + 1} ms there is one to play"
        )
    return usable


def longest_pause_ms(spoken: Clip) -> int:
    """The longest silence inside a clip, from the energy of the clean recording in 10 ms frames."""
    inside = spoken.pcm[spoken.onset_ms * BYTES_PER_MS : spoken.offset_ms * BYTES_PER_MS]
    samples = np.frombuffer(inside, "<i2").astype(np.float64)
    size = INNER_RATE * _FRAME_MS // 1000
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    loud = np.flatnonzero(np.sqrt(np.square(frames).mean(axis=1)) >= _QUIET)
    return int((np.diff(loud) - 1).max(initial=0)) * _FRAME_MS


def utterance_track(*, chunk_ms: int, silence_ms: int, room_noise: bool) -> Track:
    """One utterance of `UTTERANCE_MS`, the clips without the silence around them, then silence."""
    speech = bytearray()
    names = usable_clips(silence_ms)
    while len(speech) < UTTERANCE_MS * BYTES_PER_MS:
        for spoken in map(clip, names):
            speech += spoken.pcm[spoken.onset_ms * BYTES_PER_MS : spoken.offset_ms * BYTES_PER_MS]
    del speech[UTTERANCE_MS * BYTES_PER_MS :]
    gap = bytes((GAP_MS + silence_ms) * BYTES_PER_MS)
    frames = encode(bytes(speech) + gap, chunk_ms, room_noise=room_noise)
    return Track(frames, (Turn(0.0, UTTERANCE_MS),), chunk_ms)


def joined(tracks: Iterable[Track]) -> Track:
    """Tracks of the same chunks, one behind the other; there is at least one."""
    frames: list[bytes] = []
    turns: list[Turn] = []
    for track in tracks:
        begin_ms = len(frames) * track.chunk_ms
        turns += (Turn(begin_ms + t.onset_ms, begin_ms + t.offset_ms) for t in track.turns)
        frames += track.frames
    return Track(tuple(frames), tuple(turns), track.chunk_ms)


def clip_track(name: str, chunk_ms: int, *, room_noise: bool) -> Track:
    """A clip by itself, filled up with silence to whole chunks."""
    return _part(name, chunk_ms, 0, room_noise)


@cache
def silence(chunk_ms: int, *, room_noise: bool) -> tuple[bytes, ...]:
    """Frames in which nobody speaks, to be repeated."""
    length_ms = LOOP_MS if room_noise else chunk_ms
    return encode(bytes(length_ms * BYTES_PER_MS), chunk_ms, room_noise=room_noise)


@cache
def _part(name: str, chunk_ms: int, gap_ms: int, room_noise: bool) -> Track:
    spoken = clip(name)
    pcm = spoken.pcm + bytes(gap_ms * BYTES_PER_MS)
    frames = encode(pcm, chunk_ms, room_noise=room_noise)
    return Track(frames, (Turn(spoken.onset_ms, spoken.offset_ms),), chunk_ms)


def encode(pcm: bytes, chunk_ms: int, *, room_noise: bool) -> tuple[bytes, ...]:
    """Audio (mono int16 at 24 kHz) as append events; the last one is filled up with silence.

    Without the noise of a room that silence is digital.
    """
    size = chunk_ms * BYTES_PER_MS
    whole = pcm + bytes(-len(pcm) % size)
    heard = in_a_room(whole) if room_noise else whole
    return tuple(_append(heard[start : start + size]) for start in range(0, len(heard), size))


def _append(pcm: bytes) -> bytes:
    return b'{"type":"input_audio_buffer.append","audio":"%b"}' % pybase64.b64encode(pcm)
