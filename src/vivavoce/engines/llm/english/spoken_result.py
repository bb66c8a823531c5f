"""What a tool gave back, as a sentence: a client's tools mostly answer in JSON."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import msgspec

from vivavoce.engines.llm.english.arithmetic import spoken_number
from vivavoce.engines.llm.english.words import identifier_words, spoken_list

_MAX_SPOKEN = 8
_MAX_DEPTH = 4
_DONE = ({"ok": True}, {"success": True}, {"status": "ok"}, {"status": "success"})


def spoken_result(output: str) -> str:
    """Turn the output of a tool into something to say; text that is not JSON stays as it is."""
    try:
        value = msgspec.json.decode(output)
    except (msgspec.DecodeError, RecursionError):
        return output.strip() or "That is done."
    if value in (None, "", [], {}) or value in _DONE:
        return "That is done."
    if isinstance(value, dict):
        return _sentence(_spoken_object(value))
    return _sentence(_spoken_value(value))


def _spoken_object(fields: dict[str, Any]) -> str:
    error = fields.get("error")
    if error:
        message = error.get("message", error) if isinstance(error, dict) else error
        return f"That did not work: {_spoken_value(message)}"
    return spoken_list(_cut(list(_spoken_fields("the", fields))))


def _spoken_fields(name: str, fields: dict[str, Any], depth: int = 1) -> Iterator[str]:
    """Say each field; the names of nested ones are put together: `the wind speed is 3`."""
    for key, value in fields.items():
        words = " ".join(identifier_words(key)).removeprefix("is ") or key
        if isinstance(value, dict) and value and depth < _MAX_DEPTH:
            yield from _spoken_fields(f"{name} {words}", value, depth + 1)
        else:
            yield f"{name} {words} is {_spoken_value(value, depth)}"


def _spoken_value(value: Any, depth: int = 1) -> str:
    match value:
        case None:
            return "unknown"
        case bool():
            return "yes" if value else "no"
        case int():
            return str(value)
        case float():
            return spoken_number(Fraction(value))
        case str():
            return value.strip()
        case _ if not value:
            return "empty"
        case _ if depth == _MAX_DEPTH:
            return "something longer"
        case dict():
            return spoken_list(_cut(list(_spoken_fields("the", value, depth + 1))))
        case _:
            return spoken_list(_cut([_spoken_value(each, depth + 1) for each in value]))


def _cut(items: list[str]) -> list[str]:
    if len(items) <= _MAX_SPOKEN:
        return items
    return [*items[:_MAX_SPOKEN], f"{len(items) - _MAX_SPOKEN} more"]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text[-1:] in (".", "!", "?") else ".")
