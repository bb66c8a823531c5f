import asyncio
import ctypes.util
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from importlib.util import find_spec
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from vivavoce.engines.base import EngineError, MissingDependencyError, SpeechChunk, Voice
from vivavoce.engines.tts.espeak import VOICES, EspeakSynthesizer

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(
        find_spec("espeakng_loader") is None and ctypes.util.find_library("espeak-ng") is None,
        reason="needs espeakng-loader, or the package libespeak-ng1",
    ),
]

SIGNS = " .,;:!?—"

STORY = "Once upon a time, there was a lighthouse. Its keeper climbed ninety steps every night. "


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def espeak() -> AsyncIterator[EspeakSynthesizer]:
    espeak = EspeakSynthesizer(processes=2)
    await asyncio.to_thread(espeak.load)
    yield espeak
    await espeak.close()


@pytest_asyncio.fixture(loop_scope="module")
async def alone() -> AsyncIterator[EspeakSynthesizer]:
    """One that has a single process."""
    alone = EspeakSynthesizer(processes=1)
    yield alone
    await alone.close()


async def speak(
    espeak: EspeakSynthesizer, text: str, voice: Voice | None = None
) -> list[SpeechChunk]:
    return [chunk async for chunk in espeak.synthesize(text, voice or Voice())]


def pcm(chunks: Sequence[SpeechChunk]) -> bytes:
    return b"".join(chunk.audio for chunk in chunks)


def spectrum(chunks: Sequence[SpeechChunk]) -> npt.NDArray[np.float64]:
    """The sound's average level up to 4.3 kHz, in bands of 22 Hz."""
    samples = np.frombuffer(pcm(chunks), "<i2").astype(float)
    frames = samples[: len(samples) // 1024 * 1024].reshape(-1, 1024) * np.hanning(1024)
    levels: npt.NDArray[np.float64] = np.log(np.abs(np.fft.rfft(frames)).mean(axis=0)[:200] + 1)
    return levels


def alike(one: Sequence[SpeechChunk], other: Sequence[SpeechChunk]) -> bool:
    """Whether two sounds are the same words in the same voice.

    espeak-ng's breath and flutter run on from text to text, so no two sounds are equal: those of
    one voice differ by 0.1 to 0.25, those of two voices by 0.55 and more.
    """
    distance = np.sqrt(np.mean((spectrum(one) - spectrum(other)) ** 2))
    return bool(distance < 0.4) and milliseconds(one) == pytest.approx(
        milliseconds(other), rel=0.02
    )


def milliseconds(chunks: Sequence[SpeechChunk]) -> float:
    return len(pcm(chunks)) / 2 / EspeakSynthesizer.sample_rate * 1000


async def test_text_becomes_sound_that_is_not_silent(espeak: EspeakSynthesizer) -> None:
    chunks = await speak(espeak, "Hello there.")
    samples = np.frombuffer(pcm(chunks), "<i2").astype(float)
    assert 500 < milliseconds(chunks) < 2_000
    assert np.sqrt(np.mean(samples**2)) > 500


async def test_sound_comes_in_chunks_of_80_ms_and_ends_in_a_pause(
    espeak: EspeakSynthesizer,
) -> None:
    chunks = await speak(espeak, STORY)
    lengths = [round(milliseconds([chunk])) for chunk in chunks]
    assert max(lengths) == 80
    assert lengths.count(80) > 0.9 * len(lengths)
    tail = np.frombuffer(pcm(chunks), "<i2")[-espeak.sample_rate // 5 :]
    assert np.abs(tail).max() < 100


async def test_the_same_request_gives_the_same_sound(espeak: EspeakSynthesizer) -> None:
    assert alike(await speak(espeak, STORY), await speak(espeak, STORY))


@pytest.mark.parametrize("text", ["", " ", "\n\t ", "\0", "..."])
async def test_nothing_to_say_has_no_words(espeak: EspeakSynthesizer, text: str) -> None:
    chunks = await speak(espeak, text)
    assert [word for chunk in chunks for word in chunk.words] == []


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (STORY, None),
        ("It costs 1,234.50 dollars — don't you think?", None),
        ("Grüße aus Köln! Schöne Straßen; über 21 Stück.", "de"),
        ("Où est la bibliothèque, s'il vous plaît ?", "fr"),
        ("Привет, как дела? Всё хорошо.", "ru"),
        ("a naïve café 😀 déjà vu", None),
    ],
)
async def test_word_times_cover_all_words_in_order(
    espeak: EspeakSynthesizer, text: str, language: str | None
) -> None:
    chunks = await speak(espeak, text, Voice(language=language))
    words = [word for chunk in chunks for word in chunk.words]
    ends = [word.text_end for word in words]
    assert [text[start:end].strip(SIGNS) for start, end in pairwise([0, *ends])] == [
        stripped for word in text.split() if (stripped := word.strip(SIGNS))
    ]
    assert [word.start_ms for word in words] == sorted(word.start_ms for word in words)
    assert words[0].start_ms < 100
    assert words[-1].start_ms < milliseconds(chunks)


