"""What a language model is asked: a frozen value, compared by equality.

The session makes a `Prompt`, an engine reads it; neither knows the other. Two prompts that
are equal ask for the same answer, which is what lets a draft made in a pause be adopted at
the endpoint.
"""

from typing import Any, Literal

import msgspec

ToolChoice = Literal["none", "auto", "required"]

INAUDIBLE = "[The user spoke, but the words could not be recognised.]"
"""The whole text of a user message that stands for speech which could not be recognised."""

SILENCE = "[The user has said nothing for a while.]"
"""The whole text of a user message that stands for the silence of an idle timeout: the model is
to keep the conversation going."""


class FunctionTool(msgspec.Struct, frozen=True, kw_only=True):
    """A function that the model may call (protocol 2.6). `parameters` is a JSON schema."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class ToolCall(msgspec.Struct, frozen=True):
    """A call the model made earlier. `arguments` is the JSON text as the model wrote it."""

    call_id: str
    name: str
    arguments: str


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the context, in the words of chat completions.

    `tool_calls` belongs to assistant messages, `call_id` to tool messages (the output of that
    call), `images` (data URIs) to user messages.
    """

    role: Literal["system", "user", "assistant", "tool"]
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None
    images: tuple[str, ...] = ()


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a language model needs for one answer.

    `tool_choice` is a mode, or the name of the one function to call as `forced_tool`.
    `parallel_tool_calls` False asks for one call at most, None leaves it to the model.
    `max_output_tokens` None means without limit; `temperature` None means the engine's default.
    """

    instructions: str = ""
    messages: tuple[Message, ...] = ()
    tools: tuple[FunctionTool, ...] = ()
    tool_choice: ToolChoice = "auto"
    forced_tool: str | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
