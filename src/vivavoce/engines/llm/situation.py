"""What a prompt asks of the scripted model: the last thing that happened, and what was before."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from vivavoce.engines.llm.reply_rules import Event
from vivavoce.protocol.prompt import INAUDIBLE, SILENCE, Message, Prompt, note_of

EXAMINED_CHARACTERS = 2_000
"""Only so much of a message is looked at, so that a long one cannot hold up other sessions."""

STANDING_FOR: dict[str, Event] = {INAUDIBLE: "inaudible", SILENCE: "silence"}
"""Messages that are no words of the user's."""


@dataclass(frozen=True, slots=True)
class Situation:
    """The last thing in a conversation, as rules see it."""

    event: Event
    text: str
    """What patterns look at: the user's words or the tools' outputs; otherwise empty."""
    earlier: tuple[str, ...]
    """The texts of earlier events of this kind, oldest first."""
    heard: str
    """The whole of the user's last words; empty if there were none."""
    said: str
    """The same, as far as it is looked at."""
    said_before: tuple[str, ...]
    """The user's words before those, oldest first."""
    answered_before: str
    """What the assistant said last before `said`; empty if nothing."""
    outputs: tuple[str, ...]
    """At `tool_result`: what each tool gave back."""
    called: frozenset[str]
    """At `tool_result`: the names of those tools."""


def read_situation(prompt: Prompt) -> Situation:
    """Find out what a prompt wants answered. System messages are no part of the talk."""
    messages = [each for each in prompt.messages if each.role != "system"]
    event = _event(messages[-1]) if messages else "opening"
    results = list(takewhile(lambda each: each.role == "tool", reversed(messages)))[::-1]
    happening = {"opening": 0, "tool_result": len(results)}.get(event, 1)
    before = messages[: len(messages) - happening]
    heard = [index for index, each in enumerate(messages) if _event(each) == "words"]
    said = [_examined(messages[index]) for index in heard]
    return Situation(
        event=event,
        text=said[-1] if event == "words" else " ".join(map(_examined, results)),
        earlier=tuple(_examined(each) for each in before if _event(each) == event),
        heard=messages[heard[-1]].text if heard else "",
        said=said[-1] if said else "",
        said_before=tuple(said[:-1]),
        answered_before=_last_answer(messages[: heard[-1]]) if heard else "",
        outputs=tuple(each.text for each in results),
        called=_names_called(messages, {each.call_id for each in results}),
    )


def _event(message: Message) -> Event:
    match message.role:
        case "user":
            return STANDING_FOR.get(note_of(message.text) or "", "words")
        case "tool":
            return "tool_result"
        case _:
            return "opening"


def _examined(message: Message) -> str:
    return message.text[:EXAMINED_CHARACTERS]


def _last_answer(messages: Sequence[Message]) -> str:
    answers = (each.text for each in reversed(messages) if each.role == "assistant" and each.text)
    return next(answers, "")


def _names_called(messages: Sequence[Message], call_ids: set[str | None]) -> frozenset[str]:
    calls = (call for message in messages for call in message.tool_calls)
    return frozenset(call.name for call in calls if call.call_id in call_ids)