async def test_a_word_is_reported_with_the_chunk_it_begins_in(espeak: EspeakSynthesizer) -> None:
    position = 0.0
    for chunk in await speak(espeak, STORY):
        end = position + milliseconds([chunk])
        assert all(position - 1 <= word.start_ms <= end for word in chunk.words)
        position = end


async def test_word_times_point_at_sound(espeak: EspeakSynthesizer) -> None:
    chunks = await speak(espeak, "one, two, three")
    samples = np.frombuffer(pcm(chunks), "<i2").astype(float)
    for word in (word for chunk in chunks for word in chunk.words):
        start = word.start_ms * espeak.sample_rate // 1000
        heard = samples[start : start + espeak.sample_rate // 5]
        assert np.sqrt(np.mean(heard**2)) > 500


async def test_openais_voices_are_distinct(espeak: EspeakSynthesizer) -> None:
    sounds = [await speak(espeak, "Hello there, how are you?", Voice(name=n)) for n in VOICES]
    assert len(sounds) == 13
    assert not any(alike(one, other) for one, other in combinations(sounds, 2))


@pytest.mark.parametrize("language", ["de", "pt-BR", "fr-FR", "zh-CN", "no", "en"])
async def test_a_language_picks_the_voice(espeak: EspeakSynthesizer, language: str) -> None:
    assert await speak(espeak, "radio 12", Voice(language=language))


async def test_another_language_sounds_different_and_english_does_not(
    espeak: EspeakSynthesizer,
) -> None:
    usual = await speak(espeak, STORY)
    assert not alike(await speak(espeak, STORY, Voice(language="de")), usual)
    assert alike(await speak(espeak, STORY, Voice(language="en")), usual)


@pytest.mark.parametrize("name", ["de", "en-us+m3", "en-gb", "en-gb+whisper", "fr+f4"])
async def test_espeaks_own_voices_may_be_named(espeak: EspeakSynthesizer, name: str) -> None:
    assert await speak(espeak, "hello", Voice(name=name))


@pytest.mark.parametrize(
    ("voice", "message"),
    [
        (Voice(name="cleo"), "no voice 'cleo': name one of alloy, ash, .*, onyx, or"),
        (Voice(name="../../etc/passwd"), "no voice"),
        (Voice(name="mb-us1"), "no voice 'mb-us1'"),
        (Voice(name="xx"), "no voice 'xx': a voice is a language such as"),
        (Voice(name="de+nobody"), r"no voice 'de\+nobody'"),
        (Voice(language="qq"), r"no voice 'qq\+f2'"),
        (Voice(language="/etc"), "no language '/etc': give a tag"),
    ],
)
async def test_a_voice_that_does_not_exist_is_refused(
    espeak: EspeakSynthesizer, voice: Voice, message: str
) -> None:
    with pytest.raises(EngineError, match=message):
        await speak(espeak, "hello", voice)
    assert await speak(espeak, "hello")


@pytest.mark.parametrize("speed", [0.25, 0.4, 0.6, 1.5])
async def test_speed_changes_the_length(espeak: EspeakSynthesizer, speed: float) -> None:
    usual = milliseconds(await speak(espeak, STORY))
    paced = milliseconds(await speak(espeak, STORY, Voice(speed=speed)))
    assert paced == pytest.approx(usual / speed, rel=0.1)


async def test_speed_of_one_request_does_not_reach_the_next(alone: EspeakSynthesizer) -> None:
    before = await speak(alone, STORY)
    await speak(alone, STORY, Voice(speed=0.25, name="echo"))
    assert alike(await speak(alone, STORY), before)


async def test_markup_is_read_out_and_not_obeyed(espeak: EspeakSynthesizer) -> None:
    marked = await speak(espeak, '<break time="9s"/> one')
    assert milliseconds(await speak(espeak, "break time one")) < milliseconds(marked) < 9_000


async def test_a_control_character_is_not_a_command(espeak: EspeakSynthesizer) -> None:
    assert alike(
        await speak(espeak, f"one \x0140S {STORY}"), await speak(espeak, f"one  40S {STORY}")
    )


@settings(max_examples=60)
@given(text=st.text(max_size=60), name=st.sampled_from([*VOICES, "de", "cmn", "ar"]))
async def test_any_text_can_be_spoken(espeak: EspeakSynthesizer, text: str, name: str) -> None:
    chunks = await speak(espeak, text, Voice(name=name))
    words = [word for chunk in chunks for word in chunk.words]
    assert all(0 < word.text_end <= len(text) for word in words)
    assert all(word.start_ms <= milliseconds(chunks) for word in words)


@pytest.mark.parametrize("text", ["a\ud83d b", "\ud800", "a\0b", "[[h@l'oU]]", "&#0;", "😀" * 99])
async def test_odd_text_can_be_spoken(espeak: EspeakSynthesizer, text: str) -> None:
    await speak(espeak, text)
    assert await speak(espeak, "hello")


async def test_ten_texts_at_once_are_each_spoken_right(espeak: EspeakSynthesizer) -> None:
    texts = [STORY[: 20 + 7 * number] for number in range(10)]
    one_by_one = [await speak(espeak, text) for text in texts]
    at_once = await asyncio.gather(*(speak(espeak, text) for text in texts))
    assert all(map(alike, at_once, one_by_one))


async def test_a_listener_who_stops_reading_does_not_keep_others_waiting(
    alone: EspeakSynthesizer,
) -> None:
    async with aclosing(alone.synthesize(STORY * 20, Voice())) as slow:
        await anext(slow)
        assert await speak(alone, "hello")


async def test_cancelling_stops_the_synthesis_and_the_next_text_is_spoken(
    espeak: EspeakSynthesizer,
) -> None:
    usual = await speak(espeak, "hello")
    async with asyncio.TaskGroup() as group:
        long = [group.create_task(speak(espeak, STORY * 500)) for _ in range(2)]
        await asyncio.sleep(0)
        for task in long:
            task.cancel()
    assert all(task.cancelled() for task in long)
    assert alike(await speak(espeak, "hello"), usual)


async def test_a_text_whose_process_is_killed_fails_and_the_next_is_spoken(
    alone: EspeakSynthesizer,
) -> None:
    usual = await speak(alone, "hello")
    async with asyncio.TaskGroup() as group:
        doomed = group.create_task(failure(alone, STORY * 500))
        await asyncio.sleep(0)
        (pid,) = alone.pids
        os.kill(pid, signal.SIGKILL)
    assert "process of espeak ended" in str(doomed.result())
    assert alike(await speak(alone, "hello"), usual)


async def failure(espeak: EspeakSynthesizer, text: str) -> EngineError:
    with pytest.raises(EngineError) as caught:
        await speak(espeak, text)
    return caught.value


async def test_the_library_is_not_loaded_into_this_process(espeak: EspeakSynthesizer) -> None:
    await speak(espeak, "hello")
    assert "espeakng_loader" not in sys.modules
    if sys.platform == "linux":
        assert "espeak" not in await asyncio.to_thread(Path("/proc/self/maps").read_text)


async def test_a_long_path_to_the_data_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = find_spec("espeakng_loader")
    if spec is None or spec.origin is None:
        pytest.skip("the data of espeakng-loader is what would be far away")
    far_away = tmp_path / ("x" * 120) / ("y" * 120)
    shutil.copytree(Path(spec.origin).parent, far_away / "espeakng_loader")
    inherited = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(far_away), inherited])))
    distant = EspeakSynthesizer()
    await asyncio.to_thread(distant.load)
    assert await speak(distant, "hello")
    await distant.close()


async def test_without_the_library_loading_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    monkeypatch.setattr(ctypes.util, "find_library", lambda _: None)
    with pytest.raises(MissingDependencyError, match=r"vivavoce\[demo\].*libespeak-ng1"):
        EspeakSynthesizer().load()
