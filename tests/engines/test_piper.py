"""The real piper-tts on tiny models that hum."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from vivavoce.engines.base import EngineError, MissingDependencyError, SpeechChunk, Voice
from vivavoce.engines.tts.piper import VOICES, PiperSynthesizer
from vivavoce.protocol.errors import Refusal

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = "Hello there, it costs 3.50. Really."
ENDLESS = "Hello there. " + "Word and " * 60


@pytest.fixture(scope="module")
def folder(
    tmp_path_factory: pytest.TempPathFactory, require_module: Callable[..., ModuleType]
) -> Path:
    for name, package in (("piper", "piper-tts"), ("onnx", "onnx")):
        if find_spec(name) is None:  # piper itself is for the child processes only
            require_module(name, reason=f"pip install {package}")
    from support.tiny_voices import write_piper

    folder = tmp_path_factory.mktemp("piper")
    write_piper(folder, "en_US-lessac-medium")
    write_piper(folder, "en_US-joe-medium", speakers=("joe", "moe"))
    write_piper(folder, "en_GB-alan-medium", alignments=True)
    write_piper(folder, "de_DE-thorsten-low", rate=16_000)
    return folder


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def piper(folder: Path) -> AsyncIterator[PiperSynthesizer]:
    voices = {"moe": "en_US-joe-medium#moe", "german": "de_DE-thorsten-low"}
    piper = PiperSynthesizer("en_US-lessac-medium", str(folder), voices, processes=1)
    await asyncio.to_thread(piper.load)
    yield piper
    await piper.close()


async def speak(
    piper: PiperSynthesizer, text: str, voice: Voice | None = None
) -> list[SpeechChunk]:
    return [chunk async for chunk in piper.synthesize(text, voice or Voice())]


def pcm(chunks: Sequence[SpeechChunk]) -> bytes:
    return b"".join(chunk.audio for chunk in chunks)


def milliseconds(chunks: Sequence[SpeechChunk]) -> float:
    return len(pcm(chunks)) / 2 / 22.05


async def test_text_becomes_sound_sentence_by_sentence(piper: PiperSynthesizer) -> None:
    chunks = await speak(piper, TEXT)
    assert len(chunks) == 2
    assert np.abs(np.frombuffer(pcm(chunks), "<i2").astype(int)).max() > 10_000


async def test_the_same_request_gives_the_same_sound(piper: PiperSynthesizer) -> None:
    assert pcm(await speak(piper, TEXT)) == pcm(await speak(piper, TEXT))
    assert pcm(await speak(piper, TEXT)) != pcm(await speak(piper, TEXT[1:]))


@pytest.mark.parametrize("text", ["", " \n", "...", "!?", "[[", "😀"])
async def test_odd_text_has_no_words_and_does_no_harm(piper: PiperSynthesizer, text: str) -> None:
    chunks = await speak(piper, text)
    assert [word for chunk in chunks for word in chunk.words] == []


async def test_brackets_are_not_taken_for_phonemes(piper: PiperSynthesizer) -> None:
    assert pcm(await speak(piper, "one [[tu:]] three")) == pcm(
        await speak(piper, "one   tu:   three")
    )


@pytest.mark.parametrize("name", ["alloy", "ballad"], ids=["without", "with alignments"])
async def test_word_times_cover_all_words_in_order(piper: PiperSynthesizer, name: str) -> None:
    chunks = await speak(piper, TEXT, Voice(name=name))
    words = [word for chunk in chunks for word in chunk.words]
    ends = [0, *(word.text_end for word in words)]
    assert [TEXT[start:end].strip() for start, end in pairwise(ends)] == TEXT.split()
    starts = [word.start_ms for word in words]
    assert starts == sorted(starts)
    assert 0 <= starts[0] < starts[-1] < milliseconds(chunks)


async def test_alignments_make_word_times_exact(piper: PiperSynthesizer) -> None:
    from support.tiny_voices import SAMPLES_PER_TOKEN

    chunks = await speak(piper, "one two.", Voice(name="ballad"))
    first, second = chunks[0].words
    token_ms = SAMPLES_PER_TOKEN / 22.05
    # Before "wˈɒn" come a sign and padding; behind each phoneme, and each space, comes padding.
    assert first.start_ms == pytest.approx(2 * token_ms, abs=1)
    assert second.start_ms == pytest.approx(first.start_ms + 2 * 5 * token_ms, abs=1)


async def test_speed_changes_the_length(piper: PiperSynthesizer) -> None:
    usual = milliseconds(await speak(piper, TEXT))
    assert milliseconds(await speak(piper, TEXT, Voice(speed=0.5))) == pytest.approx(
        2 * usual, rel=0.01
    )


# --- voices --------------------------------------------------------------------------------------


async def test_openais_names_are_spoken_by_their_voices_where_they_are(
    piper: PiperSynthesizer,
) -> None:
    usual = pcm(await speak(piper, "Hello."))
    assert pcm(await speak(piper, "Hello.", Voice(name="en_US-lessac-medium"))) == usual
    assert pcm(await speak(piper, "Hello.", Voice(name="ballad"))) != usual
    for name in VOICES.keys() - {"ash", "ballad"}:
        assert pcm(await speak(piper, "Hello.", Voice(name=name))) == usual


async def test_a_speaker_of_a_voice_may_be_named(piper: PiperSynthesizer) -> None:
    joe = pcm(await speak(piper, "Hello.", Voice(name="ash")))
    moe = pcm(await speak(piper, "Hello.", Voice(name="moe")))
    assert joe != moe
    assert moe == pcm(await speak(piper, "Hello.", Voice(name="en_US-joe-medium#1")))


async def test_a_language_picks_a_voice_and_its_rate_is_converted(piper: PiperSynthesizer) -> None:
    assert piper.sample_rate == 22_050
    german = await speak(piper, "Guten Tag.", Voice(language="de"))
    assert pcm(german) == pcm(await speak(piper, "Guten Tag.", Voice(name="german")))
    assert pcm(await speak(piper, "Hello.", Voice(language="en-GB"))) == pcm(
        await speak(piper, "Hello.", Voice(name="ballad"))
    )


@pytest.mark.parametrize(
    ("voice", "message"),
    [
        (Voice(name="cleo"), "no voice 'cleo' in .* alloy, .*download_voices cleo"),
        (Voice(name="../../etc/passwd"), "no voice"),
        (Voice(name="moe#x"), "no voice 'moe'"),
        (Voice(name="en_US-joe-medium#zoe"), "no speaker 'zoe' .* joe, moe"),
        (Voice(language="sw"), "no voice for language 'sw': .* de-de, en-gb, en-us"),
    ],
)
async def test_a_voice_that_does_not_exist_is_refused(
    piper: PiperSynthesizer, voice: Voice, message: str
) -> None:
    with pytest.raises(EngineError, match=message):
        await speak(piper, "hello", voice)
    assert await speak(piper, "hello")


async def test_the_voices_are_known_once_the_folder_is_read(piper: PiperSynthesizer) -> None:
    for known in ("alloy", "moe", "de_DE-thorsten-low", "en_US-joe-medium#moe"):
        piper.voices.check(known, "voice")
    with pytest.raises(Refusal, match="'cleo'"):
        piper.voices.check("cleo", "voice")
    PiperSynthesizer("en_US-lessac-medium").voices.check("cleo", "voice")


# --- leaving early, and failures -----------------------------------------------------------------


async def test_closing_stops_a_model_that_is_at_work(piper: PiperSynthesizer) -> None:
    pids = piper.pids
    async with aclosing(piper.synthesize(ENDLESS, Voice())) as chunks:
        await anext(chunks)
    assert await speak(piper, "hello")
    assert piper.pids == pids


async def test_texts_wait_for_their_turn(piper: PiperSynthesizer) -> None:
    texts = [f"Number {number}." for number in range(5)]
    one_by_one = [await speak(piper, text) for text in texts]
    assert await asyncio.gather(*(speak(piper, text) for text in texts)) == one_by_one
    assert len(piper.pids) == 1


async def test_a_text_whose_process_is_killed_fails_and_the_next_is_spoken(
    piper: PiperSynthesizer,
) -> None:
    async with aclosing(piper.synthesize(ENDLESS, Voice())) as chunks:
        await anext(chunks)
        os.kill(piper.pids[0], signal.SIGKILL)
        with pytest.raises(EngineError, match="process of piper ended"):
            await anext(chunks)
    assert await speak(piper, "hello")


async def test_the_library_is_not_loaded_into_this_process(piper: PiperSynthesizer) -> None:
    await speak(piper, "hello")
    assert "piper" not in sys.modules
    if sys.platform == "linux":
        assert "espeak" not in await asyncio.to_thread(Path("/proc/self/maps").read_text)


# --- loading -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("voice", "options", "message"),
    [
        ("en_US-amy-low", {}, "no voice 'en_US-amy-low'"),
        ("en_US-joe-medium#zoe", {}, "no speaker 'zoe'"),
        ("en_US-lessac-medium", {"folder": "/nowhere"}, "no voice of Piper .* /nowhere"),
        ("en_US-lessac-medium", {"device": "tpu"}, "no device 'tpu': it is one of cpu, cuda"),
        ("en_US-lessac-medium", {"device": "cuda"}, "'cuda' is not to be had: .*onnxruntime-gpu"),
    ],
)
async def test_loading_says_what_is_wrong(
    folder: Path, voice: str, options: dict[str, Any], message: str
) -> None:
    broken = PiperSynthesizer(voice, **{"folder": str(folder), **options})
    with pytest.raises(EngineError, match=message):
        await asyncio.to_thread(broken.load)
    assert broken.pids == []


async def test_a_path_is_enough(folder: Path) -> None:
    piper = PiperSynthesizer.from_spec(str(folder / "de_DE-thorsten-low"))
    await asyncio.to_thread(piper.load)
    german = pcm(await speak(piper, "Guten Tag."))
    assert german == pcm(await speak(piper, "Guten Tag.", Voice(name="de_DE-thorsten-low")))
    await piper.close()


async def test_a_file_that_is_no_model_is_told(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "en_US-x.onnx").write_bytes(b"no model")
    config = (folder / "en_US-lessac-medium.onnx.json").read_bytes()
    (tmp_path / "en_US-x.onnx.json").write_bytes(config)
    with pytest.raises(EngineError, match=r"en_US-x\.onnx cannot be loaded"):
        await asyncio.to_thread(PiperSynthesizer(str(tmp_path / "en_US-x.onnx")).load)


async def test_a_model_that_is_no_voice_is_left_out(
    tmp_path: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("en_US-lessac-medium.onnx", "en_US-lessac-medium.onnx.json"):
        (tmp_path / name).symlink_to(folder / name)
    (tmp_path / "smart-turn.onnx").write_bytes(b"of something else")
    (tmp_path / "half.onnx").write_bytes(b"")
    (tmp_path / "half.onnx.json").write_text("{")
    piper = PiperSynthesizer("en_US-lessac-medium", str(tmp_path), processes=1)
    await asyncio.to_thread(piper.load)
    assert await speak(piper, "hello")
    assert "half" not in piper.voices.names
    assert "smart-turn.onnx is left out" in caplog.text
    await piper.close()
    with pytest.raises(EngineError, match=r"half\.onnx\.json does not describe"):
        PiperSynthesizer("half", str(tmp_path)).load()


async def test_a_voice_that_reads_pinyin_is_refused_without_its_data(
    tmp_path: Path, folder: Path
) -> None:
    (tmp_path / "zh.onnx").symlink_to(folder / "en_US-lessac-medium.onnx")
    config = json.loads((folder / "en_US-lessac-medium.onnx.json").read_text())
    (tmp_path / "zh.onnx.json").write_text(json.dumps(config | {"phoneme_type": "pinyin"}))
    with pytest.raises(EngineError, match=r"data of g2pW, which is not in .*/g2pW: unpack"):
        await asyncio.to_thread(PiperSynthesizer("zh", str(tmp_path)).load)


async def test_without_the_package_loading_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "piper", None)
    with pytest.raises(MissingDependencyError, match=r"vivavoce\[piper\]"):
        PiperSynthesizer("en_US-lessac-medium").load()
