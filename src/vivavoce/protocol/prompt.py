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

UNKEPT = "[The user said something here, of which no recording is left.]"
"""The text of a user message in the place of speech that a model can no longer be given."""

SILENCE = "[The user has said nothing for a while.]"
"""The whole text of a user message that stands for the silence of an idle timeout: the model is
to keep the conversation going."""


NOTES = (INAUDIBLE, UNKEPT, SILENCE)
"""What stands for something that the user did, in a message that is not in their words."""


def noted_in(note: str, language: str) -> str:
    """One of the `NOTES`, for an answer in this language: it is in English itself."""
    return f"{note[:-1]} Answer in the language '{language}'.]"


def note_of(text: str) -> str | None:
    """Which of the `NOTES` a message is, for whatever language; None if it is the user's words."""
    return next((note for note in NOTES if text.startswith(note[:-1]) and text[-1] == "]"), None)


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


class AudioClip(msgspec.Struct, frozen=True, kw_only=True):
    """Speech of the user's, for a model that hears: which item's, and where in it.

    `start` and `end` are positions in samples at 24 kHz, on the tape of the session, or in the
    audio that came with the item. The session names speech in this way and compares it so; the
    runtime fills in `pcm`, mono int16 at the model's rate, when the model is asked.
    """

    item_id: str
    start: int
    end: int
    pcm: bytes = b""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the context, in the words of chat completions.

    `tool_calls` belongs to assistant messages, `call_id` to tool messages (the output of that
    call), `images` (data URIs) and `speech` to user messages. Speech comes behind the text.
    """

    role: Literal["system", "user", "assistant", "tool"]
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None
    images: tuple[str, ...] = ()
    speech: tuple[AudioClip, ...] = ()


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a language model needs for one answer.

    `tool_choice` is a mode, or the name of the one function to call as `forced_tool`.
    `parallel_tool_calls` False asks for one call at most, None leaves it to the model.
    `max_output_tokens` None means without limit; `temperature` None means the engine's default.
    `voice` is for a model that speaks: the voice that the answer is to be spoken in, None where it
    is to be written. No other model is given one.
    """

    instructions: str = ""
    messages: tuple[Message, ...] = ()
    tools: tuple[FunctionTool, ...] = ()
    tool_choice: ToolChoice = "auto"
    forced_tool: str | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    voice: str | None = None
