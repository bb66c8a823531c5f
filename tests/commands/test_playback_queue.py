import pytest

from vivavoce.audio.units import BYTES_PER_MS
from vivavoce.commands.playback import (
    MAX_WAITING_MS,
    PREBUFFER_MS,
    Cut,
    PlaybackError,
    PlaybackQueue,
)


def sound(ms: int, value: int = 1) -> bytes:
    return bytes([value]) * (ms * BYTES_PER_MS)


SILENCE = sound(20, 0)


def test_an_empty_queue_plays_silence() -> None:
    assert PlaybackQueue().read(len(SILENCE)) == SILENCE


def test_an_answer_begins_when_half_a_second_is_there() -> None:
    queue = PlaybackQueue()
    queue.put("a", sound(PREBUFFER_MS - 1))
    assert queue.read(len(SILENCE)) == SILENCE
    queue.put("a", sound(1))
    assert queue.read(len(SILENCE)) == sound(20)


def test_a_short_answer_begins_when_it_is_whole() -> None:
    queue = PlaybackQueue()
    queue.put("a", sound(30))
    queue.end("a")
    assert queue.read(2 * len(SILENCE)) == sound(30) + sound(10, 0)


def test_what_has_begun_goes_on_with_whatever_comes() -> None:
    queue = PlaybackQueue()
    queue.put("a", sound(PREBUFFER_MS))
    queue.read(PREBUFFER_MS * BYTES_PER_MS)
    assert queue.read(len(SILENCE)) == SILENCE
    queue.put("a", sound(20, 2))
    assert queue.read(len(SILENCE)) == sound(20, 2)


def test_the_next_item_follows_without_a_gap() -> None:
    queue = PlaybackQueue()
    queue.put("a", sound(10))
    queue.end("a")
    queue.put("b", sound(10, 2))
    queue.end("b")
    assert queue.read(len(SILENCE)) == sound(10) + sound(10, 2)


def test_a_cut_tells_what_was_heard_of_every_item() -> None:
    queue = PlaybackQueue()
    queue.put("a", sound(1000))
    queue.end("a")
    queue.put("b", sound(1000))
    queue.read(600 * BYTES_PER_MS)
    assert queue.cut(latency_ms=40) == [Cut("a", 560), Cut("b", 0)]
    assert queue.read(len(SILENCE)) == SILENCE


def test_what_was_played_to_its_end_is_not_cut() -> None:
    queue = PlaybackQueue()
    queue.put("a", sound(20))
    queue.end("a")
    queue.read(len(SILENCE))
    assert queue.cut(latency_ms=0) == []


def test_more_than_anybody_will_hear_is_refused() -> None:
    queue = PlaybackQueue()
    queue.put("a", bytes(MAX_WAITING_MS * BYTES_PER_MS))
    with pytest.raises(PlaybackError, match="more speech than can be played"):
        queue.put("a", bytes(2))
