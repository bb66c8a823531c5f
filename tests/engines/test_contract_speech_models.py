"""The contract on language models that hear and speak: what they write keeps the same rules."""

from collections.abc import Callable, Sequence
from functools import partial

import msgspec
import pytest

from vivavoce.engines.contract import LanguageModelContract
from vivavoce.engines.contract.language_model import TIMER, said
from vivavoce.engines.llm.scripted_speech import ScriptedSpeechModel
from vivavoce.engines.llm.speech_chat import SpeechChatModel
from vivavoce.protocol.prompt import Prompt

NOWHERE = "http://127.0.0.1:9/v1"
"""A port at which nothing listens."""


class TestScriptedSpeechModel(LanguageModelContract[ScriptedSpeechModel]):
    @pytest.fixture(scope="class")
    @staticmethod
    def make_engine() -> Callable[[], ScriptedSpeechModel]:
        return ScriptedSpeechModel

    def tool_prompt(self) -> Prompt:
        asked = said("Set a timer for 5 minutes.")
        return msgspec.structs.replace(asked, tools=(TIMER,), tool_choice="required")

    def make_broken_engine(self) -> ScriptedSpeechModel:
        return ScriptedSpeechModel("no such script.yaml")


class TestSpeechChatModel(LanguageModelContract[SpeechChatModel]):
    @pytest.fixture(scope="class", params=[True, False], ids=["speaks", "hears only"])
    @staticmethod
    def make_engine(
        request: pytest.FixtureRequest, llama_server: str
    ) -> Callable[[], SpeechChatModel]:
        return partial(SpeechChatModel, llama_server, "tiny", temperature=0.0, speaks=request.param)

    def samples(self, engine: SpeechChatModel) -> Sequence[Prompt]:
        # The tiny model has one sentence: only a limit makes a difference.
        return [said("Hello."), msgspec.structs.replace(said("Hello."), max_output_tokens=3)]

    def tool_prompt(self) -> Prompt:
        return msgspec.structs.replace(said("A timer."), tools=(TIMER,), tool_choice="required")

    def make_broken_engine(self) -> SpeechChatModel:
        return SpeechChatModel(NOWHERE, "tiny")
