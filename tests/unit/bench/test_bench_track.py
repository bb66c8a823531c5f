import json
from typing import Any

import numpy as np
import pybase64
import pytest

from vivavoce.audio.units import BYTES_PER_MS
from vivavoce.bench.track import (
    UTTERANCE_MS,
    Track,
    encode,
    listening_track,
    longest_pause_ms,
    usable_clips,
    utterance_track,
)
from vivavoce.speech import clip, clip_names


def audio(track: Track) -> bytes:
    events: list[dict[str, Any]] = [json.loads(frame) for frame in track.frames]
    assert {event["type"] for event in events} == {"input_audio_buffer.append"}
    return b"".join(pybase64.b64decode(event["audio"]) for event in events)


def loudest(pcm: bytes, begin_ms: float, end_ms: float) -> int:
    samples = np.frombuffer(pcm[int(begin_ms) * BYTES_PER_MS : int(end_ms) * BYTES_PER_MS], "<i2")
    return int(np.abs(samples.astype(int)).max(initial=0))


@pytest.mark.parametrize("chunk_ms", [20, 40, 100])
def test_turns_are_where_somebody_speaks(chunk_ms: int) -> None:
    track = listening_track(seconds=12, chunk_ms=chunk_ms, silence_ms=500, room_noise=False)
    pcm = audio(track)
    assert len(pcm) == track.length_ms * BYTES_PER_MS
    assert len(track.turns) > 1
    silent_from = 0.0
    for turn in track.turns:
        assert loudest(pcm, silent_from, turn.onset_ms) < loudest(pcm, *span(turn)) / 50
        silent_from = turn.offset_ms


def span(turn: Any) -> tuple[float, float]:
    return turn.onset_ms, turn.offset_ms


def test_a_track_ends_in_more_silence_than_ends_a_turn() -> None:
    track = listening_track(seconds=12, chunk_ms=20, silence_ms=700, room_noise=False)
    assert track.length_ms - track.turns[-1].offset_ms > 2 * 700


def test_a_track_is_of_whole_clips_and_not_longer_than_asked() -> None:
    track = listening_track(seconds=12, chunk_ms=20, silence_ms=500, room_noise=False)
    assert track.length_ms <= 12_000
    assert (
        len(listening_track(seconds=0.1, chunk_ms=20, silence_ms=500, room_noise=False).turns) == 1
    )


def test_callers_begin_with_different_clips_and_share_their_frames() -> None:
    first, second = (
        listening_track(seconds=12, chunk_ms=20, silence_ms=500, first=number, room_noise=False)
        for number in (0, 1)
    )
    one_turn = next(n for n, frame in enumerate(first.frames) if frame is second.frames[0])
    assert all(a is b for a, b in zip(first.frames[one_turn:], second.frames, strict=False))


def test_every_clip_can_be_played_with_the_usual_silence() -> None:
    assert usable_clips(500) == clip_names()


def test_a_clip_with_a_pause_that_ends_a_turn_is_not_played() -> None:
    assert longest_pause_ms(clip("two_sentences")) == pytest.approx(300, abs=50)
    assert set(clip_names()) - set(usable_clips(300)) == {"two_sentences"}


def test_a_silence_that_every_clip_has_is_refused() -> None:
    with pytest.raises(ValueError, match="with 1 ms there is one to play"):
        usable_clips(0)


def test_an_utterance_has_no_pause_and_then_a_long_one() -> None:
    track = utterance_track(chunk_ms=20, silence_ms=500, room_noise=False)
    pcm = audio(track)
    (turn,) = track.turns
    assert span(turn) == (0, UTTERANCE_MS)
    assert all(loudest(pcm, begin, begin + 300) > 300 for begin in range(0, UTTERANCE_MS, 300))
    assert loudest(pcm, UTTERANCE_MS, track.length_ms) == 0
    assert track.length_ms >= UTTERANCE_MS + 500


def test_the_last_frame_is_filled_up_with_silence() -> None:
    frames = encode(b"\1" * 100, 20, room_noise=False)
    assert len(frames) == 1
    assert pybase64.b64decode(json.loads(frames[0])["audio"]) == b"\1" * 100 + bytes(860)
