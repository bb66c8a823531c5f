"""The contract on engines that another process hosts: real ones, over both kinds of connections."""

import importlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import numpy as np
import pytest
import pytest_asyncio

from support.remote_engines import MODEL, TOKEN, Make, adapter, catalogue_of, hosted
from vivavoce.engines.contract import (
    LanguageModelContract,
    SpeechRecognizerContract,
    SpeechSynthesizerContract,
    StreamingRecognizerContract,
    TurnDetectorContract,
    Utterance,
)
from vivavoce.engines.contract.language_model import TIMER, said
from vivavoce.engines.llm.scripted import ScriptedModel
from vivavoce.engines.registry import Slot
from vivavoce.engines.remote.language_model import RemoteLanguageModel
from vivavoce.engines.remote.named import (
    NamedLanguageModel,
    NamedRecognizer,
    NamedSynthesizer,
    NamedTurnDetector,
)
from vivavoce.engines.remote.recognizer import RemoteRecognizer
from vivavoce.engines.remote.synthesizer import RemoteSynthesizer
from vivavoce.engines.stt.pocketsphinx import PocketSphinxRecognizer, unavailable_reason
from vivavoce.engines.stt.scripted import ScriptedRecognizer
from vivavoce.engines.stt.sherpa_onnx import SherpaOnnxRecognizer
from vivavoce.engines.tts.espeak import EspeakSynthesizer
from vivavoce.engines.tts.scripted import ScriptedSynthesizer
from vivavoce.engines.turn.smart_turn import SmartTurnDetector
from vivavoce.protocol.prompt import Prompt

NOWHERE = "tcp://127.0.0.1:9"
"""A port at which nothing listens."""


@asynccontextmanager
async def over_tcp(slot: Slot, make: Make, named: Callable[..., Any]) -> AsyncIterator[Any]:
    """What makes engines as a configuration names them."""
    async with hosted(catalogue_of({slot: make})) as address:
        yield partial(named, str(address), MODEL, token=TOKEN)


@asynccontextmanager
async def over_unix(slot: Slot, make: Make, folder: Path) -> AsyncIterator[Any]:
    """What makes engines as a worker has them."""
    async with hosted(catalogue_of({slot: make}), folder, None) as address:
        yield partial(adapter, slot, make, address, None)


