"""The contract on every recogniser: real libraries, on tiny models where there are no others."""

import importlib
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from types import ModuleType

import numpy as np
import pytest
import pytest_asyncio

from support.echoing_server import running_echoing_server
from vivavoce.engines.base import Hint
from vivavoce.engines.contract import (
    SpeechRecognizerContract,
    StreamingRecognizerContract,
    Utterance,
)
from vivavoce.engines.stt.faster_whisper import FasterWhisperRecognizer
from vivavoce.engines.stt.openai_compatible import OpenAICompatibleRecognizer
from vivavoce.engines.stt.pocketsphinx import PocketSphinxRecognizer, unavailable_reason
from vivavoce.engines.stt.scripted import ScriptedRecognizer
from vivavoce.engines.stt.sherpa_onnx import SherpaOnnxRecognizer

NOWHERE = "http://127.0.0.1:9/v1"
"""A port at which nothing listens."""


class TestScriptedRecognizer(SpeechRecognizerContract[ScriptedRecognizer]):
    @pytest.fixture(scope="class", params=[False, True], ids=["whole", "in pieces"])
    @staticmethod
    def make_engine(request: pytest.FixtureRequest) -> Callable[[], ScriptedRecognizer]:
        return partial(ScriptedRecognizer, deltas=request.param)

    def make_broken_engine(self) -> ScriptedRecognizer:
        return ScriptedRecognizer([None])


class TestPocketSphinxRecognizer(SpeechRecognizerContract[PocketSphinxRecognizer]):
    @pytest.fixture(scope="class")
    @staticmethod
    def make_engine(
        require_module: Callable[..., ModuleType],
    ) -> Callable[[], PocketSphinxRecognizer]:
        require_module("pocketsphinx", reason=unavailable_reason())
        return partial(PocketSphinxRecognizer, processes=2)


class TestFasterWhisperRecognizer(SpeechRecognizerContract[FasterWhisperRecognizer]):
    """On a model that says one sentence in the language of the hint."""

    @pytest.fixture(scope="class")
    @staticmethod
    def make_engine(
        require_module: Callable[..., ModuleType], tmp_path_factory: pytest.TempPathFactory
    ) -> Callable[[], FasterWhisperRecognizer]:
        require_module("faster_whisper", reason="pip install 'vivavoce[whisper]'")
        tiny = importlib.import_module("support.tiny_whisper")
        folder = tiny.write_tiny_whisper(tmp_path_factory.mktemp("whisper"))
        return partial(FasterWhisperRecognizer, str(folder), device="cpu", cpu_threads=1)

    def samples(self, engine: FasterWhisperRecognizer) -> Sequence[Utterance]:
        noise = np.random.default_rng(0).normal(0, 6_000, 24_000).clip(-32_768, 32_767)
        audio = noise.astype("<i2").tobytes()
        return [Utterance(audio, Hint(language=language)) for language in ("en", "de")]

    def make_broken_engine(self) -> FasterWhisperRecognizer:
        return FasterWhisperRecognizer("./no such model", device="cpu", offline=True)


class TestSherpaOnnxRecognizer(StreamingRecognizerContract[SherpaOnnxRecognizer]):
    """On a model that hears tones as words."""

    @pytest.fixture(scope="class")
    @staticmethod
    def make_engine(
        require_module: Callable[..., ModuleType], tmp_path_factory: pytest.TempPathFactory
    ) -> Callable[[], SherpaOnnxRecognizer]:
        require_module("sherpa_onnx", reason="pip install 'vivavoce[sherpa]'")
        require_module("onnx", reason="it writes the model of these tests")
        tiny = importlib.import_module("support.tiny_sherpa")
        folder = tiny.write_tiny_sherpa(tmp_path_factory.mktemp("sherpa"))
        return partial(SherpaOnnxRecognizer, str(folder), family="nemo-ctc")

    def samples(self, engine: SherpaOnnxRecognizer) -> Sequence[Utterance]:
        from support.tiny_sherpa import silence, tone

        def spoken(*words: str) -> bytes:
            sounds = [sound for word in words for sound in (tone(word), silence(160))]
            return np.concatenate(sounds).astype("<i2").tobytes()

        return [Utterance(spoken("big", "world")), Utterance(spoken("hello", "wide", "world"))]

    def make_broken_engine(self) -> SherpaOnnxRecognizer:
        return SherpaOnnxRecognizer("no such folder")


class TestOpenAICompatibleRecognizer(SpeechRecognizerContract[OpenAICompatibleRecognizer]):
    """Against a server that tells how long an utterance was, as a document and as a stream."""

    @pytest_asyncio.fixture(
        scope="class",
        loop_scope="class",
        params=[False, True],
        ids=["document", "stream"],
    )
    @staticmethod
    async def make_engine(
        request: pytest.FixtureRequest,
    ) -> AsyncIterator[Callable[[], OpenAICompatibleRecognizer]]:
        async with running_echoing_server() as base_url:
            yield partial(OpenAICompatibleRecognizer, base_url, "tiny", stream=request.param)

    def make_broken_engine(self) -> OpenAICompatibleRecognizer:
        return OpenAICompatibleRecognizer(NOWHERE, "tiny")
