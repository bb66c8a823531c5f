"""The real faster-whisper and CTranslate2, on a model of a few thousand weights."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from vivavoce.engines.base import EngineError, Hint, Transcript
from vivavoce.engines.stt.faster_whisper import FasterWhisperRecognizer, device_of
from vivavoce.engines.stt.whisper_decoding import Utterance, most_likely

RATE = 16_000


@pytest.fixture(scope="module")
def tiny(require_module: Callable[..., ModuleType]) -> ModuleType:
    require_module("faster_whisper", reason="pip install 'vivavoce[whisper]'")
    return importlib.import_module("support.tiny_whisper")


@pytest.fixture(scope="module")
def model(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tiny.write_tiny_whisper(tmp_path_factory.mktemp("models") / "tiny")
    return folder


@asynccontextmanager
async def listening(model: Path, **options: Any) -> AsyncIterator[FasterWhisperRecognizer]:
    recognizer = FasterWhisperRecognizer(str(model), device="cpu", cpu_threads=1, **options)
    try:
        await asyncio.to_thread(recognizer.load)
        yield recognizer
    finally:
        await recognizer.close()


def loud(ms: int = 1500) -> bytes:
    samples = np.random.default_rng(0).normal(0, 6000, RATE * ms // 1000)
    return samples.clip(-32768, 32767).astype("<i2").tobytes()


def silent(ms: int = 1500) -> bytes:
    return bytes(RATE * ms // 1000 * 2)


async def hear(
    recognizer: FasterWhisperRecognizer, audio: bytes, hint: Hint | None = None
) -> Transcript:
    return await recognizer.recognize(audio, hint or Hint(language="en"), lambda _: None)


async def test_it_hears_in_the_language_that_it_is_told(model: Path, tiny: ModuleType) -> None:
    async with listening(model) as recognizer:
        english = await hear(recognizer, loud(), Hint(language="en-GB"))
        german = await hear(recognizer, loud(), Hint(language="de"))
    assert english == Transcript(text=tiny.ENGLISH, language="en")
    assert german == Transcript(text=tiny.GERMAN, language="de")


async def test_it_detects_the_language_among_those_expected(model: Path, tiny: ModuleType) -> None:
    async with listening(model) as recognizer:
        detected = await hear(recognizer, loud(), Hint())
        expected = await hear(recognizer, loud(), Hint(languages=("fr", "en")))
    assert detected == Transcript(text=tiny.GERMAN, language="de")
    assert expected == Transcript(text=tiny.ENGLISH, language="en")


async def test_prompt_and_keywords_reach_the_model(model: Path, tiny: ModuleType) -> None:
    async with listening(model) as recognizer:
        prompted = await hear(recognizer, loud(), Hint(language="en", prompt=tiny.PROMPT_WORD))
        keyed = await hear(
            recognizer, loud(), Hint(language="en", keywords=("world", tiny.PROMPT_WORD))
        )
    assert prompted.text == keyed.text == f"{tiny.ENGLISH} {tiny.ENDING}"


async def test_a_prompt_that_is_too_long_is_heard_from_its_end(
    model: Path, tiny: ModuleType
) -> None:
    long = 1000 * "world "
    hints = [
        Hint(language="en", prompt=long + 20 * f"{tiny.PROMPT_WORD} "),
        Hint(language="en", prompt=long, keywords=tuple(f"welt {n}" for n in range(50))),
        Hint(language="en", prompt=long, keywords=("hello",) * 1000),
    ]
    async with listening(model) as recognizer:
        heard = await asyncio.gather(*(hear(recognizer, loud(), hint) for hint in hints))
    assert heard[0].text.endswith(tiny.ENDING)
    assert all(one.text.startswith("hello") for one in heard[1:])


async def test_utterances_with_different_hints_are_recognised_at_once(
    model: Path, tiny: ModuleType
) -> None:
    hints = [
        Hint(language="en"),
        Hint(language="de"),
        Hint(language="en", prompt=tiny.PROMPT_WORD),
        Hint(),
        Hint(language="de", keywords=(tiny.PROMPT_WORD,)),
    ]
    async with listening(model) as recognizer:
        heard = await asyncio.gather(*(hear(recognizer, loud(), hint) for hint in hints))
    assert [one.text for one in heard] == [
        tiny.ENGLISH,
        tiny.GERMAN,
        f"{tiny.ENGLISH} {tiny.ENDING}",
        tiny.GERMAN,
        f"{tiny.GERMAN} {tiny.ENDING}",
    ]


async def test_one_batch_gives_each_utterance_its_own_result(model: Path, tiny: ModuleType) -> None:
    async with listening(model) as recognizer:
        decoder = recognizer._decoder
        assert decoder is not None
        utterances = [
            Utterance(loud(), Hint(language="de")),
            Utterance(silent(), Hint(language="en")),
            Utterance(loud(), Hint(language="en", prompt=tiny.PROMPT_WORD)),
            Utterance(loud(), Hint(language="en")),
        ]
        together = await asyncio.to_thread(decoder.decode, utterances)
        alone = [(await asyncio.to_thread(decoder.decode, [one]))[0] for one in utterances]
    assert [one.text for one in together] == [one.text for one in alone]
    probabilities = [one.no_speech_probability for one in together]
    assert probabilities == pytest.approx([one.no_speech_probability for one in alone], abs=1e-3)
    assert probabilities[1] > 0.9
    assert max(probabilities[0], probabilities[2], probabilities[3]) < 0.1


async def test_words_that_the_model_invents_for_silence_are_noise(model: Path) -> None:
    async with listening(model) as recognizer:
        assert (await hear(recognizer, silent())).text == ""


async def test_the_models_own_doubt_makes_noise(model: Path, tiny: ModuleType) -> None:
    # The tiny model is always sure of its words, so that only the threshold can be moved.
    doubting = {"average_logprob": 0.0, "least_voiced_ms": 0, "characters_per_second": None}
    async with listening(model, noise=doubting) as recognizer:
        assert (await hear(recognizer, silent())).text == ""
        assert (await hear(recognizer, loud())).text == tiny.ENGLISH


@pytest.fixture(scope="module")
def looping(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tiny.write_tiny_whisper(tmp_path_factory.mktemp("models") / "l", loops=True)
    return folder


async def test_a_loop_is_ended_by_forbidding_it(looping: Path, tiny: ModuleType) -> None:
    async with listening(looping) as recognizer:
        heard = await hear(recognizer, loud(6_000))
    assert heard.text.startswith(tiny.ENGLISH)
    assert len(heard.text) < 80


async def test_the_length_of_a_text_is_bounded_by_that_of_the_audio(looping: Path) -> None:
    async with listening(looping, noise={"compression_ratio": None}) as recognizer:
        decoder = recognizer._decoder
        assert decoder is not None
        hint = Hint(language="en")
        lengths = [
            len(decoder.decode([Utterance(loud(ms), hint)])[0].text.split())
            for ms in (500, 2_000, 8_000)
        ]
    assert lengths == [16 + 16, 16 + 64, 224]


async def test_languages_are_those_that_the_model_has_tokens_for(model: Path) -> None:
    async with listening(model) as recognizer:
        assert recognizer._decoder is not None
        assert set(recognizer._decoder.languages) == {"en", "de"}
        with pytest.raises(EngineError, match="does not know the language 'yue'"):
            await hear(recognizer, loud(), Hint(language="yue"))


async def test_expected_languages_may_have_regions(model: Path, tiny: ModuleType) -> None:
    async with listening(model) as recognizer:
        expected = await hear(recognizer, loud(), Hint(languages=("fr-FR", "en-US")))
    assert expected == Transcript(text=tiny.ENGLISH, language="en")


async def test_features_of_another_model_are_told_when_it_is_loaded(
    tiny: ModuleType, tmp_path: Path
) -> None:
    tiny.write_tiny_whisper(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text('{"feature_size": 128}')
    with pytest.raises(EngineError, match=r"takes 80 mel bands, .* makes 128"):
        async with listening(tmp_path):
            pass


async def test_long_speech_is_heard_piece_by_piece(model: Path, tiny: ModuleType) -> None:
    async with listening(model) as recognizer:
        heard = await hear(recognizer, loud(40_000))
    assert heard.text == f"{tiny.ENGLISH} {tiny.ENGLISH}"


async def test_leaving_early_leaves_the_others_their_turns(model: Path, tiny: ModuleType) -> None:
    async with listening(model) as recognizer:
        staying = asyncio.ensure_future(hear(recognizer, loud()))
        leaving = asyncio.ensure_future(hear(recognizer, loud()))
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert (await staying).text == tiny.ENGLISH


async def test_a_language_that_it_does_not_know_is_refused(model: Path) -> None:
    async with listening(model) as recognizer:
        with pytest.raises(EngineError, match="does not know the language 'tlh'"):
            await hear(recognizer, loud(), Hint(language="tlh"))


async def test_a_folder_without_a_model_is_named(tmp_path: Path, tiny: ModuleType) -> None:
    with pytest.raises(EngineError, match=r"has no model\.bin"):
        async with listening(tmp_path):
            pass


async def test_a_model_that_was_not_downloaded_is_not_fetched_offline(
    tmp_path: Path, tiny: ModuleType
) -> None:
    recognizer = FasterWhisperRecognizer(
        "tiny", device="cpu", download_root=str(tmp_path), offline=True
    )
    with pytest.raises(EngineError, match="was not downloaded yet"):
        await asyncio.to_thread(recognizer.load)
    await recognizer.close()


async def test_a_device_that_is_not_there_is_an_error(model: Path) -> None:
    import ctranslate2

    if ctranslate2.get_cuda_device_count():
        pytest.skip("there is a GPU")
    recognizer = FasterWhisperRecognizer(str(model), device="cuda")
    with pytest.raises(EngineError, match="on cuda"):
        await asyncio.to_thread(recognizer.load)
    await recognizer.close()


async def test_a_compute_type_that_the_device_lacks_is_an_error(model: Path) -> None:
    recognizer = FasterWhisperRecognizer(str(model), device="cpu", compute_type="int8_float99")
    with pytest.raises(EngineError, match="int8_float99"):
        await asyncio.to_thread(recognizer.load)
    await recognizer.close()


def test_devices_have_names() -> None:
    assert device_of("cuda:1") == ("cuda", 1)
    assert device_of("auto") == ("auto", 0)
    with pytest.raises(EngineError, match="'gpu'"):
        device_of("gpu")


def test_a_detected_language_is_an_expected_one_if_there_is_any() -> None:
    ranking = [("<|de|>", 0.7), ("<|nl|>", 0.2), ("<|en|>", 0.1)]
    assert most_likely(ranking, ()) == "de"
    assert most_likely(ranking, ("en", "nl")) == "nl"
    assert most_likely(ranking, ("ja",)) == "de"
