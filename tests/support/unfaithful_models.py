"""Language models that each break one rule of the contract; see `support.unfaithful`."""

import asyncio
from collections.abc import AsyncGenerator

from support.unfaithful import Invented
from vivavoce.engines.base import (
    EngineError,
    Generated,
    ModelOutput,
    TextDelta,
    ToolCallDelta,
)
from vivavoce.protocol.prompt import Prompt

ANSWERS = {"Hello.": "Good day to you.", "What is two plus two?": "Four."}


class Model(Invented):
    """Has two answers, and sets timers."""

    async def generate(self, prompt: Prompt) -> AsyncGenerator[ModelOutput, None]:
        for piece in self.pieces(prompt):
            await asyncio.sleep(0.001)
            yield piece

    def pieces(self, prompt: Prompt) -> list[ModelOutput]:
        if prompt.tools and prompt.tool_choice != "none":
            return [*self.calls(), Generated()]
        last = prompt.messages[-1].text if prompt.messages else ""
        words = ANSWERS.get(last, "I do not know.").split(" ")
        limit = prompt.max_output_tokens or len(words)
        texts: list[ModelOutput] = [TextDelta(f"{word} ") for word in words[:limit]]
        return [*texts, self.end("length" if limit < len(words) else "stop", len(texts))]

    def calls(self) -> list[ModelOutput]:
        return [
            ToolCallDelta(index=0, name="set_timer", arguments='{"min'),
            ToolCallDelta(index=0, arguments='utes": 5}'),
        ]

    def end(self, reason: str, tokens: int) -> Generated:
        return Generated(reason=reason, input_tokens=3, output_tokens=tokens)


class DoesNotEnd(Model):
    caught_by = "test_an_answer_ends_with_generated"

    def pieces(self, prompt: Prompt) -> list[ModelOutput]:
        return super().pieces(prompt)[:-1]


class EndsTwice(Model):
    caught_by = "test_an_answer_ends_with_generated"

    def pieces(self, prompt: Prompt) -> list[ModelOutput]:
        return [*super().pieces(prompt), Generated()]


class EndsForItsOwnReason(Model):
    caught_by = "test_an_answer_ends_with_generated"

    def end(self, reason: str, tokens: int) -> Generated:
        return Generated(reason="eos")


class CountsWrongly(Model):
    caught_by = "test_tokens_are_counted_right"

    def end(self, reason: str, tokens: int) -> Generated:
        return Generated(reason=reason, input_tokens=3, cached_tokens=4)


class SaysNothing(Model):
    caught_by = "test_a_delta_has_text"

    def pieces(self, prompt: Prompt) -> list[ModelOutput]:
        return [TextDelta(""), *super().pieces(prompt)]


class CallsWithoutJson(Model):
    caught_by = "test_a_tool_is_called_with"

    def calls(self) -> list[ModelOutput]:
        return super().calls()[:1]


class CallsWhatIsNotOffered(Model):
    caught_by = "test_a_tool_is_called_with"

    def calls(self) -> list[ModelOutput]:
        return [ToolCallDelta(index=0, name="launch", arguments="{}")]


class NamesTheToolLate(Model):
    caught_by = "test_the_first_piece_of_a_call"

    def calls(self) -> list[ModelOutput]:
        return [
            ToolCallDelta(index=0, arguments="{"),
            ToolCallDelta(index=0, name="set_timer", arguments="}"),
        ]


class CountsCallsFromOne(Model):
    caught_by = "test_the_first_piece_of_a_call"

    def calls(self) -> list[ModelOutput]:
        return [ToolCallDelta(index=1, name="set_timer", arguments="{}")]


class CallsWhateverIsSaid(Model):
    caught_by = "test_no_tool_is_called"

    def pieces(self, prompt: Prompt) -> list[ModelOutput]:
        return [*self.calls(), Generated()] if prompt.tools else super().pieces(prompt)


class HidesTheLimit(Model):
    caught_by = "test_the_limit_of_tokens"

    def end(self, reason: str, tokens: int) -> Generated:
        return Generated()


class OversteersTheLimit(Model):
    caught_by = "test_the_limit_of_tokens"

    def end(self, reason: str, tokens: int) -> Generated:
        return Generated(reason=reason, output_tokens=tokens + 1)


class GoesOnWhenLeft(Model):
    caught_by = "test_an_answer_may_be_left"

    async def generate(self, prompt: Prompt) -> AsyncGenerator[ModelOutput, None]:
        for piece in self.pieces(prompt):
            try:
                yield piece
            except GeneratorExit:
                yield Generated()


class KeepsItsPlace(Model):
    caught_by = "test_an_answer_that_is_never_begun"
    taken = False

    def generate(self, prompt: Prompt) -> AsyncGenerator[ModelOutput, None]:
        if self.taken:
            raise EngineError("All slots are taken.")
        self.taken = True
        return self._generate(prompt)

    async def _generate(self, prompt: Prompt) -> AsyncGenerator[ModelOutput, None]:
        try:
            async for piece in super().generate(prompt):
                yield piece
        finally:
            self.taken = False


class WantsAMessage(Model):
    caught_by = "test_an_odd_prompt"

    def pieces(self, prompt: Prompt) -> list[ModelOutput]:
        if prompt.messages[-1].role == "assistant":
            raise RuntimeError("roles must alternate")
        return super().pieces(prompt)