class TestNamedRecognizer(SpeechRecognizerContract[NamedRecognizer]):
    @pytest_asyncio.fixture(
        scope="class", loop_scope="class", params=[False, True], ids=["whole", "in pieces"]
    )
    @staticmethod
    async def make_engine(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
        make = partial(ScriptedRecognizer, deltas=request.param)
        named = partial(NamedRecognizer, sample_rate=ScriptedRecognizer.sample_rate)
        async with over_tcp("stt", make, named) as made:
            yield made

    def make_broken_engine(self) -> NamedRecognizer:
        return NamedRecognizer(NOWHERE, MODEL)


class TestRemoteRecognizer(SpeechRecognizerContract[RemoteRecognizer]):
    """pocketsphinx, in child processes of the host."""

    @pytest_asyncio.fixture(scope="class", loop_scope="class")
    @staticmethod
    async def make_engine(
        require_module: Callable[..., ModuleType], tmp_path_factory: pytest.TempPathFactory
    ) -> AsyncIterator[Any]:
        require_module("pocketsphinx", reason=unavailable_reason())
        make = partial(PocketSphinxRecognizer, processes=2)
        async with over_unix("stt", make, tmp_path_factory.mktemp("s")) as made:
            yield made


class TestStreamingRecognizer(StreamingRecognizerContract[NamedRecognizer]):
    """sherpa-onnx, on a model that hears tones as words."""

    @pytest_asyncio.fixture(scope="class", loop_scope="class")
    @staticmethod
    async def make_engine(
        require_module: Callable[..., ModuleType], tmp_path_factory: pytest.TempPathFactory
    ) -> AsyncIterator[Any]:
        require_module("sherpa_onnx", reason="pip install 'vivavoce[sherpa]'")
        require_module("onnx", reason="it writes the model of these tests")
        tiny = importlib.import_module("support.tiny_sherpa")
        folder = tiny.write_tiny_sherpa(tmp_path_factory.mktemp("sherpa"))
        make = partial(SherpaOnnxRecognizer, str(folder), family="nemo-ctc")
        async with over_tcp("stt", make, partial(NamedRecognizer, streams=True)) as made:
            yield made

    def samples(self, engine: NamedRecognizer) -> Sequence[Utterance]:
        from support.tiny_sherpa import silence, tone

        def spoken(*words: str) -> bytes:
            sounds = [sound for word in words for sound in (tone(word), silence(160))]
            return np.concatenate(sounds).astype("<i2").tobytes()

        return [Utterance(spoken("big", "world")), Utterance(spoken("hello", "wide", "world"))]


class ScriptedAnswers:
    """What the tests of a remote scripted model have in common."""

    def tool_prompt(self) -> Prompt:
        asked = said("Set a timer for 5 minutes.")
        return msgspec.structs.replace(asked, tools=(TIMER,), tool_choice="required")


class TestNamedLanguageModel(ScriptedAnswers, LanguageModelContract[NamedLanguageModel]):
    @pytest_asyncio.fixture(scope="class", loop_scope="class")
    @staticmethod
    async def make_engine() -> AsyncIterator[Any]:
        async with over_tcp("llm", ScriptedModel, NamedLanguageModel) as made:
            yield made

    def make_broken_engine(self) -> NamedLanguageModel:
        return NamedLanguageModel(NOWHERE, MODEL)


class TestRemoteLanguageModel(ScriptedAnswers, LanguageModelContract[RemoteLanguageModel]):
    @pytest_asyncio.fixture(scope="class", loop_scope="class")
    @staticmethod
    async def make_engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Any]:
        async with over_unix("llm", ScriptedModel, tmp_path_factory.mktemp("l")) as made:
            yield made


class TestNamedSynthesizer(SpeechSynthesizerContract[NamedSynthesizer]):
    @pytest_asyncio.fixture(scope="class", loop_scope="class")
    @staticmethod
    async def make_engine() -> AsyncIterator[Any]:
        async with over_tcp("tts", ScriptedSynthesizer, NamedSynthesizer) as made:
            yield made

    def make_broken_engine(self) -> NamedSynthesizer:
        return NamedSynthesizer(NOWHERE, MODEL)


class TestRemoteSynthesizer(SpeechSynthesizerContract[RemoteSynthesizer]):
    """espeak-ng, in child processes of the host."""

    @pytest_asyncio.fixture(scope="class", loop_scope="class")
    @staticmethod
    async def make_engine(
        require_module: Callable[..., ModuleType], tmp_path_factory: pytest.TempPathFactory
    ) -> AsyncIterator[Any]:
        if find_spec("espeakng_loader") is None:  # it is for child processes, and not imported
            require_module("espeakng_loader", reason="pip install espeakng-loader")
        make = partial(EspeakSynthesizer, processes=2)
        async with over_unix("tts", make, tmp_path_factory.mktemp("t")) as made:
            yield made


class TestNamedTurnDetector(TurnDetectorContract[NamedTurnDetector]):
    @pytest_asyncio.fixture(scope="class", loop_scope="class")
    @staticmethod
    async def make_engine(
        require_module: Callable[..., ModuleType], tmp_path_factory: pytest.TempPathFactory
    ) -> AsyncIterator[Any]:
        require_module("onnx", reason="it writes the model of these tests")
        tiny = importlib.import_module("support.tiny_smart_turn")
        path = tiny.write_tiny_smart_turn(tmp_path_factory.mktemp("turn") / "model.onnx")
        make = partial(SmartTurnDetector, str(path))
        async with over_tcp("turn", make, NamedTurnDetector) as made:
            yield made

    def make_broken_engine(self) -> NamedTurnDetector:
        return NamedTurnDetector(NOWHERE, MODEL)
