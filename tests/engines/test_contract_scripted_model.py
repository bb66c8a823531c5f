"""The contract on the language model that follows a script."""

from collections.abc import Callable

import msgspec
import pytest

from vivavoce.engines.contract import LanguageModelContract
from vivavoce.engines.contract.language_model import TIMER, said
from vivavoce.engines.llm.scripted import ScriptedModel
from vivavoce.protocol.prompt import Prompt


class TestScriptedModel(LanguageModelContract[ScriptedModel]):
    @pytest.fixture(scope="class")
    @staticmethod
    def make_engine() -> Callable[[], ScriptedModel]:
        return ScriptedModel

    def tool_prompt(self) -> Prompt:
        asked = said("Set a timer for 5 minutes.")
        return msgspec.structs.replace(asked, tools=(TIMER,), tool_choice="required")

    def make_broken_engine(self) -> ScriptedModel:
        return ScriptedModel("no such script.yaml")
