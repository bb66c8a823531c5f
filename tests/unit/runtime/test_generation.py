"""An answer's pieces as inputs of the machine."""

from collections.abc import AsyncGenerator
from typing import ClassVar

import pytest

from support.sound import tone
from vivavoce.engines.base import (
    AudioDelta,
    Generated,
    LanguageModel,
    ModelOutput,
    SpeechAbilities,
    ToolCallDelta,
)
from vivavoce.protocol.prompt import Prompt
from vivavoce.runtime.attended_work import Watch
from vivavoce.runtime.generation import Question, answered
from vivavoce.runtime.pipeline import Use
from vivavoce.session.inputs import (
    AnyInput,
    AudioGenerated,
    GenerationFinished,
    ToolCallGenerated,
)

RATE = 16_000
SPEECH = AudioDelta(tone(1000)[: 2 * RATE], "Let me look.")
CALL = ToolCallDelta(index=0, name="look", call_id="call_1", arguments="{}")


class SpeaksAtItsOwnRate:
    """A model that says what it is given to say, at 16 kHz."""

    name: ClassVar[str] = "speaker"
    speech = SpeechAbilities(hears=True, speaks=True, sample_rate=RATE)

    def __init__(self, *pieces: ModelOutput) -> None:
        self._pieces = pieces

    def load(self) -> None:
        pass

    async def generate(self, prompt: Prompt) -> AsyncGenerator[ModelOutput, None]:
        for piece in self._pieces:
            yield piece

    async def close(self) -> None:
        pass


async def inputs_of(*pieces: ModelOutput) -> list[AnyInput]:
    """What the machine is told of an answer."""
    told: list[AnyInput] = []
    model: LanguageModel = SpeaksAtItsOwnRate(*pieces)
    use = Use(model, Watch(1.0))
    await answered(use, Question(1, Prompt(voice="alloy"), {}, {}), told.append)
    return told


def samples(told: list[AnyInput]) -> int:
    return sum(len(one.audio) // 2 for one in told if isinstance(one, AudioGenerated))


async def test_all_speech_comes_before_the_call_behind_it() -> None:
    *speech, call, end = await inputs_of(SPEECH, CALL, Generated())
    assert isinstance(call, ToolCallGenerated)
    assert isinstance(end, GenerationFinished)
    assert samples(speech) == pytest.approx(24_000, abs=4)


async def test_speech_behind_a_call_begins_anew() -> None:
    told = await inputs_of(SPEECH, CALL, SPEECH, Generated())
    kinds = [type(one) for one in told]
    behind = told[kinds.index(ToolCallGenerated) + 1 :]
    assert samples(behind) == pytest.approx(24_000, abs=4)
