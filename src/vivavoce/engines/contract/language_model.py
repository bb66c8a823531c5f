"""What a language model keeps: its pieces, in their order, and an end."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any, TypeVar

import msgspec
import pytest

from vivavoce.engines.base import (
    EngineError,
    Generated,
    LanguageModel,
    ModelOutput,
    TextDelta,
    ToolCallDelta,
)
from vivavoce.engines.contract.uses import AwaitedEngineContract
from vivavoce.protocol.prompt import FunctionTool, Message, Prompt, ToolCall

REASONS = ("stop", "length", "content_filter")

TIMER = FunctionTool(
    name="set_timer",
    description="Sets a timer.",
    parameters={
        "type": "object",
        "properties": {"minutes": {"type": "integer"}},
        "required": ["minutes"],
    },
)
"""A tool that the tests offer."""


class Call(msgspec.Struct, frozen=True):
    """A tool call, put together."""

    name: str
    arguments: str


class Answer(msgspec.Struct, frozen=True):
    """What a model answered, without how it came in pieces and what it counted."""

    text: str
    calls: tuple[Call, ...]
    reason: str


Model = TypeVar("Model", bound=LanguageModel)


def said(text: str) -> Prompt:
    """A prompt of one user message."""
    return Prompt(messages=(Message(role="user", text=text),))


class LanguageModelContract(AwaitedEngineContract[Model, Prompt, Answer]):
    """The tests of a `LanguageModel`, for which its answers have to be reproducible.

    `tool_prompt` is a prompt on which the model calls a tool, None if it never does.
    """

    def tool_prompt(self) -> Prompt | None:
        """A prompt with tools that makes the model call one; None if it has no such ability."""
        return None

    def samples(self, engine: Model) -> Sequence[Prompt]:  # noqa: ARG002
        """Two prompts that are answered differently."""
        return [said("Hello."), said("What is two plus two?")]

    def long_sample(self, engine: Model) -> Prompt:
        """The prompt with the longest answer."""
        return self.samples(engine)[0]

    async def use(self, engine: Model, sample: Prompt, pieces: list[Any]) -> Answer:
        """Have a prompt answered."""
        async with aclosing(engine.generate(sample)) as outputs:
            async for output in outputs:
                pieces.append(output)  # noqa: PERF401 (they are watched as they come)
        return answer_of(pieces)

    async def pieces_of(self, engine: Model, prompt: Prompt) -> list[ModelOutput]:
        """All that comes for a prompt."""
        pieces: list[ModelOutput] = []
        await self.used(engine, prompt, pieces)
        return pieces

    async def test_an_answer_ends_with_generated(self, engine: Model) -> None:
        """Exactly one, which is the last piece, with a reason that there is."""
        for sample in self.samples(engine):
            *before, last = await self.pieces_of(engine, sample)
            assert isinstance(last, Generated), f"the last piece is {last!r}"
            assert not any(isinstance(piece, Generated) for piece in before), "it ends twice"
            assert last.reason in REASONS, f"{last.reason!r} is none of {', '.join(REASONS)}"

    async def test_tokens_are_counted_right_or_not_at_all(self, engine: Model) -> None:
        """What is cached is part of what was read."""
        for sample in self.samples(engine):
            ended = (await self.pieces_of(engine, sample))[-1]
            assert isinstance(ended, Generated)
            assert ended.input_tokens is None or 0 <= ended.cached_tokens <= ended.input_tokens
            assert ended.output_tokens is None or ended.output_tokens >= 0

    async def test_a_delta_has_text(self, engine: Model) -> None:
        """An empty piece says nothing, but would be sent to a client."""
        for sample in self.samples(engine):
            for piece in await self.pieces_of(engine, sample):
                assert not isinstance(piece, TextDelta) or piece.text, "a delta without text"

    async def test_a_tool_is_called_with_arguments_that_are_json(self, engine: Model) -> None:
        """And only one that was offered."""
        prompt = self._prompt_with_tools()
        answer = await self.used(engine, prompt)
        assert answer.calls, f"no tool was called; the answer is {answer!r}"
        for call in answer.calls:
            assert call.name in {tool.name for tool in prompt.tools}, f"no tool {call.name!r}"
            assert isinstance(json.loads(call.arguments), dict), call.arguments

    async def test_the_first_piece_of_a_call_names_the_tool(self, engine: Model) -> None:
        """Calls are numbered from 0 in the order in which they begin."""
        begun: list[int] = []
        for piece in await self.pieces_of(engine, self._prompt_with_tools()):
            if isinstance(piece, ToolCallDelta) and piece.index not in begun:
                assert piece.name, f"the first piece of call {piece.index} has no name: {piece!r}"
                begun.append(piece.index)
        assert begun == list(range(len(begun))), f"calls are numbered {begun}"

    async def test_no_tool_is_called_where_none_may_be(self, engine: Model) -> None:
        """With the tool choice `none`."""
        prompt = msgspec.structs.replace(self._prompt_with_tools(), tool_choice="none")
        result = await self.harmless(engine, prompt)
        assert isinstance(result, EngineError) or not result.calls, f"it called {result!r}"

    async def test_the_limit_of_tokens_is_kept(self, engine: Model) -> None:
        """And told as the reason, where it cut the answer off."""
        first = self.samples(engine)[0]
        whole = await self.used(engine, first)
        short = msgspec.structs.replace(first, max_output_tokens=1)
        pieces = await self.pieces_of(engine, short)
        ended, answer = pieces[-1], answer_of(pieces)
        assert isinstance(ended, Generated)
        assert ended.output_tokens is None or ended.output_tokens <= 1
        assert len(answer.text) <= len(whole.text), "with a limit it says more than without"
        if answer.text != whole.text:
            assert ended.reason == "length", f"it was cut off, but tells {ended.reason!r}"

    async def test_an_answer_may_be_left_after_its_first_piece(self, engine: Model) -> None:
        """Closing the generator stops the model; it answers the next prompt as ever."""
        first = self.samples(engine)[0]
        expected = await self.used(engine, first)
        for _ in range(self.at_once):
            outputs = engine.generate(first)
            async with asyncio.timeout(self.patience_s):
                await anext(outputs)
                await outputs.aclose()
            assert await anext(outputs, None) is None, "a closed generator gave more"
        assert await self.used(engine, first) == expected

    async def test_an_answer_that_is_never_begun_costs_nothing(self, engine: Model) -> None:
        """A generator that is closed before its first piece has asked nobody."""
        first = self.samples(engine)[0]
        await engine.generate(first).aclose()
        await self.used(engine, first)

    @pytest.mark.parametrize(
        "prompt",
        [
            Prompt(),
            said(""),
            said("\0 \U0001f468‍\U0001f469‍\U0001f467 ‏שלום \r\n</s><|im_end|>"),
            said("word " * 20_000),
            Prompt(messages=(Message(role="assistant", text="Yes?"),)),
            Prompt(
                messages=(
                    Message(role="user", text="A timer."),
                    Message(
                        role="assistant", tool_calls=(ToolCall("call_1", "set_timer", "{oops"),)
                    ),
                    Message(role="tool", call_id="call_1", text=""),
                )
            ),
        ],
        ids=["nothing", "empty", "odd characters", "long", "assistant first", "broken call"],
    )
    async def test_an_odd_prompt_is_answered_or_refused_readably(
        self, engine: Model, prompt: Prompt
    ) -> None:
        """Conversations hold what clients put there."""
        await self.harmless(engine, msgspec.structs.replace(prompt, max_output_tokens=64))

    def _prompt_with_tools(self) -> Prompt:
        prompt = self.tool_prompt()
        if prompt is None:
            pytest.skip("this model calls no tools (tool_prompt)")
        return prompt


def answer_of(pieces: Sequence[ModelOutput]) -> Answer:
    """The answer that pieces are, joined."""
    text, reason = "", ""
    names: dict[int, str] = {}
    arguments: dict[int, str] = {}
    for piece in pieces:
        match piece:
            case TextDelta():
                text += piece.text
            case ToolCallDelta():
                names.setdefault(piece.index, piece.name or "")
                arguments[piece.index] = arguments.get(piece.index, "") + piece.arguments
            case Generated():
                reason = piece.reason
    calls = tuple(Call(name, arguments[index]) for index, name in names.items())
    return Answer(text, calls, reason)
