"""The chunks of a streamed chat completion, as far as they are read.

Servers leave out what they like, and some send fields of their own; each names who does.
"""

from typing import Any

import msgspec


class Function(msgspec.Struct):
    """More of a call of a function."""

    name: str | None = None
    arguments: str | None = None


class ToolCallPiece(msgspec.Struct):
    """More of a tool call."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Audio(msgspec.Struct):
    """More of an answer in speech: base64, and words."""

    data: str | None = None
    transcript: str | None = None


class Delta(msgspec.Struct):
    """More of a message, or all of it."""

    content: str | None = None
    tool_calls: list[ToolCallPiece] | None = None
    audio: Audio | None = None
    # Two names for the same: what vLLM, llama.cpp and DeepSeek, and what Ollama and OpenRouter say.
    reasoning_content: str | None = None
    reasoning: str | None = None


class Choice(msgspec.Struct):
    """The one answer that was asked for."""

    delta: Delta | None = None
    text: str | None = None
    """What a raw completion has instead."""
    message: Delta | None = None
    """What a whole answer has instead, from servers that do not stream it."""
    finish_reason: str | None = None


class PromptTokens(msgspec.Struct):
    """Of the tokens of a prompt."""

    cached_tokens: int | None = None
    audio_tokens: int | None = None


class AnswerTokens(msgspec.Struct):
    """Of the tokens of an answer."""

    audio_tokens: int | None = None


class UsageCount(msgspec.Struct):
    """What was counted."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: PromptTokens | None = None
    completion_tokens_details: AnswerTokens | None = None


class Chunk(msgspec.Struct):
    """The data of one event."""

    choices: list[Choice] | None = None
    usage: UsageCount | None = None
    error: Any = None
    modality: str | None = None
    """vLLM-Omni: `audio` where the content is not words, but a WAV file in base64."""
