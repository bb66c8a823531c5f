import asyncio
from contextlib import aclosing
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.engines.base import EngineError, Hint, SpeechChunk, Transcript, Voice, WordTiming
from vivavoce.engines.stt.scripted import ScriptedRecognizer
from vivavoce.engines.tts.scripted import ScriptedSynthesizer

SECOND = bytes(2 * ScriptedRecognizer.sample_rate)


async def hear(recognizer: ScriptedRecognizer, audio: bytes = SECOND) -> tuple[str, list[str]]:
    deltas: list[str] = []
    transcript = await recognizer.recognize(audio, Hint(), deltas.append)
    return transcript.text, deltas


async def speak(
    synthesizer: ScriptedSynthesizer, text: str, voice: Voice | None = None
) -> list[SpeechChunk]:
    return [chunk async for chunk in synthesizer.synthesize(text, voice or Voice())]


async def test_texts_are_heard_in_turn_and_again() -> None:
    recognizer = ScriptedRecognizer(["one", "two"])
    recognizer.load()
    assert [(await hear(recognizer))[0] for _ in range(3)] == ["one", "two", "one"]
    await recognizer.close()


async def test_one_text_may_be_given_as_a_string() -> None:
    recognizer = ScriptedRecognizer("yes indeed")
    assert [(await hear(recognizer))[0] for _ in range(2)] == ["yes indeed"] * 2


async def test_a_text_may_speak_of_the_utterance() -> None:
    recognizer = ScriptedRecognizer(["number {number}, {ms} ms of {speech}"])
    assert (await hear(recognizer))[0] == "number 1, 1000 ms of {speech}"
    assert (await hear(recognizer, SECOND[: len(SECOND) // 10]))[
        0
    ] == "number 2, 100 ms of {speech}"


async def test_an_empty_text_is_noise() -> None:
    assert await hear(ScriptedRecognizer([""], deltas=True)) == ("", [])


async def test_none_fails_and_the_next_text_is_heard() -> None:
    recognizer = ScriptedRecognizer([None, "two"])
    with pytest.raises(EngineError, match="utterance 1"):
        await hear(recognizer)
    assert await hear(recognizer) == ("two", [])


async def test_deltas_come_word_by_word() -> None:
    recognizer = ScriptedRecognizer(["it is  nine. "], delay_ms=3, deltas=True)
    assert await hear(recognizer) == ("it is  nine.", ["it", " is", "  nine."])


async def test_utterances_at_once_each_get_their_own_text() -> None:
    recognizer = ScriptedRecognizer([str(number) for number in range(10)], delay_ms=1)
    heard = await asyncio.gather(*(hear(recognizer) for _ in range(10)))
    assert [text for text, _ in heard] == [str(number) for number in range(10)]


async def test_a_cancelled_utterance_gives_no_further_deltas() -> None:
    recognizer = ScriptedRecognizer(["one two", "three"], deltas=True)
    heard: list[str] = []

    def give_up(delta: str) -> None:
        heard.append(delta)
        task.cancel()

    async with asyncio.TaskGroup() as group:
        task: asyncio.Task[Transcript] = group.create_task(
            recognizer.recognize(SECOND, Hint(), give_up)
        )
    assert (task.cancelled(), heard) == (True, ["one"])
    assert await hear(recognizer) == ("three", ["three"])


async def test_a_script_without_texts_is_refused() -> None:
    with pytest.raises(EngineError, match="at least one text"):
        ScriptedRecognizer([])


async def test_every_character_takes_its_time() -> None:
    synthesizer = ScriptedSynthesizer(ms_per_char=50)
    synthesizer.load()
    chunks = await speak(synthesizer, "abcde")
    assert [len(chunk.audio) for chunk in chunks] == [4_800, 4_800, 2_400]
    await synthesizer.close()


async def test_speed_divides_the_time() -> None:
    (chunk,) = await speak(ScriptedSynthesizer(ms_per_char=50), "abcd", Voice(speed=2.0))
    assert len(chunk.audio) == 100 * 48


async def test_words_come_with_the_chunk_they_begin_in() -> None:
    chunks = await speak(ScriptedSynthesizer(ms_per_char=50), "an apple, a day")
    assert [chunk.words for chunk in chunks if chunk.words] == [
        (WordTiming(2, 0),),
        (WordTiming(9, 150),),
        (WordTiming(11, 500),),
        (WordTiming(15, 600),),
    ]
    assert [number for number, chunk in enumerate(chunks) if chunk.words] == [0, 1, 5, 6]


async def test_the_tone_is_the_same_every_time_and_has_no_seams() -> None:
    synthesizer = ScriptedSynthesizer()
    chunks = await speak(synthesizer, "hello there")
    assert chunks == await speak(synthesizer, "hello there")
    samples = np.frombuffer(b"".join(chunk.audio for chunk in chunks), "<i2").astype(int)
    assert 7_000 < np.abs(samples).max() <= 8_000
    assert np.abs(np.diff(samples)).max() < 8_000 * 2 * np.pi * 600 / 24_000


async def test_voices_hum_different_tones() -> None:
    names = [
        "alloy",
        "ash",
        "ballad",
        "coral",
        "echo",
        "sage",
        "shimmer",
        "verse",
        "marin",
        "cedar",
    ]
    sounds = [await speak(ScriptedSynthesizer(), "hello", Voice(name=name)) for name in names]
    assert len({sound[0].audio for sound in sounds}) == len(names)


async def test_no_text_is_no_sound() -> None:
    assert await speak(ScriptedSynthesizer(), "") == []


async def test_a_closed_iterator_gives_no_further_sound() -> None:
    synthesizer = ScriptedSynthesizer(delay_ms=1)
    async with aclosing(synthesizer.synthesize("hello", Voice())) as chunks:
        await anext(chunks)
    with pytest.raises(StopAsyncIteration):
        await anext(chunks)


@given(text=st.text(max_size=30), ms_per_char=st.floats(1, 500))
async def test_all_words_are_reported_in_order(text: str, ms_per_char: float) -> None:
    chunks = await speak(ScriptedSynthesizer(ms_per_char), text)
    words = [word for chunk in chunks for word in chunk.words]
    spoken = [text[one.text_end : two.text_end].strip() for one, two in pairwise(words)]
    assert [text[: word.text_end].strip() for word in words[:1]] + spoken == text.split()
