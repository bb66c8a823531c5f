"""The answer of a language model in the shapes of chat completions: whole, or in chunks."""

import secrets
import time
from typing import Any

from vivavoce.engines.base import AudioDelta, Generated, ModelOutput, TextDelta, ToolCallDelta
from vivavoce.protocol.prompt import Prompt
from vivavoce.session.context import estimate_prompt_tokens, estimate_tokens


class ChatAnswer:
    """One answer, gathered from the pieces that a model gives. `model` is what the client named."""

    def __init__(self, model: str, prompt: Prompt) -> None:
        self._head = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": model,
        }
        self._prompt = prompt
        self._text = ""
        self._calls: dict[int, dict[str, Any]] = {}
        self._end = Generated()

    def opening(self) -> dict[str, Any]:
        """The first chunk."""
        return self._chunk({"role": "assistant", "content": ""})

    def receive(self, piece: ModelOutput) -> dict[str, Any]:
        """Take a piece, and give the chunk that it makes."""
        match piece:
            case TextDelta(text=text) | AudioDelta(transcript=text):  # no sound was asked for
                self._text += text
                return self._chunk({"content": text})
            case ToolCallDelta():
                return self._chunk({"tool_calls": [self._called(piece)]})
            case Generated():
                self._end = piece
                return self._chunk({}, self._finish_reason)

    def counted(self) -> dict[str, Any]:
        """The chunk with what the answer cost."""
        return {**self._chunk({}), "choices": [], "usage": self._usage()}

    def whole(self) -> dict[str, Any]:
        """All of it at once."""
        message: dict[str, Any] = {
            "role": "assistant",
            "content": self._text or (None if self._calls else ""),
            "refusal": None,
        }
        if self._calls:
            message["tool_calls"] = [self._calls[index] for index in sorted(self._calls)]
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": self._finish_reason,
        }
        return {
            **self._head,
            "object": "chat.completion",
            "choices": [choice],
            "usage": self._usage(),
        }

    @property
    def _finish_reason(self) -> str:
        called = self._calls and self._end.reason == "stop"
        return "tool_calls" if called else self._end.reason

    def _called(self, piece: ToolCallDelta) -> dict[str, Any]:
        """A piece of a call as a chunk has it: who is called stands in the first one."""
        begun = self._calls.get(piece.index)
        if begun is not None:
            begun["function"]["arguments"] += piece.arguments
            return {"index": piece.index, "function": {"arguments": piece.arguments}}
        call: dict[str, Any] = {
            "id": piece.call_id or f"call_{secrets.token_hex(12)}",
            "type": "function",
            "function": {"name": piece.name or "", "arguments": piece.arguments},
        }
        self._calls[piece.index] = call
        return {**call, "index": piece.index, "function": dict(call["function"])}

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return {**self._head, "object": "chat.completion.chunk", "choices": [choice]}

    def _usage(self) -> dict[str, Any]:
        """Tokens as the model counts them, estimated as in a session where it does not."""
        read, written = self._end.input_tokens, self._end.output_tokens
        if read is None:
            read = estimate_prompt_tokens(self._prompt)
        if written is None:
            calls = (call["function"]["arguments"] for call in self._calls.values())
            written = estimate_tokens(self._text) + sum(map(estimate_tokens, calls))
        return {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
            "prompt_tokens_details": {"cached_tokens": min(self._end.cached_tokens, read)},
        }
