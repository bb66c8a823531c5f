"""Reads the replies of LocalAI's `PredictStream`: as chunks of a chat completion, which they are.

Backends differ in what they fill. All put text into `message`; those that parse the answer give
it again as `chat_deltas`, without reasoning and with the calls taken out.
"""

import codecs
import json
from typing import Any

from vivavoce.engines.base import ModelOutput, ToolCallDelta
from vivavoce.engines.llm.chat_stream import END, ChatStream


class ReplyReader:
    """Reads one answer into `stream`. `limit` is the number of tokens that it may have."""

    def __init__(self, stream: ChatStream, limit: int | None) -> None:
        self._stream = stream
        self._limit = limit
        # A backend may cut a character in two.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held: Any = None
        self._began = False
        self._spoke = False
        self._called_in_text = False
        self._input_tokens = 0
        self._output_tokens = 0

    def receive(self, reply: Any) -> list[ModelOutput]:
        """Take a reply and return what is sure to belong to the answer."""
        first, self._began = not self._began, True
        if first and _may_be_an_error(reply):
            self._held = reply
            return []
        return [*self._release(), *self._read(reply)]

    def finish(self) -> list[ModelOutput]:
        """The call ended well: return the last pieces."""
        outputs = self._release()
        outputs += self._chunk({"content": self._decoder.decode(b"", final=True)})
        usage = {
            "prompt_tokens": self._input_tokens or None,
            "completion_tokens": self._output_tokens or None,
        }
        full = self._limit is not None and self._output_tokens >= self._limit
        end = {"finish_reason": "length" if full else "stop"}
        outputs += self._stream.receive(json.dumps({"choices": [end], "usage": usage}))
        self._stream.receive(END)
        return outputs + self._stream.finish()

    def _release(self) -> list[ModelOutput]:
        held, self._held = self._held, None
        return [] if held is None else self._read(held)

    def _read(self, reply: Any) -> list[ModelOutput]:
        self._input_tokens = reply.prompt_tokens or self._input_tokens
        self._output_tokens = reply.tokens or self._output_tokens
        if not reply.chat_deltas:
            return self._chunk({"content": self._decoder.decode(reply.message)})
        # vLLM, MLX and others close with a summary, which has no message: its text was there, and
        # its calls too if they were found in the text.
        summary = not reply.message and self._spoke
        self._spoke = self._spoke or bool(reply.message)
        outputs: list[ModelOutput] = []
        for delta in reply.chat_deltas:
            calls = [] if summary and self._called_in_text else delta.tool_calls
            outputs += self._chunk(
                {
                    "content": "" if summary else delta.content,
                    "reasoning_content": delta.reasoning_content,
                    "tool_calls": [_call(call) for call in calls],
                }
            )
        return outputs

    def _chunk(self, delta: dict[str, Any]) -> list[ModelOutput]:
        outputs = self._stream.receive(json.dumps({"choices": [{"delta": delta}]}))
        if not delta.get("tool_calls") and any(isinstance(one, ToolCallDelta) for one in outputs):
            self._called_in_text = True
        return outputs


def _may_be_an_error(reply: Any) -> bool:
    """Whether this is nothing but text.

    llama.cpp sends the text of an error as if it were an answer, and after that the error; what
    it answers comes with deltas or counts.
    """
    return bool(reply.message) and not (reply.chat_deltas or reply.tokens or reply.prompt_tokens)


def _call(call: Any) -> dict[str, Any]:
    function = {"name": call.name or None, "arguments": call.arguments}
    return {"index": call.index, "id": call.id or None, "function": function}
