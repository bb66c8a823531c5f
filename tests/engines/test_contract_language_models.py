"""The contract on language models that run on llama.cpp with the tests' own tiny model."""

from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import Any

import msgspec
import pytest

from support.tiny_gguf import build_tiny_model
from vivavoce.engines.contract import LanguageModelContract
from vivavoce.engines.contract.language_model import TIMER, said
from vivavoce.engines.llm.completions import CompletionsModel
from vivavoce.engines.llm.openai_compatible import OpenAICompatibleModel
from vivavoce.engines.llm.xllamacpp import XllamacppModel
from vivavoce.protocol.prompt import Prompt

NOWHERE = "http://127.0.0.1:9/v1"
"""A port at which nothing listens."""


def short_and_long(_: Any) -> Sequence[Prompt]:
    """The tiny model has one sentence: only a limit makes a difference."""
    return [said("Hello."), msgspec.structs.replace(said("Hello."), max_output_tokens=3)]


def must_call() -> Prompt:
    return msgspec.structs.replace(said("A timer."), tools=(TIMER,), tool_choice="required")


class TestOpenAICompatibleModel(LanguageModelContract[OpenAICompatibleModel]):
    @pytest.fixture(scope="class", params=["native", "constrained"])
    @staticmethod
    def make_engine(
        request: pytest.FixtureRequest, llama_server: str
    ) -> Callable[[], OpenAICompatibleModel]:
        return partial(
            OpenAICompatibleModel, llama_server, "tiny", temperature=0.0, tools=request.param
        )

    def samples(self, engine: OpenAICompatibleModel) -> Sequence[Prompt]:
        return short_and_long(engine)

    def tool_prompt(self) -> Prompt:
        return must_call()

    def make_broken_engine(self) -> OpenAICompatibleModel:
        return OpenAICompatibleModel(NOWHERE, "tiny")


class TestCompletionsModel(LanguageModelContract[CompletionsModel]):
    @pytest.fixture(scope="class")
    @staticmethod
    def make_engine(
        require_module: Callable[..., ModuleType], llama_server: str
    ) -> Callable[[], CompletionsModel]:
        require_module("jinja2", reason="pip install 'vivavoce[completions]'")
        return partial(CompletionsModel, llama_server, "tiny", temperature=0.0)

    def samples(self, engine: CompletionsModel) -> Sequence[Prompt]:
        return short_and_long(engine)

    def make_broken_engine(self) -> CompletionsModel:
        return CompletionsModel(NOWHERE, "tiny")


class TestXllamacppModel(LanguageModelContract[XllamacppModel]):
    @pytest.fixture(scope="class")
    @staticmethod
    def make_engine(
        require_module: Callable[..., ModuleType], tmp_path_factory: pytest.TempPathFactory
    ) -> Callable[[], XllamacppModel]:
        require_module("xllamacpp", reason="pip install 'vivavoce[llama]'")
        path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
        build_tiny_model(path)
        return partial(XllamacppModel, str(path), threads=1, temperature=0.0)

    def samples(self, engine: XllamacppModel) -> Sequence[Prompt]:
        return short_and_long(engine)

    def tool_prompt(self) -> Prompt:
        return must_call()

    def make_broken_engine(self) -> XllamacppModel:
        return XllamacppModel("./no-such-model.gguf")
