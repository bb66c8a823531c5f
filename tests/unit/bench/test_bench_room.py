import json

import numpy as np
import numpy.typing as npt
import pybase64
import pytest

from vivavoce.audio.units import BYTES_PER_MS
from vivavoce.bench.room import ROOM_NOISE_DBFS, in_a_room
from vivavoce.bench.track import (
    GAP_MS,
    Track,
    clip_track,
    encode,
    listening_track,
    silence,
    usable_clips,
    utterance_track,
)
from vivavoce.engines.vad.silero import SileroDetector

SILENCE_MS, WINDOW_MS = 500, 32
ALL_CLIPS_S = 45.0

Samples = npt.NDArray[np.int16]


def samples(frames: tuple[bytes, ...]) -> Samples:
    audio = (pybase64.b64decode(json.loads(frame)["audio"]) for frame in frames)
    return np.frombuffer(b"".join(audio), "<i2")


def dbfs(heard: Samples) -> float:
    return 20 * float(np.log10(np.sqrt(np.square(heard / 32768).mean())))


def listened(*, room_noise: bool) -> Track:
    return listening_track(
        seconds=ALL_CLIPS_S, chunk_ms=20, silence_ms=SILENCE_MS, room_noise=room_noise
    )


def silent_parts() -> dict[str, Samples]:
    """What callers send while they do not speak, by where it stands."""
    track = listened(room_noise=True)
    turn = track.turns[0]
    begin = int(turn.offset_ms + 100) * BYTES_PER_MS // 2
    utterance = utterance_track(chunk_ms=20, silence_ms=SILENCE_MS, room_noise=True)
    gap_ms = GAP_MS + SILENCE_MS
    return {
        "a gap": samples(track.frames)[begin : begin + gap_ms * BYTES_PER_MS // 2],
        "behind an utterance": samples(utterance.frames)[-gap_ms * BYTES_PER_MS // 2 :],
        "before a clip": samples(clip_track("time", 20, room_noise=True).frames[:14]),
        "while waiting": samples(silence(30, room_noise=True)),
        "the filling": samples(encode(b"\0\0", 1000, room_noise=True)),
    }


@pytest.mark.parametrize("part", silent_parts().values(), ids=list(silent_parts()))
def test_a_room_is_never_silent(part: Samples) -> None:
    assert dbfs(part) == pytest.approx(ROOM_NOISE_DBFS, abs=0.3)
    for begin in range(0, len(part) - 768, 768):
        assert np.abs(part[begin : begin + 768]).max() > 50


def test_a_muted_microphone_gives_zeros() -> None:
    assert len(silence(20, room_noise=False)) == 1
    assert not samples(silence(20, room_noise=False)).any()


def test_noise_does_not_move_the_truth() -> None:
    clean, noisy = listened(room_noise=False), listened(room_noise=True)
    assert noisy.turns == clean.turns
    assert len(noisy.frames) == len(clean.frames)
    added = samples(noisy.frames).astype(int) - samples(clean.frames)
    assert dbfs(added) == pytest.approx(ROOM_NOISE_DBFS, abs=0.3)


def test_noise_does_not_overflow() -> None:
    full = np.full(2400, 32767, "<i2")
    assert np.frombuffer(in_a_room(full.tobytes()), "<i2").min() > 32000


def told(heard: Samples) -> list[tuple[str, int]]:
    """What `server_vad` by Silero tells of this audio, each with its milliseconds."""
    detector = SileroDetector()
    detector.load()
    stream = detector.open_stream()
    size, speaks, quiet = WINDOW_MS * BYTES_PER_MS // 2, False, 0
    events = []
    for number in range(len(heard) // size):
        window = heard[number * size : (number + 1) * size]
        probability = float(detector.score([stream], window[None])[0])
        if not speaks and probability >= 0.5:
            speaks, quiet = True, 0
            events.append(("started", number * WINDOW_MS))
        elif speaks:
            quiet = 0 if probability >= 0.5 else quiet + (quiet > 0 or probability < 0.35)
            if quiet * WINDOW_MS >= SILENCE_MS:
                speaks = False
                events.append(("stopped", (number + 1) * WINDOW_MS))
    return events


def test_a_detector_finds_every_turn_in_a_room() -> None:
    track = listened(room_noise=True)
    assert len(track.turns) >= len(usable_clips(SILENCE_MS))
    events = told(samples(track.frames))
    assert [kind for kind, _ in events] == ["started", "stopped"] * len(track.turns)
    pairs = zip(events[::2], events[1::2], track.turns, strict=True)
    for (_, started_ms), (_, stopped_ms), turn in pairs:
        assert abs(started_ms - turn.onset_ms) < 250
        assert abs(stopped_ms - turn.offset_ms - SILENCE_MS) < 250
