"""The ways in which models write tool calls into their text, and how each is read.

Servers with a parser for a model's own form take it apart themselves; these are for those without
one, and for small models, which write what they have seen elsewhere.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vivavoce.protocol.prompt import FunctionTool

Tools = Mapping[str, FunctionTool]
"""The tools that a session offers, by name."""


@dataclass(frozen=True, slots=True)
class WrittenCall:
    """A call as a model wrote it. `arguments` is the JSON text of an object."""

    name: str
    arguments: str


class UnreadableCallError(ValueError):
    """A text is no call."""


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write calls: what opens it, what may close it, and how its inside is read.

    Without a closing it goes on to the end of the answer. `read` raises `UnreadableCallError`.
    """

    opening: str
    closings: tuple[str, ...]
    read: Callable[[str, Tools], list[WrittenCall]]


def read_json_calls(text: str, _: Tools) -> list[WrittenCall]:
    """One call or more as JSON, each an object, or arrays of them: `{"name": …, …}`."""
    calls = [call for value in _values(text) for call in _calls(value)]
    if not calls:
        raise UnreadableCallError("it is empty")
    return calls


def _read_tagged(text: str, tools: Tools) -> list[WrittenCall]:
    """Between `<tool_call>` tags: JSON as of Hermes, or tags as of Qwen's coders."""
    function = re.fullmatch(r"\s*<function=(.*?)(?:</function>)?\s*", text, re.DOTALL)
    return _read_function(function[1], tools) if function else read_json_calls(text, tools)


def _read_function(text: str, tools: Tools) -> list[WrittenCall]:
    """Behind `<function=`: a name, `>`, and a JSON object or tags with parameters."""
    name, closed, inside = text.partition(">")
    if not closed:
        raise UnreadableCallError("the tag of its function is not closed")
    name = name.strip().strip('"')
    if "<parameter=" in inside:
        return [WrittenCall(name, _dumped(_parameters(inside, tools.get(name))))]
    return [_call(name, _value(inside) if inside.strip() else {})]


def _read_mistral(text: str, tools: Tools) -> list[WrittenCall]:
    """Behind `[TOOL_CALLS]`: an array, or since version 11 calls as `name[ARGS]{…}`."""
    if text.lstrip().startswith(("[", "{")):
        return read_json_calls(text, tools)
    calls = []
    for call in text.split("[TOOL_CALLS]"):
        name, brace, arguments = call.replace("[ARGS]", "").partition("{")
        # Behind the name there may be an id of the call.
        calls.append(_call(name.partition("[CALL_ID]")[0].strip(), _value(brace + arguments)))
    return calls


def _read_deepseek(text: str, _: Tools) -> list[WrittenCall]:
    """`function<sep>NAME`, a line end and a fenced object; since V3.1 `NAME<sep>{…}`."""
    calls = []
    for call in re.split("<｜tool▁call▁(?:begin|end)｜>", text):
        if not call.strip():
            continue
        head, separator, tail = call.partition("<｜tool▁sep｜>")
        if not separator:
            raise UnreadableCallError("it has no arguments")
        if head.strip() == "function":
            head, _line_end, tail = tail.partition("\n")
        calls.append(_call(head.strip(), _value(re.sub("```(?:json)?", "", tail))))
    if not calls:
        raise UnreadableCallError("it is empty")
    return calls


def _read_harmony(text: str, _: Tools) -> list[WrittenCall]:
    """Behind `to=functions.`: a name, more of the header, and a message with the arguments."""
    header, message, arguments = text.partition("<|message|>")
    name = re.match(r"[\w.-]+", header)
    if not message or name is None:
        raise UnreadableCallError("it has no message")
    return [_call(name[0], _value(arguments) if arguments.strip() else {})]


FORMS = (
    Form("<tool_call>", ("</tool_call>",), _read_tagged),
    Form("<function_call>", ("</function_call>",), _read_tagged),
    Form("<function=", ("</function>",), _read_function),
    Form("<|python_tag|>", ("<|eom_id|>", "<|eot_id|>"), read_json_calls),
    Form("[TOOL_CALLS]", (), _read_mistral),
    Form("<｜tool▁calls▁begin｜>", ("<｜tool▁calls▁end｜>",), _read_deepseek),
    Form("<|channel|>commentary to=functions.", ("<|call|>",), _read_harmony),
    Form("to=functions.", ("<|call|>",), _read_harmony),
)
"""The forms whose opening means nothing else. Bare JSON is told from an answer by what it says."""


def _values(text: str) -> Iterator[Any]:
    """The JSON values in a text, one behind the other; between them may be `;` or `,`."""
    position = _behind_separators(text, 0)
    while position < len(text):
        try:
            value, position = _DECODER.raw_decode(text, position)
        except json.JSONDecodeError as error:
            raise UnreadableCallError(str(error)) from error
        yield value
        position = _behind_separators(text, position)


_DECODER = json.JSONDecoder(strict=False)  # small models put line ends into strings


def _behind_separators(text: str, position: int) -> int:
    found = re.compile(r"[\s;,]*").match(text, position)
    return found.end() if found else position


def _value(text: str) -> Any:
    values = list(_values(text))
    if len(values) != 1:
        raise UnreadableCallError("its arguments are not one JSON value")
    return values[0]


def _calls(value: Any) -> Iterator[WrittenCall]:
    """The calls in one value: `{"name", "arguments"}`, in the words of several vendors."""
    if isinstance(value, list):
        for each in value:
            yield from _calls(each)
        return
    if not isinstance(value, dict):
        raise UnreadableCallError("it is no JSON object")
    function = value.get("function")
    if isinstance(function, dict):
        yield from _calls(function)
        return
    name = value.get("name") or function
    if not isinstance(name, str):
        raise UnreadableCallError("it names no function")
    given = (value[key] for key in ("arguments", "parameters", "args") if key in value)
    yield _call(name, next(given, {}))


def _call(name: str, arguments: Any) -> WrittenCall:
    if isinstance(arguments, str):  # written as the API has it: JSON in a string
        arguments = _value(arguments) if arguments.strip() else {}
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        raise UnreadableCallError("its arguments are no JSON object")
    return WrittenCall(name, _dumped(arguments))


def _parameters(text: str, tool: FunctionTool | None) -> dict[str, Any]:
    """`<parameter=NAME>VALUE</parameter>`, where only the tool's schema tells text from numbers."""
    properties = ((tool.parameters if tool else None) or {}).get("properties", {})
    found = re.findall(r"<parameter=([^>]+)>\n?(.*?)\n?</parameter>", text, re.DOTALL)
    return {name: _typed(value, properties.get(name, {})) for name, value in found}


def _typed(value: str, schema: Any) -> Any:
    if isinstance(schema, dict) and schema.get("type") == "string":
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def _dumped(arguments: dict[str, Any]) -> str:
    return json.dumps(arguments, ensure_ascii=False)
