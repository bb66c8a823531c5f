"""Tools for models that were not made to call them: described in words, and held to by a schema.

The server lets the model write nothing but a JSON object by the schema: the call of a tool, or of
a function that means to just answer. llama.cpp, vLLM, SGLang, Ollama and LM Studio can do that
(`response_format` of type `json_schema`).
"""

import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import msgspec

from vivavoce.engines.llm.answer_options import NoAction
from vivavoce.protocol.prompt import FunctionTool, Message, Prompt

_MESSAGE = "message"
"""The one argument of the function that just answers."""


def callable_tools(prompt: Prompt) -> tuple[FunctionTool, ...]:
    """The tools that an answer to this prompt may call."""
    if prompt.forced_tool is not None:
        return tuple(tool for tool in prompt.tools if tool.name == prompt.forced_tool)
    return () if prompt.tool_choice == "none" else prompt.tools


def answering_tool(prompt: Prompt, no_action: NoAction) -> FunctionTool | None:
    """The function that just answers; None where a tool has to be called.

    Its name gets as many `_` at its end as it takes to differ from the session's tools.
    """
    must_call = prompt.forced_tool is not None or prompt.tool_choice == "required"
    if must_call or not no_action.enabled:
        return None
    name = no_action.name
    while any(tool.name == name for tool in prompt.tools):
        name += "_"
    parameters = {
        "type": "object",
        "properties": {_MESSAGE: {"type": "string", "description": "What to say to the user"}},
        "required": [_MESSAGE],
        "additionalProperties": False,
    }
    return FunctionTool(name=name, description=no_action.description, parameters=parameters)


def constrained_prompt(prompt: Prompt, answering: FunctionTool | None) -> Prompt:
    """The same prompt in words that need no support for tools.

    Calls and their results become text, and neighbours of one role become one message: many
    templates accept no others.
    """
    callable_now = (*([answering] if answering else []), *callable_tools(prompt))
    described = _description(callable_now, answering) if callable_tools(prompt) else ""
    return msgspec.structs.replace(
        prompt,
        instructions="\n\n".join(part for part in (prompt.instructions, described) if part),
        messages=tuple(_joined(map(_in_words, prompt.messages))),
        tools=(),
        tool_choice="auto",
        forced_tool=None,
    )


def answer_schema(
    tools: Sequence[FunctionTool], answering: FunctionTool | None, *, parallel: bool
) -> dict[str, Any]:
    """The JSON schema of an answer: one call, or where calls may be parallel an array of them."""
    definitions: dict[str, Any] = {}
    calls = [_call_schema(tool, definitions) for tool in tools]
    if parallel:
        calls = [{"type": "array", "items": _any_of(calls), "minItems": 1}]
    if answering is not None:
        calls.insert(0, _call_schema(answering, definitions))
    schema = _any_of(calls)
    return {**schema, "$defs": definitions} if definitions else schema


def response_format(schema: dict[str, Any]) -> dict[str, Any]:
    """The field of a chat completions request that holds the answer to a schema."""
    return {
        "type": "json_schema",
        "json_schema": {"name": "call", "strict": True, "schema": schema},
    }


def _any_of(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _call_schema(tool: FunctionTool, definitions: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "name": {"const": tool.name},
            "arguments": _arguments_schema(tool, definitions),
        },
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def _arguments_schema(tool: FunctionTool, definitions: dict[str, Any]) -> dict[str, Any]:
    schema = tool.parameters or {"type": "object", "properties": {}, "additionalProperties": False}
    if "$ref" not in json.dumps(schema):
        return schema
    # References count from the root, which this schema is no longer: its new place goes in front.
    place = f"#/$defs/{tool.name}"
    definitions[tool.name] = _moved(schema, place)
    return {"$ref": place}


def _moved(schema: Any, place: str) -> Any:
    match schema:
        case {"$ref": str(reference), **others} if reference.startswith("#"):
            return {"$ref": place + reference[1:], **_moved(others, place)}
        case dict():
            return {key: _moved(value, place) for key, value in schema.items()}
        case list():
            return [_moved(value, place) for value in schema]
        case _:
            return schema


def _description(tools: Iterable[FunctionTool], answering: FunctionTool | None) -> str:
    lines = [
        "You can call these functions:",
        *(json.dumps(_described(tool), ensure_ascii=False) for tool in tools),
        'Write nothing but JSON: {"name": the function, "arguments": an object}.',
    ]
    if answering is not None:
        example = {"name": answering.name, "arguments": {_MESSAGE: "Hello!"}}
        lines.append(f"To talk to the user: {json.dumps(example)}")
    return "\n".join(lines)


def _described(tool: FunctionTool) -> dict[str, Any]:
    described = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters or {},
    }
    return {key: value for key, value in described.items() if value is not None}


def _in_words(message: Message) -> Message:
    if message.role == "tool":
        return Message(role="user", text=f"The function returned: {message.text}")
    if not message.tool_calls:
        return message
    calls = [
        f'{{"name": {json.dumps(call.name)}, "arguments": {call.arguments or "{}"}}}'
        for call in message.tool_calls
    ]
    written = calls[0] if len(calls) == 1 else f"[{', '.join(calls)}]"
    return Message(role="assistant", text="\n".join(filter(None, (message.text, written))))


def _joined(messages: Iterable[Message]) -> Iterable[Message]:
    for role, group in groupby(messages, key=lambda message: message.role):
        same = list(group)
        yield Message(
            role=role,
            text="\n".join(message.text for message in same if message.text),
            images=tuple(image for message in same for image in message.images),
        )
