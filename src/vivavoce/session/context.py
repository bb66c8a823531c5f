"""What the language model reads: the conversation as chat messages.

What the user did not hear of an answer is not in it, nor is a call that was never finished or
never answered: chat servers refuse a call without its output.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby

import msgspec
from msgspec import UNSET

from vivavoce.audio.units import SAMPLES_PER_MS
from vivavoce.protocol.items import (
    ContentPart,
    FunctionCallItem,
    FunctionCallOutputItem,
    InputAudio,
    InputImage,
    InputText,
    Item,
    McpApprovalRequestItem,
    McpApprovalResponseItem,
    McpCallItem,
    McpListToolsItem,
    MessageItem,
    OutputText,
)
from vivavoce.protocol.prompt import (
    INAUDIBLE,
    NOTES,
    SILENCE,
    UNKEPT,
    AudioClip,
    FunctionTool,
    Message,
    Prompt,
    ToolCall,
    noted_in,
)
from vivavoce.protocol.tools import Tool, ToolChoiceFunction, is_whole_json
from vivavoce.session.conversation import Entry, Forgotten, Heard, Inaudible, Silence, Text
from vivavoce.session.response_plan import ResponsePlan
from vivavoce.session.tool_offer import model_name

CALLS = (FunctionCallItem, McpCallItem)
UNREAD = (McpListToolsItem, McpApprovalRequestItem, McpApprovalResponseItem)
"""Items that are between client and server; the model sees the tools and the calls."""

CHARACTERS_PER_TOKEN = 4
"""A rule of thumb for English, where the model's server counts no tokens."""

SPEECH_MS_PER_TOKEN = 100
"""User audio is counted as one token for each 100 ms (protocol 7)."""


def build_prompt(
    plan: ResponsePlan,
    entries: Iterable[Entry],
    *,
    speaks: bool = False,
    language: str | None = None,
) -> Prompt:
    """The request that this response sends to a language model, which may be one that speaks.

    `language` is the one that the answer is spoken in, where that is known. The model is told it
    with what is not in the user's words, so that it apologises in the language of the talk.
    """
    choice = plan.tool_choice
    forced = choice.name if isinstance(choice, ToolChoiceFunction) else None
    return Prompt(
        instructions=plan.instructions,
        messages=tuple(in_language(message, language) for message in messages(entries)),
        tools=tuple(function_tool(tool) for tool in plan.tools),
        tool_choice="required" if isinstance(choice, ToolChoiceFunction) else choice,
        forced_tool=forced,
        parallel_tool_calls=plan.parallel_tool_calls,
        max_output_tokens=None if plan.max_output_tokens == "inf" else plan.max_output_tokens,
        temperature=None if plan.temperature is UNSET else plan.temperature,
        voice=plan.voice_name if speaks and plan.speaks else None,
    )


def in_language(message: Message, language: str | None) -> Message:
    """A message; a note that stands for the user's words says what language they speak."""
    if language is None or message.role != "user" or message.text not in NOTES:
        return message
    return msgspec.structs.replace(message, text=noted_in(message.text, language))


def function_tool(tool: Tool) -> FunctionTool:
    """A tool as the language model sees it."""
    return FunctionTool(
        name=tool.name,
        description=None if tool.description is UNSET else tool.description,
        parameters=None if tool.parameters is UNSET else tool.parameters,
    )


def messages(entries: Iterable[Entry]) -> tuple[Message, ...]:
    """The entries as chat messages.

    Calls that follow each other are one message, and their outputs come right behind it, also
    where somebody spoke while a call was being made: chat servers want it so. Of two calls with
    one id the first is read, of two outputs of a call the last.
    """
    kept = tuple(entry for entry in entries if not isinstance(entry.item, UNREAD))
    outputs: dict[str, str] = {}
    for item in (entry.item for entry in kept):
        if isinstance(item, FunctionCallOutputItem):
            outputs[item.call_id] = item.output
        elif isinstance(item, McpCallItem) and (text := mcp_result(item)) is not None:
            outputs[item.id] = text
    found: list[Message] = []
    for are_calls, group in groupby(kept, lambda e: isinstance(e.item, CALLS)):
        if are_calls:
            found += call_messages((e.item for e in group), outputs)
        else:
            found += filter(None, map(spoken_message, group))
    return tuple(found)


