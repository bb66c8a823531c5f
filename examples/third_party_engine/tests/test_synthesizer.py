"""What is this voice's own: the code, its timing, its options."""

import numpy as np
import pytest
from vivavoce_morse import MorseSynthesizer
from vivavoce_morse.code import signs

from vivavoce.engines.base import EngineError, SpeechChunk, Voice, WordTiming


async def spoken(text: str, voice: Voice | None = None, wpm: float = 20) -> list[SpeechChunk]:
    return [chunk async for chunk in MorseSynthesizer(wpm).synthesize(text, voice or Voice())]


def keyed(chunks: list[SpeechChunk], dot_ms: int = 60) -> str:
    """What a listener who measures writes down: `=` for a dot of tone, `.` for one of silence."""
    samples = np.frombuffer(b"".join(chunk.audio for chunk in chunks), "<i2").astype(float)
    dots = samples.reshape(-1, dot_ms * MorseSynthesizer.sample_rate // 1000)
    return "".join("=" if loud else "." for loud in np.abs(dots).mean(axis=1) > 1_000)


def test_letters_have_the_signs_of_the_code() -> None:
    assert signs("Sos!") == ["...", "---", "...", "-.-.--"]
    assert signs("é€") == ["."]


async def test_marks_and_pauses_have_their_lengths_in_dots() -> None:
    assert keyed(await spoken("so a")) == "=.=.=...===.===.===.......=.===" + "." * 7


async def test_paris_fifty_times_a_minute_is_fifty_words_per_minute() -> None:
    chunks = await spoken("PARIS", wpm=50)
    seconds = sum(len(chunk.audio) for chunk in chunks) / 2 / MorseSynthesizer.sample_rate
    assert seconds == pytest.approx(60 / 50)


async def test_a_word_is_timed_where_its_tone_begins() -> None:
    chunks = await spoken("so a")
    assert [word for chunk in chunks for word in chunk.words] == [
        WordTiming(2, 0),
        WordTiming(4, 60 * len("=.=.=...===.===.===.......")),
    ]


@pytest.mark.parametrize("spec", ["fast", "1", "1000", "nan"])
def test_a_pace_that_nobody_can_read_is_refused(spec: str) -> None:
    with pytest.raises(EngineError, match=r"words per minute") as caught:
        MorseSynthesizer.from_spec(spec)
    assert caught.value.code == "invalid_configuration"


async def test_a_voice_that_is_not_there_is_told() -> None:
    with pytest.raises(EngineError, match="no voice 'bell': name one of alloy"):
        await spoken("e", Voice(name="bell"))
