"""The body of `POST /v1/chat/completions` for engines that know only prompts, and the prompt that
it makes."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from vivavoce.protocol.errors import refuse, unsupported
from vivavoce.protocol.prompt import FunctionTool, Message, Prompt, ToolCall, ToolChoice


class TextPart(msgspec.Struct, frozen=True, tag_field="type", tag="text"):
    """Words of a message."""

    text: str


class ImageUrl(msgspec.Struct, frozen=True):
    """Where a picture is."""

    url: str


class ImagePart(msgspec.Struct, frozen=True, tag_field="type", tag="image_url"):
    """A picture."""

    image_url: ImageUrl


class RefusalPart(msgspec.Struct, frozen=True, tag_field="type", tag="refusal"):
    """What the assistant said instead of an answer."""

    refusal: str


Part = TextPart | ImagePart | RefusalPart


class CalledFunction(msgspec.Struct, frozen=True):
    """What the assistant has called; `arguments` is JSON text."""

    name: str
    arguments: str = "{}"


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A call that the assistant has made."""

    id: str
    type: Literal["function"] = "function"
    function: CalledFunction


class ChatMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | tuple[Part, ...] | None = None
    tool_calls: tuple[Call, ...] | None = None
    tool_call_id: str | None = None


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A function that may be called."""

    type: Literal["function"]
    function: FunctionTool


class NamedFunction(msgspec.Struct, frozen=True):
    """The one to be called."""

    name: str


class NamedTool(msgspec.Struct, frozen=True, kw_only=True):
    """The same, as the API has it."""

    type: Literal["function"]
    function: NamedFunction


class StreamOptions(msgspec.Struct, frozen=True):
    """What a stream holds besides."""

    include_usage: bool = False


class TextFormat(msgspec.Struct, frozen=True):
    """How the answer is written."""

    type: str = "text"


Tokens = Annotated[int, Meta(ge=1)]


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body. Fields that only steer the choice of tokens, or name the caller, have no effect."""

    model: str
    messages: tuple[ChatMessage, ...]
    tools: tuple[Tool, ...] | None = None
    tool_choice: ToolChoice | NamedTool | None = None
    parallel_tool_calls: bool | None = None
    max_completion_tokens: Tokens | None = None
    max_tokens: Tokens | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    logprobs: bool | None = None
    stop: str | tuple[str, ...] | None = None
    response_format: TextFormat | None = None
    modalities: tuple[str, ...] | None = None
    functions: Any = None
    function_call: Any = None
    web_search_options: Any = None


def prompt_of(asked: ChatRequest) -> Prompt:
    """What the language model is asked. Raises `Refusal` for what changes the answer and cannot
    be had."""
    check(asked)
    messages = list(asked.messages)
    instructions: list[str] = []
    while messages and messages[0].role in ("system", "developer"):
        instructions.append(text_of(messages.pop(0).content))
    begin = len(instructions)
    named = asked.tool_choice if isinstance(asked.tool_choice, NamedTool) else None
    choice = asked.tool_choice if isinstance(asked.tool_choice, str) else "auto"
    tools = tuple(tool.function for tool in asked.tools or ())
    if named is not None and named.function.name not in [tool.name for tool in tools]:
        text = f"'{named.function.name}' is none of the tools."
        raise refuse("invalid_value", text, "tool_choice")
    return Prompt(
        instructions="\n\n".join(instructions),
        messages=tuple(
            message_of(message, f"messages[{number}]")
            for number, message in enumerate(messages, start=begin)
        ),
        tools=tools,
        tool_choice=choice,
        forced_tool=None if named is None else named.function.name,
        parallel_tool_calls=asked.parallel_tool_calls,
        max_output_tokens=asked.max_completion_tokens or asked.max_tokens,
        temperature=asked.temperature,
    )


def check(asked: ChatRequest) -> None:
    """Raises `Refusal` for the first field that asks for what there is not."""
    if not asked.messages:
        raise refuse("invalid_value", "There are no messages to answer.", "messages")
    format_type = (asked.response_format or TextFormat()).type
    lacking = {
        "n": asked.n not in (None, 1),
        "logprobs": bool(asked.logprobs),
        "stop": bool(asked.stop),
        "response_format": format_type != "text",
        "modalities": asked.modalities not in (None, ("text",)),
        "functions": asked.functions is not None,
        "function_call": asked.function_call is not None,
        "web_search_options": asked.web_search_options is not None,
    }
    for name, asked_for in lacking.items():
        if asked_for:
            raise unsupported(name, "the language model of this name does not have it.")


def message_of(message: ChatMessage, path: str) -> Message:
    """One message of the context."""
    if message.role == "tool" and message.tool_call_id is None:
        raise refuse("missing_required_parameter", "A tool's message has a tool_call_id.", path)
    return Message(
        role="system" if message.role == "developer" else message.role,
        text=text_of(message.content),
        tool_calls=tuple(
            ToolCall(call.id, call.function.name, call.function.arguments)
            for call in message.tool_calls or ()
        ),
        call_id=message.tool_call_id,
        images=tuple(images_of(message.content, path)),
    )


Content = str | Sequence[Part] | None


def text_of(content: Content) -> str:
    """The words of a message."""
    if content is None or isinstance(content, str):
        return content or ""
    texts = (
        part.text if isinstance(part, TextPart) else part.refusal
        for part in content
        if not isinstance(part, ImagePart)
    )
    return "\n".join(texts)


def images_of(content: Content, path: str) -> Iterator[str]:
    """The pictures of a message, as data URIs. Raises `Refusal` for addresses: none is fetched."""
    if content is None or isinstance(content, str):
        return
    for part in content:
        if isinstance(part, ImagePart):
            if not part.image_url.url.startswith("data:"):
                raise unsupported(f"{path}.content", "a picture is given as a data URI.")
            yield part.image_url.url
