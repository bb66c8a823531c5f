"""The contract on every voice: real libraries, on tiny models where there are no others."""

from collections.abc import AsyncIterator, Callable
from functools import partial
from importlib.util import find_spec
from types import ModuleType

import pytest
import pytest_asyncio

from support.echoing_server import running_echoing_server
from vivavoce.engines.contract import SpeechSynthesizerContract
from vivavoce.engines.contract.synthesizer import Text
from vivavoce.engines.tts.espeak import EspeakSynthesizer
from vivavoce.engines.tts.kokoro import VOICES, KokoroSynthesizer
from vivavoce.engines.tts.openai_compatible import OpenAICompatibleSynthesizer
from vivavoce.engines.tts.piper import PiperSynthesizer
from vivavoce.engines.tts.scripted import ScriptedSynthesizer

NOWHERE = "http://127.0.0.1:9/v1"
"""A port at which nothing listens."""


LONGEST = "Once upon a time there was a lighthouse by the sea. " * 3
"""The models that hum take minutes for a longer sentence."""


def need(require_module: Callable[..., ModuleType], **packages: str) -> None:
    """Skip the test without these modules, importing none: they are for child processes."""
    for name, package in packages.items():
        if find_spec(name) is None:
            require_module(name, reason=f"pip install {package}")


class TestScriptedSynthesizer(SpeechSynthesizerContract[ScriptedSynthesizer]):
    @pytest.fixture(scope="class")
    @staticmethod
    def make_engine() -> Callable[[], ScriptedSynthesizer]:
        return ScriptedSynthesizer


class TestEspeakSynthesizer(SpeechSynthesizerContract[EspeakSynthesizer]):
    @pytest.fixture(scope="class")
    @staticmethod
    def make_engine(require_module: Callable[..., ModuleType]) -> Callable[[], EspeakSynthesizer]:
        need(require_module, espeakng_loader="espeakng-loader")
        return partial(EspeakSynthesizer, processes=2)


class TestKokoroSynthesizer(SpeechSynthesizerContract[KokoroSynthesizer]):
    """On a model that hums."""

    @pytest.fixture(scope="class", params=[False, True], ids=["plain", "with durations"])
    @staticmethod
    def make_engine(
        request: pytest.FixtureRequest,
        require_module: Callable[..., ModuleType],
        tmp_path_factory: pytest.TempPathFactory,
    ) -> Callable[[], KokoroSynthesizer]:
        need(require_module, kokoro_onnx="kokoro-onnx", onnx="onnx")
        from support.tiny_voices import write_kokoro

        folder = tmp_path_factory.mktemp("kokoro")
        names = tuple(VOICES.values())
        model, voices = write_kokoro(folder, durations=request.param, voices=names)
        return partial(KokoroSynthesizer, str(model), str(voices), processes=1)

    def long_sample(self, engine: KokoroSynthesizer) -> Text:
        return Text(LONGEST)

    def make_broken_engine(self) -> KokoroSynthesizer:
        return KokoroSynthesizer("no model", "no voices")


class TestPiperSynthesizer(SpeechSynthesizerContract[PiperSynthesizer]):
    """On a model that hums."""

    @pytest.fixture(scope="class", params=[False, True], ids=["plain", "with alignments"])
    @staticmethod
    def make_engine(
        request: pytest.FixtureRequest,
        require_module: Callable[..., ModuleType],
        tmp_path_factory: pytest.TempPathFactory,
    ) -> Callable[[], PiperSynthesizer]:
        need(require_module, piper="piper-tts", onnx="onnx")
        from support.tiny_voices import write_piper

        name = "en_US-lessac-medium"
        folder = tmp_path_factory.mktemp("piper")
        write_piper(folder, name, alignments=request.param)
        return partial(PiperSynthesizer, name, str(folder), processes=1)

    def long_sample(self, engine: PiperSynthesizer) -> Text:
        return Text(LONGEST)

    def make_broken_engine(self) -> PiperSynthesizer:
        return PiperSynthesizer("en_US-nobody-medium", "no folder")


class TestOpenAICompatibleSynthesizer(SpeechSynthesizerContract[OpenAICompatibleSynthesizer]):
    """Against a server that hums for as long as the text is."""

    gives_words = False

    @pytest_asyncio.fixture(scope="class", loop_scope="class")
    @staticmethod
    async def make_engine() -> AsyncIterator[Callable[[], OpenAICompatibleSynthesizer]]:
        async with running_echoing_server() as base_url:
            yield partial(OpenAICompatibleSynthesizer, base_url, "tiny")

    def make_broken_engine(self) -> OpenAICompatibleSynthesizer:
        return OpenAICompatibleSynthesizer(NOWHERE, "tiny")
