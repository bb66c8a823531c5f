"""Reads the chunks of a streamed chat completion: the data of its events in, outputs out."""

from typing import Any

import msgspec

from vivavoce.engines.base import EngineError, Generated, ModelOutput, TextDelta, ToolCallDelta
from vivavoce.engines.llm.chat_failures import UnavailableError, said
from vivavoce.engines.llm.reasoning_filter import ReasoningFilter

END = "[DONE]"
"""The data of the last event."""

# `Generated.reason` for each `finish_reason` that is not simply the end of the answer.
_REASONS = {"length": "length", "content_filter": "content_filter"}


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    tool_calls: list[_ToolCall] | None = None
    # Two names for the same: what vLLM, llama.cpp and DeepSeek, and what Ollama and OpenRouter say.
    reasoning_content: str | None = None
    reasoning: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _PromptTokens(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _PromptTokens | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


class ChatStream:
    """One answer. `started` is true from its first token on, be it of reasoning or of text."""

    def __init__(self) -> None:
        self.started = False
        self.ended = False
        self._finish_reason: str | None = None
        self._usage = _Usage()
        self._filter = ReasoningFilter()
        self._calls = _Calls()

    def receive(self, data: str) -> list[ModelOutput]:
        """Take the data of one event and return what it holds.

        Raises `EngineError` for an error that the server reports in the stream, and for data
        that is no chunk of a chat completion.
        """
        if data.strip() == END:
            self.ended = True
            return []
        try:
            chunk = msgspec.json.decode(data, type=_Chunk)
        except msgspec.DecodeError as error:
            raise EngineError(
                f"sent what is no chunk of a chat completion ({error}): {data}",
                code="invalid_response",
            ) from error
        if chunk.error:
            raise EngineError(f"reported an error: {said(chunk.error)}", code="server_error")
        self._usage = chunk.usage or self._usage
        return self._receive_choice(chunk.choices[0]) if chunk.choices else []

    def finish(self) -> list[ModelOutput]:
        """Return the last pieces; raises `UnavailableError` if the answer was cut off."""
        if not self.ended and self._finish_reason is None:
            raise UnavailableError(
                "closed the connection before the answer was complete", code="connection_lost"
            )
        rest = self._filter.finish()
        details = self._usage.prompt_tokens_details or _PromptTokens()
        end = Generated(
            reason=_REASONS.get(self._finish_reason or "stop", "stop"),
            input_tokens=self._usage.prompt_tokens,
            cached_tokens=details.cached_tokens or 0,
            output_tokens=self._usage.completion_tokens,
        )
        return [*([TextDelta(rest)] if rest else []), *self._calls.finish(), end]

    def _receive_choice(self, choice: _Choice) -> list[ModelOutput]:
        self._finish_reason = choice.finish_reason or self._finish_reason
        delta = choice.delta or _Delta()
        if delta.content or delta.tool_calls or delta.reasoning_content or delta.reasoning:
            self.started = True
        spoken = self._filter.receive(delta.content or "")
        outputs: list[ModelOutput] = [TextDelta(spoken)] if spoken else []
        return outputs + [self._calls.receive(call) for call in delta.tool_calls or ()]


class _Calls:
    """Numbers the tool calls of one answer.

    The protocol gives each an index. Gemini's server leaves it out, and other servers say 0 for
    all parallel calls, so a new id begins a new call whatever the index says.
    """

    def __init__(self) -> None:
        self._ids: list[str | None] = []
        self._by_index: dict[int | None, int] = {}
        self._without_arguments: set[int] = set()

    def receive(self, call: _ToolCall) -> ToolCallDelta:
        function = call.function or _Function()
        number = self._by_index.get(call.index)
        begins = number is None or bool(call.id and call.id != self._ids[number])
        if number is None or begins:
            number = self._by_index[call.index] = len(self._ids)
            self._ids.append(call.id)
            self._without_arguments.add(number)
        if function.arguments:
            self._without_arguments.discard(number)
        return ToolCallDelta(
            index=number,
            arguments=function.arguments or "",
            name=(function.name or "") if begins else None,
            call_id=call.id if begins else None,
        )

    def finish(self) -> list[ToolCallDelta]:
        """Give calls that have no arguments at all the empty object that they stand for."""
        return [ToolCallDelta(index=n, arguments="{}") for n in sorted(self._without_arguments)]
