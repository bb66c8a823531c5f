"""What the language model reads: the conversation as chat messages.

What the user did not hear of an answer is not in it, nor is a call that was never finished or
never answered: chat servers refuse a call without its output.
"""

from collections.abc import Iterable

from msgspec import UNSET

from vivavoce.protocol.items import (
    FunctionCallItem,
    FunctionCallOutputItem,
    InputAudio,
    InputImage,
    InputText,
    MessageItem,
    OutputText,
)
from vivavoce.protocol.prompt import INAUDIBLE, FunctionTool, Message, Prompt, ToolCall
from vivavoce.protocol.session_config import Tool, ToolChoiceFunction
from vivavoce.session.conversation import Entry, Inaudible, Text
from vivavoce.session.response_plan import ResponsePlan

CHARACTERS_PER_TOKEN = 4
"""A rule of thumb for English, where the model's server counts no tokens."""


def build_prompt(plan: ResponsePlan, entries: Iterable[Entry]) -> Prompt:
    """The request that this response sends to the language model."""
    choice = plan.tool_choice
    forced = choice.name if isinstance(choice, ToolChoiceFunction) else None
    return Prompt(
        instructions=plan.instructions,
        messages=messages(entries),
        tools=tuple(function_tool(tool) for tool in plan.tools),
        tool_choice="required" if isinstance(choice, ToolChoiceFunction) else choice,
        forced_tool=forced,
        max_output_tokens=None if plan.max_output_tokens == "inf" else plan.max_output_tokens,
    )


def function_tool(tool: Tool) -> FunctionTool:
    """A tool as the language model sees it."""
    return FunctionTool(
        name=tool.name,
        description=None if tool.description is UNSET else tool.description,
        parameters=None if tool.parameters is UNSET else tool.parameters,
    )


def messages(entries: Iterable[Entry]) -> tuple[Message, ...]:
    """The entries as chat messages; calls that follow each other are one message."""
    kept = tuple(entries)
    answered = {e.item.call_id for e in kept if isinstance(e.item, FunctionCallOutputItem)}
    made = {
        e.item.call_id
        for e in kept
        if isinstance(e.item, FunctionCallItem) and e.item.status == "completed"
    }
    found: list[Message] = []
    for entry in kept:
        match entry.item:
            case MessageItem():
                message = spoken_message(entry, entry.item)
                if message is not None:
                    found.append(message)
            case FunctionCallItem(call_id=call_id) if call_id in answered & made:
                add_call(found, entry.item)
            case FunctionCallOutputItem(call_id=call_id, output=output) if call_id in made:
                found.append(Message(role="tool", text=output, call_id=call_id))
    return tuple(found)


def add_call(found: list[Message], item: FunctionCallItem) -> None:
    """Appends a call, beside the calls in front of it."""
    calls: tuple[ToolCall, ...] = (ToolCall(item.call_id, item.name, item.arguments),)
    if found and found[-1].tool_calls:
        calls = found.pop().tool_calls + calls
    found.append(Message(role="assistant", tool_calls=calls))


def spoken_message(entry: Entry, item: MessageItem) -> Message | None:
    """A message, or nothing if it holds no words."""
    images = tuple(part.image_url for part in item.content if isinstance(part, InputImage))
    if entry.spoken is not None:
        text = entry.spoken.heard_text
    else:
        text = " ".join(filter(None, (part_text(entry, part) for part in item.content)))
    if not text and not images:
        return None
    return Message(role=item.role, text=text, images=images)


def part_text(entry: Entry, part: object) -> str:
    """The words of one content part."""
    match part:
        case InputText(text=text) | OutputText(text=text):
            return text
        case InputAudio(transcript=transcript):
            match entry.heard:
                case Text(text):
                    return text
                case Inaudible():
                    return INAUDIBLE
                case _:
                    return transcript or ""
        case _:
            return ""


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has, where nobody counts them."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def estimate_prompt_tokens(prompt: Prompt) -> int:
    """About how many tokens a prompt has."""
    return sum(estimate_tokens(m.text) for m in prompt.messages) + estimate_tokens(
        prompt.instructions
    )
