"""The calls that a reply makes: written in the script, named by the words, or demanded."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vivavoce.engines.base import EngineError
from vivavoce.engines.llm.english.short_answer import is_short_answer
from vivavoce.engines.llm.english.tool_arguments import Filled, convert, fill_arguments
from vivavoce.engines.llm.english.tool_choice import named_tool
from vivavoce.engines.llm.reply_rules import CallTemplate
from vivavoce.engines.llm.reply_template import Lookup, Template
from vivavoce.engines.llm.situation import Situation
from vivavoce.protocol.prompt import FunctionTool, Prompt


@dataclass(frozen=True, slots=True)
class Call:
    """A tool to call. `arguments` is JSON text."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask because a required argument is missing."""

    text: str


class _NoValueError(Exception):
    """A template in the arguments has a placeholder without a value."""


def callable_tools(prompt: Prompt) -> tuple[FunctionTool, ...]:
    """The tools that this answer may call, by `tool_choice` and `forced_tool`."""
    if prompt.forced_tool is not None:
        return tuple(tool for tool in prompt.tools if tool.name == prompt.forced_tool)
    return () if prompt.tool_choice == "none" else prompt.tools


def must_call(prompt: Prompt) -> bool:
    """Whether this answer has to be a call."""
    return bool(callable_tools(prompt)) and (
        prompt.forced_tool is not None or prompt.tool_choice == "required"
    )


def call_written(
    template: CallTemplate, tools: Sequence[FunctionTool], lookup: Lookup, place: str
) -> Call | None:
    """Make the call that the rule at `place` has written out; None if a placeholder has no value.

    Raises `EngineError` if the tool is not among `tools`.
    """
    tool = next((each for each in tools if each.name == template.tool), None)
    if tool is None:
        offered = ", ".join(each.name for each in tools) or "none"
        raise EngineError(
            f"{place} calls the tool {template.tool!r}, which the session does not offer "
            f"(offered: {offered})",
            code="tool_not_offered",
        )
    try:
        arguments = {
            name: convert(tool, name, value) if isinstance(value, str) else value
            for name, value in _render(dict(template.arguments), lookup).items()
        }
    except _NoValueError:
        return None
    return _call(tool, arguments)


def call_named(tools: Sequence[FunctionTool], situation: Situation) -> Call | Question | None:
    """Call the tool that the user's words name, or ask for an argument that they lack.

    A short answer to such a question completes the words that it was asked about.
    """
    tool, filled = _name_and_fill(tools, situation)
    if tool is None:
        return None
    return Question(filled.question()) if filled.missing else _call(tool, filled.arguments)


def call_demanded(tools: Sequence[FunctionTool], situation: Situation) -> Call:
    """Call the tool that the words name, else the first; arguments as well as can be."""
    tool, filled = _name_and_fill(tools, situation)
    if tool is None:
        tool = tools[0]
        filled = fill_arguments(tool, situation.said)
    return _call(tool, filled.completed(situation.said))


def _name_and_fill(
    tools: Sequence[FunctionTool], situation: Situation
) -> tuple[FunctionTool | None, Filled]:
    tool = named_tool(tools, situation.said)
    if tool is not None:
        return tool, fill_arguments(tool, situation.said)
    return _name_and_complete(tools, situation) or (None, Filled({}, ()))


def _name_and_complete(
    tools: Sequence[FunctionTool], situation: Situation
) -> tuple[FunctionTool, Filled] | None:
    """The tool that was asked about before, if the words answer that question."""
    if not situation.said_before or not is_short_answer(situation.said):
        return None
    asked_about = situation.said_before[-1]
    tool = named_tool(tools, asked_about)
    if tool is None:
        return None
    before = fill_arguments(tool, asked_about)
    filled = fill_arguments(tool, f"{asked_about}, {situation.said}")
    asked = before.question() == situation.answered_before
    return (tool, filled) if asked and len(filled.missing) < len(before.missing) else None


def _render(value: Any, lookup: Lookup) -> Any:
    match value:
        case Template():
            rendered = value.render(lookup)
            if rendered is None:
                raise _NoValueError
            return rendered
        case dict():
            return {name: _render(each, lookup) for name, each in value.items()}
        case list():
            return [_render(each, lookup) for each in value]
        case _:
            return value


def _call(tool: FunctionTool, arguments: dict[str, Any]) -> Call:
    return Call(tool.name, json.dumps(arguments, ensure_ascii=False, default=str))
