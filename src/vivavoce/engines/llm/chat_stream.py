"""Reads the chunks of a streamed chat completion: the data of its events in, outputs out."""

import msgspec

from vivavoce.engines.base import EngineError, Generated, ModelOutput
from vivavoce.engines.llm.answer_text import AnswerText, PlainText
from vivavoce.engines.llm.chat_chunk import (
    AnswerTokens,
    Choice,
    Chunk,
    Delta,
    PromptTokens,
    UsageCount,
)
from vivavoce.engines.llm.chat_dialects import read_chunk
from vivavoce.engines.llm.numbered_calls import NumberedCalls
from vivavoce.engines.llm.reasoning_filter import ReasoningFilter
from vivavoce.engines.openai_http.failures import UnavailableError, said

END = "[DONE]"
"""The data of the last event."""

# `Generated.reason` for each `finish_reason` that is not simply the end of the answer.
_REASONS = {"length": "length", "content_filter": "content_filter"}


class ChatStream:
    """One answer, whose text `answer` reads behind the reasoning.

    `started` is true from its first token on, be it of reasoning or of text. `thinks_first` is as
    in `ReasoningFilter`.
    """

    def __init__(self, answer: AnswerText | None = None, *, thinks_first: bool = False) -> None:
        self.started = False
        self.ended = False
        self._finish_reason: str | None = None
        self._usage = UsageCount()
        self._filter = ReasoningFilter(thinks_first=thinks_first)
        self._answer = answer or PlainText()
        self._calls = NumberedCalls()

    def receive(self, data: str) -> list[ModelOutput]:
        """Take the data of one event and return what it holds.

        Raises `EngineError` for an error that the server reports in the stream, and for data
        that is no chunk of a chat completion.
        """
        if data.strip() == END:
            self.ended = True
            return []
        try:
            chunk = read_chunk(data)
        except msgspec.DecodeError as error:
            raise EngineError(
                f"sent what is no chunk of a chat completion ({error}): {data[:200]}",
                code="invalid_response",
            ) from error
        if chunk.error:
            raise EngineError(f"reported an error: {said(chunk.error)}", code="server_error")
        self._usage = chunk.usage or self._usage
        return self.receive_chunk(chunk)

    def receive_document(self, document: bytes) -> list[ModelOutput] | None:  # noqa: ARG002
        """Take an answer that was not streamed; None if such answers are not read."""
        return None

    def receive_chunk(self, chunk: Chunk) -> list[ModelOutput]:
        """Return what a chunk without error holds."""
        return self._receive_choice(chunk.choices[0]) if chunk.choices else []

    def finish(self) -> list[ModelOutput]:
        """Return the last pieces; raises `UnavailableError` if the answer was cut off."""
        if not self.ended and self._finish_reason is None:
            raise UnavailableError(
                "closed the connection before the answer was complete", code="connection_lost"
            )
        reason = _REASONS.get(self._finish_reason or "stop", "stop")
        outputs = self._answer.receive(self._filter.finish())
        outputs += self._answer.finish(cut=reason != "stop")
        details = self._usage.prompt_tokens_details or PromptTokens()
        spoken = self._usage.completion_tokens_details or AnswerTokens()
        end = Generated(
            reason=reason,
            input_tokens=self._usage.prompt_tokens,
            cached_tokens=details.cached_tokens or 0,
            output_tokens=self._usage.completion_tokens,
            input_audio_tokens=details.audio_tokens or 0,
            output_audio_tokens=spoken.audio_tokens,
        )
        return [*self._calls.numbered(outputs), *self._calls.finish(), end]

    def _receive_choice(self, choice: Choice) -> list[ModelOutput]:
        self._finish_reason = choice.finish_reason or self._finish_reason
        delta = choice.delta or Delta()
        text = delta.content or choice.text
        if text or delta.tool_calls or delta.reasoning_content or delta.reasoning:
            self.started = True
        outputs = self._calls.numbered(self._answer.receive(self._filter.receive(text or "")))
        for call in delta.tool_calls or ():
            outputs += self._calls.receive(call)
        return outputs