def call_messages(items: Iterable[Item], outputs: dict[str, str]) -> Iterator[Message]:
    """The calls among `items` that were finished and answered, and then their outputs.

    These are taken out of `outputs`, so that an id is answered once.
    """
    answered = [
        (call, outputs.pop(call.call_id))
        for item in items
        if (call := made_call(item)) and call.call_id in outputs
    ]
    if answered:
        yield Message(role="assistant", tool_calls=tuple(call for call, _ in answered))
    for call, output in answered:
        yield Message(role="tool", text=output, call_id=call.call_id)


def made_call(item: Item) -> ToolCall | None:
    """The call that an item is, if it was finished."""
    match item:
        case FunctionCallItem(status="completed"):
            return ToolCall(item.call_id, item.name, mended(item.arguments))
        case McpCallItem():
            name = model_name(item.server_label, item.name)
            return ToolCall(item.id, name, mended(item.arguments))
        case _:
            return None


def mended(arguments: str) -> str:
    """Chat servers refuse a request with arguments that are no JSON."""
    return arguments if is_whole_json(arguments) else "{}"


def mcp_result(item: McpCallItem) -> str | None:
    """What a call gave, as the model reads it; None while it is not over."""
    if item.error is not None:
        return f"Error: {item.error.message}"
    return item.output


def spoken_message(entry: Entry) -> Message | None:
    """A message, or nothing if it holds no words and no speech."""
    item = entry.item
    if not isinstance(item, MessageItem):
        return None
    images = tuple(part.image_url for part in item.content if isinstance(part, InputImage))
    text = words_of(entry)
    speech = () if entry.clip is None else (entry.clip,)
    if not text and not images and not speech:
        return None
    return Message(role=item.role, text=text, images=images, speech=speech)


def words_of(entry: Entry) -> str:
    """What the model reads of a message; nothing of any other item, nor of what it hears."""
    if not isinstance(entry.item, MessageItem):
        return ""
    if entry.spoken is not None:
        return entry.spoken.heard_text
    content: Iterable[ContentPart] = entry.item.content
    if entry.clip is not None:
        content = (part for part in content if not isinstance(part, InputAudio))
    return " ".join(filter(None, part_texts(content, heard_words(entry.heard))))


def part_texts(content: Iterable[ContentPart], heard: str) -> Iterator[str]:
    """The words of a message's parts; what was `heard` of its speech stands at the first."""
    for part in content:
        match part:
            case InputText(text=text) | OutputText(text=text):
                yield text
            case InputAudio(transcript=None):
                yield heard
                heard = ""
            case InputAudio(transcript=str(transcript)):
                yield transcript


def heard_words(heard: Heard | None) -> str:
    """What the model reads for speech without a transcript."""
    match heard:
        case Text(text):
            return text
        case Inaudible():
            return INAUDIBLE
        case Silence():
            return SILENCE
        case Forgotten():
            return UNKEPT
        case _:
            return ""


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has, where nobody counts them."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def estimate_speech_tokens(clip: AudioClip) -> int:
    """About how many tokens a recording has, where nobody counts them."""
    return (clip.end - clip.start) // (SPEECH_MS_PER_TOKEN * SAMPLES_PER_MS)


def estimate_prompt_tokens(prompt: Prompt) -> int:
    """About how many tokens the words of a prompt have."""
    return sum(estimate_tokens(m.text) for m in prompt.messages) + estimate_tokens(
        prompt.instructions
    )
