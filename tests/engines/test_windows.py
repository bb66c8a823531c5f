"""Long speech is cut where it is quiet."""

import numpy as np

from vivavoce.engines.stt.windows import windows

RATE = 16_000


def noise(ms: int, level: int = 5000) -> bytes:
    random = np.random.default_rng(ms)
    return random.integers(-level, level + 1, RATE * ms // 1000, dtype="<i2").tobytes()


def cut(audio: bytes) -> list[bytes]:
    return windows(audio, RATE, longest_ms=3000, search_ms=1000)


def test_short_speech_stays_whole() -> None:
    audio = noise(3000)
    assert cut(audio) == [audio]
    assert cut(b"") == [b""]


def test_long_speech_is_cut_in_the_pauses() -> None:
    audio = noise(2400) + noise(200, level=5) + noise(2100) + noise(200, level=5) + noise(900)
    pieces = cut(audio)
    assert b"".join(pieces) == audio
    ends_ms = np.cumsum([len(piece) * 1000 // (2 * RATE) for piece in pieces])
    assert len(pieces) == 3
    assert ends_ms[0] in range(2400, 2601)
    assert ends_ms[1] in range(4700, 4901)


def test_no_piece_is_too_long_and_none_is_empty() -> None:
    for piece in cut(noise(20_000)):
        assert 0 < len(piece) <= 2 * RATE * 3
