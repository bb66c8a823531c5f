"""The real kokoro-onnx on tiny models that hum."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import pytest_asyncio

from vivavoce.engines.base import EngineError, MissingDependencyError, SpeechChunk, Voice
from vivavoce.engines.tts.kokoro import MODEL_FILE, VOICES, VOICES_FILE, KokoroSynthesizer
from vivavoce.protocol.errors import Refusal

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = "Hello there, it costs 3.50. Really."
ENDLESS = "Word and " * 60
FILE = (*VOICES.values(), "ef_dora", "ff_siwis", "im_nicola", "if_sara", "zf_xiaobei")

Files = tuple[Path, Path]


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "with durations"])
def files(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    require_module: Callable[..., ModuleType],
) -> Files:
    for name, package in (("kokoro_onnx", "kokoro-onnx"), ("onnx", "onnx")):
        if find_spec(name) is None:  # kokoro_onnx itself is for the child processes only
            require_module(name, reason=f"pip install {package}")
    from support.tiny_voices import write_kokoro

    return write_kokoro(tmp_path_factory.mktemp("kokoro"), durations=request.param, voices=FILE)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def kokoro(files: Files) -> AsyncIterator[KokoroSynthesizer]:
    model, voices = map(str, files)
    kokoro = KokoroSynthesizer(model, voices, processes=1)
    await asyncio.to_thread(kokoro.load)
    yield kokoro
    await kokoro.close()


async def speak(
    kokoro: KokoroSynthesizer, text: str, voice: Voice | None = None
) -> list[SpeechChunk]:
    return [chunk async for chunk in kokoro.synthesize(text, voice or Voice())]


def pcm(chunks: Sequence[SpeechChunk]) -> bytes:
    return b"".join(chunk.audio for chunk in chunks)


def milliseconds(chunks: Sequence[SpeechChunk]) -> float:
    return len(pcm(chunks)) / 2 / 24


async def test_text_becomes_sound_with_a_pause_at_its_end(kokoro: KokoroSynthesizer) -> None:
    samples = np.frombuffer(pcm(await speak(kokoro, TEXT)), "<i2").astype(int)
    assert np.abs(samples).max() > 10_000
    assert np.abs(samples[-24 * 240 :]).max() == 0


async def test_the_same_request_gives_the_same_sound(kokoro: KokoroSynthesizer) -> None:
    assert pcm(await speak(kokoro, TEXT)) == pcm(await speak(kokoro, TEXT))
    assert pcm(await speak(kokoro, TEXT)) != pcm(await speak(kokoro, TEXT[1:]))


@pytest.mark.parametrize("text", ["", " \n", "...", "!?", "😀", "你"])
async def test_odd_text_does_no_harm(kokoro: KokoroSynthesizer, text: str) -> None:
    await speak(kokoro, text)
    assert await speak(kokoro, "hello")


async def test_the_point_in_a_number_is_not_a_full_stop(kokoro: KokoroSynthesizer) -> None:
    assert milliseconds(await speak(kokoro, "3.50")) > milliseconds(
        await speak(kokoro, "three. fifty")
    )


PHONEMES = """
import sys
from kokoro_onnx.tokenizer import Tokenizer
from vivavoce.engines.tts.kokoro_child import _backend
Tokenizer()  # tells phonemizer where espeak-ng is
sys.stdout.buffer.write(_backend("fr-fr").phonemize(["Le weekend ici"], strip=True)[0].encode())
"""


async def test_a_word_of_another_language_is_said_without_naming_that(files: Files) -> None:
    # In another process, as always: this one must not load the libraries.
    made = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", PHONEMES], capture_output=True, check=True
    )
    phonemes = made.stdout.decode()
    assert "wiːkˈɛnd" in phonemes.replace("ˌ", "")
    assert "(" not in phonemes


async def test_word_times_cover_all_words_in_order(kokoro: KokoroSynthesizer) -> None:
    chunks = await speak(kokoro, TEXT)
    words = [word for chunk in chunks for word in chunk.words]
    ends = [0, *(word.text_end for word in words)]
    assert [TEXT[start:end].strip() for start, end in pairwise(ends)] == TEXT.split()
    starts = [word.start_ms for word in words]
    assert starts == sorted(starts)
    assert 0 <= starts[0] < starts[-1] < milliseconds(chunks)


@pytest.mark.parametrize(("speed", "spoken"), [(0.5, 0.5), (0.25, 0.5), (1.5, 1.5)])
async def test_speed_changes_the_length(
    kokoro: KokoroSynthesizer, speed: float, spoken: float
) -> None:
    usual = milliseconds(await speak(kokoro, "Hello there"))
    paced = milliseconds(await speak(kokoro, "Hello there", Voice(speed=speed)))
    assert paced == pytest.approx(usual / spoken, rel=0.05)


# --- voices --------------------------------------------------------------------------------------


async def test_openais_voices_are_distinct(kokoro: KokoroSynthesizer) -> None:
    sounds = [pcm(await speak(kokoro, "Hello.", Voice(name=name))) for name in VOICES]
    assert len(set(sounds)) == len(VOICES) == 13


async def test_the_files_own_voices_may_be_named(kokoro: KokoroSynthesizer) -> None:
    own = await speak(kokoro, "Hello.", Voice(name="af_heart"))
    assert pcm(own) == pcm(await speak(kokoro, "Hello.", Voice(name="marin")))


@pytest.mark.parametrize(
    ("name", "language", "voice"),
    [
        ("alloy", "en", "af_alloy"),
        ("alloy", "en-US", "af_alloy"),
        ("alloy", "en_GB", "bf_emma"),
        ("alloy", "fr-CA", "ff_siwis"),
        ("alloy", "it", "if_sara"),
        ("cedar", "it", "im_nicola"),
        ("cedar", "es", "ef_dora"),
    ],
)
async def test_a_language_picks_a_voice_of_the_same_sex_if_there_is_one(
    kokoro: KokoroSynthesizer, name: str, language: str, voice: str
) -> None:
    turned = await speak(kokoro, "radio", Voice(name=name, language=language))
    assert pcm(turned) == pcm(await speak(kokoro, "radio", Voice(name=voice)))


@pytest.mark.parametrize(
    ("voice", "message"),
    [
        (Voice(name="cleo"), "no voice 'cleo': name one of alloy, .* if_sara, im_nicola$"),
        (Voice(name=""), "no voice ''"),
        (Voice(name="zf_xiaobei"), "no voice 'zf_xiaobei'"),
        (Voice(language="ja"), "no voice for language 'ja': .* en-gb, en-us, es, fr-fr, it"),
        (Voice(language="hi"), "no voice for language 'hi'"),
    ],
)
async def test_a_voice_that_does_not_exist_is_refused(
    kokoro: KokoroSynthesizer, voice: Voice, message: str
) -> None:
    with pytest.raises(EngineError, match=message):
        await speak(kokoro, "hello", voice)
    assert await speak(kokoro, "hello")


async def test_the_voices_are_known_once_the_file_is_read(kokoro: KokoroSynthesizer) -> None:
    kokoro.voices.check("ff_siwis", "voice")
    for missing in ("cleo", "zf_xiaobei"):
        with pytest.raises(Refusal, match=f"'{missing}'"):
            kokoro.voices.check(missing, "voice")
    KokoroSynthesizer("model", "voices").voices.check("cleo", "voice")


async def test_openais_names_are_answered_by_some_voice_of_any_file(
    files: Files, tmp_path: Path
) -> None:
    voices = tmp_path / "voices.bin"
    with np.load(files[1]) as archive, voices.open("wb") as file:
        np.savez(file, im_nicola=archive["im_nicola"], if_sara=archive["if_sara"])
    italian = KokoroSynthesizer(str(files[0]), str(voices), processes=1)
    await asyncio.to_thread(italian.load)
    for name, own in (("alloy", "if_sara"), ("ash", "im_nicola")):
        assert pcm(await speak(italian, "ciao", Voice(name=name))) == pcm(
            await speak(italian, "ciao", Voice(name=own))
        )
    await italian.close()


# --- leaving early, and failures -----------------------------------------------------------------


async def test_a_text_that_is_given_up_does_not_keep_its_process(kokoro: KokoroSynthesizer) -> None:
    pids = kokoro.pids
    async with asyncio.TaskGroup() as group:
        endless = group.create_task(speak(kokoro, ENDLESS))
        await asyncio.sleep(0)
        endless.cancel()
    assert await speak(kokoro, "hello")
    assert kokoro.pids == pids


async def test_a_text_whose_process_is_killed_fails_and_the_next_is_spoken(
    kokoro: KokoroSynthesizer,
) -> None:
    async with asyncio.TaskGroup() as group:
        doomed = group.create_task(failure(kokoro, ENDLESS))
        await asyncio.sleep(0)
        os.kill(kokoro.pids[0], signal.SIGKILL)
    assert "process of kokoro ended" in str(doomed.result())
    assert await speak(kokoro, "hello")


async def failure(kokoro: KokoroSynthesizer, text: str) -> EngineError:
    with pytest.raises(EngineError) as caught:
        await speak(kokoro, text)
    return caught.value


async def test_the_libraries_are_not_loaded_into_this_process(kokoro: KokoroSynthesizer) -> None:
    await speak(kokoro, "hello")
    assert not {"kokoro_onnx", "phonemizer", "espeakng_loader"} & sys.modules.keys()


# --- loading -------------------------------------------------------------------------------------


async def test_loading_says_what_is_wrong(files: Files, tmp_path: Path) -> None:
    model, voices = map(str, files)
    (tmp_path / "text").write_text("no voices")
    attempts = {
        r"there is no file /nowhere: it should be kokoro-v1.0.onnx of https": ("/nowhere", voices),
        r"there is no file /nowhere: it should be voices-v1.0.bin of https": (model, "/nowhere"),
        r"is not a file of Kokoro's voices": (model, str(tmp_path / "text")),
        r"text cannot be loaded": (str(tmp_path / "text"), voices),
    }
    for message, paths in attempts.items():
        with pytest.raises(EngineError, match=message):
            await asyncio.to_thread(KokoroSynthesizer(*paths).load)


async def test_a_folder_is_enough_where_the_files_have_their_own_names(
    files: Files, tmp_path: Path
) -> None:
    for file, name in zip(files, (MODEL_FILE, VOICES_FILE), strict=True):
        (tmp_path / name).symlink_to(file)
    kokoro = KokoroSynthesizer.from_spec(str(tmp_path))
    await asyncio.to_thread(kokoro.load)
    assert await speak(kokoro, "hello")
    await kokoro.close()


async def test_a_device_that_is_not_there_is_told(files: Files) -> None:
    model, voices = map(str, files)
    with pytest.raises(EngineError, match=r"'cuda' is not to be had: .*onnxruntime-gpu"):
        await asyncio.to_thread(KokoroSynthesizer(model, voices, device="cuda").load)


async def test_without_the_package_loading_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "kokoro_onnx", None)
    with pytest.raises(MissingDependencyError, match=r"vivavoce\[kokoro\]"):
        KokoroSynthesizer("model", "voices").load()
