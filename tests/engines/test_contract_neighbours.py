"""The contract on the adapters of Wyoming services and LocalAI's backends."""

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial

import pytest
import pytest_asyncio

from support.localai_backend import running_backend
from support.neighbours import (
    answers,
    running_detector,
    running_wyoming_neighbour,
    speaks_to_file,
    transcribes,
)
from vivavoce.engines.contract import (
    LanguageModelContract,
    SpeechRecognizerContract,
    SpeechSynthesizerContract,
    VoiceActivityDetectorContract,
)
from vivavoce.engines.contract.language_model import TIMER
from vivavoce.engines.llm.localai import LocalAIModel
from vivavoce.engines.localai.settings import BackendTimeouts
from vivavoce.engines.stt.localai import LocalAIRecognizer
from vivavoce.engines.stt.wyoming import WyomingRecognizer
from vivavoce.engines.tts.localai import LocalAISynthesizer
from vivavoce.engines.tts.wyoming import WyomingSynthesizer
from vivavoce.engines.vad.localai import LocalAIDetector
from vivavoce.engines.wyoming.service import WyomingTimeouts
from vivavoce.protocol.prompt import Message, Prompt

NOWHERE = "127.0.0.1:9"
"""An address at which nothing listens."""

AT_ONCE = BackendTimeouts(retry_pauses=())


@pytest_asyncio.fixture(scope="class", loop_scope="class")
async def wyoming_uri() -> AsyncIterator[str]:
    """A service that recognises and speaks."""
    async with running_wyoming_neighbour() as uri:
        yield uri


class TestWyomingRecognizer(SpeechRecognizerContract[WyomingRecognizer]):
    @pytest.fixture(scope="class")
    @staticmethod
    def make_engine(wyoming_uri: str) -> Callable[[], WyomingRecognizer]:
        return partial(WyomingRecognizer, wyoming_uri)

    def make_broken_engine(self) -> WyomingRecognizer:
        return WyomingRecognizer(f"tcp://{NOWHERE}", timeouts=WyomingTimeouts(retry_pauses=()))


class TestWyomingSynthesizer(SpeechSynthesizerContract[WyomingSynthesizer]):
    gives_words = False

    @pytest.fixture(scope="class")
    @staticmethod
    def make_engine(wyoming_uri: str) -> Callable[[], WyomingSynthesizer]:
        return partial(WyomingSynthesizer, wyoming_uri)

    def make_broken_engine(self) -> WyomingSynthesizer:
        return WyomingSynthesizer(f"tcp://{NOWHERE}", timeouts=WyomingTimeouts(retry_pauses=()))


class TestLocalAIRecognizer(SpeechRecognizerContract[LocalAIRecognizer]):
    @pytest_asyncio.fixture(scope="class", loop_scope="class")
    @staticmethod
    async def make_engine() -> AsyncIterator[Callable[[], LocalAIRecognizer]]:
        async with running_backend(AudioTranscription=transcribes) as backend:
            yield partial(LocalAIRecognizer, backend.address)

    def make_broken_engine(self) -> LocalAIRecognizer:
        return LocalAIRecognizer(NOWHERE, timeouts=AT_ONCE)


class TestLocalAISynthesizer(SpeechSynthesizerContract[LocalAISynthesizer]):
    gives_words = False

    @pytest_asyncio.fixture(scope="class", loop_scope="class")
    @staticmethod
    async def make_engine() -> AsyncIterator[Callable[[], LocalAISynthesizer]]:
        async with running_backend(TTS=speaks_to_file) as backend:
            yield partial(LocalAISynthesizer, backend.address)

    def make_broken_engine(self) -> LocalAISynthesizer:
        return LocalAISynthesizer(NOWHERE, timeouts=AT_ONCE)


class TestLocalAIModel(LanguageModelContract[LocalAIModel]):
    @pytest_asyncio.fixture(scope="class", loop_scope="class")
    @staticmethod
    async def make_engine() -> AsyncIterator[Callable[[], LocalAIModel]]:
        async with running_backend(PredictStream=answers) as backend:
            yield partial(LocalAIModel, backend.address)

    def tool_prompt(self) -> Prompt:
        said = Message(role="user", text="Set a timer, please.")
        return Prompt(messages=(said,), tools=(TIMER,))

    def make_broken_engine(self) -> LocalAIModel:
        return LocalAIModel(NOWHERE, timeouts=AT_ONCE)


class TestLocalAIDetector(VoiceActivityDetectorContract[LocalAIDetector]):
    @pytest.fixture(scope="class")
    @staticmethod
    def make_engine() -> Iterator[Callable[[], LocalAIDetector]]:
        with running_detector() as address:
            yield partial(LocalAIDetector, address)
