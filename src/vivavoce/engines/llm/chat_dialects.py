"""Reads chunks of servers that write the protocol their own way.

Mistral's writes content as a list of parts, thoughts among them; others write a call's arguments
as an object, ids as numbers, or counts of tokens as fractions. All mean what the protocol says
otherwise, so they are rewritten, and only if a chunk is not as it should be.
"""

from typing import Any

import msgspec

from vivavoce.engines.llm.chat_chunk import Chunk


def read_chunk(data: str) -> Chunk:
    """The chunk in the data of an event. Raises `msgspec.DecodeError` for what is none."""
    try:
        return msgspec.json.decode(data, type=Chunk)
    except msgspec.ValidationError:
        written = msgspec.json.decode(data)
        if not isinstance(written, dict):
            raise
        return msgspec.convert(_usual(written), Chunk)


def _usual(chunk: dict[str, Any]) -> dict[str, Any]:
    """The chunk as the protocol has it; what cannot be read is left as it is."""
    usual = dict(chunk)
    if isinstance(usage := chunk.get("usage"), dict):
        usual["usage"] = _counts(usage)
    if isinstance(choices := chunk.get("choices"), list):
        usual["choices"] = [_choice(each) if isinstance(each, dict) else each for each in choices]
    return usual


def _counts(usage: dict[str, Any]) -> dict[str, Any]:
    counts: dict[str, Any] = {}
    for name, count in usage.items():
        if isinstance(count, dict):
            counts[name] = _counts(count)
        else:
            counts[name] = round(count) if isinstance(count, float) else count
    return counts


def _choice(choice: dict[str, Any]) -> dict[str, Any]:
    messages = {
        name: _message(choice[name])
        for name in ("delta", "message")
        if isinstance(choice.get(name), dict)
    }
    return choice | messages


def _message(message: dict[str, Any]) -> dict[str, Any]:
    usual = dict(message)
    if isinstance(content := message.get("content"), list):
        usual["content"] = _words(content, "text")
        if thoughts := _words(content, "thinking"):
            usual["reasoning"] = thoughts
    if isinstance(usual.get("reasoning"), dict | list):
        usual["reasoning"] = msgspec.json.encode(usual["reasoning"]).decode()
    if isinstance(calls := message.get("tool_calls"), list):
        usual["tool_calls"] = [_call(each) if isinstance(each, dict) else each for each in calls]
    return usual


def _words(parts: list[Any], kind: str) -> str:
    """The text of the parts of this kind, which may have parts themselves."""
    words = ""
    for part in parts:
        if isinstance(part, dict) and part.get("type") == kind:
            inside = part.get(kind)
            words += _words(inside, "text") if isinstance(inside, list) else str(inside or "")
    return words


def _call(call: dict[str, Any]) -> dict[str, Any]:
    usual = dict(call)
    if isinstance(call.get("id"), int):
        usual["id"] = str(call["id"])
    function = call.get("function")
    if isinstance(function, dict) and isinstance(arguments := function.get("arguments"), dict):
        usual["function"] = function | {"arguments": msgspec.json.encode(arguments).decode()}
    return usual
