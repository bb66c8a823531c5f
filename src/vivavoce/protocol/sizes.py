"""How large, and how deep, what a client sends may be: much of it comes back in one frame."""

from collections.abc import Iterator

import msgspec

from vivavoce.protocol.errors import Refusal, refuse

MAX_SHOWN = 7 * 1024 * 1024
"""Bytes of JSON that a session or an item may be; a frame stays under 8 MiB (protocol 1.1)."""

MAX_DEPTH = 100
"""Objects and arrays inside of each other. Whatever walks or encodes a value does so recursively,
and a JSON schema that a model can follow is far from this."""


def check_size(shown: msgspec.Struct, path: str) -> None:
    """Raises `Refusal` if a session or an item, as events show it, does not fit into a frame."""
    size = len(msgspec.json.encode(shown))
    if size > MAX_SHOWN:
        text = f"Invalid '{path}': expected at most {MAX_SHOWN} bytes of JSON, but got {size}."
        raise refuse("string_above_max_length", text, path)


def is_too_deep(value: object) -> bool:
    """Whether a value of the protocol, or JSON as Python has it, is deeper than `MAX_DEPTH`.

    It is walked level by level, so that no depth can overflow the stack.
    """
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in within(outer) if is_container(inner)]
        if not level:
            return False
    return True


def too_deep() -> Refusal:
    """A frame, or a session, with more inside of each other than anything has a use for."""
    text = f"At most {MAX_DEPTH} objects and arrays may be inside of each other."
    return refuse("invalid_value", text)


def size_of(value: object) -> int:
    """The characters of all texts in a value of the protocol, the keys of its objects included."""
    size = 0
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, str):
            size += len(inner)
        elif isinstance(inner, dict):
            waiting += inner
            waiting += inner.values()
        else:
            waiting += within(inner)
    return size


def within(value: object) -> Iterator[object]:
    """What a value holds directly; nothing if it is no container."""
    match value:
        case dict():
            yield from value.values()
        case list() | tuple():
            yield from value
        case msgspec.Struct():
            for name in value.__struct_fields__:
                yield getattr(value, name)


def is_container(value: object) -> bool:
    """Whether a value may hold others."""
    return isinstance(value, dict | list | tuple | msgspec.Struct)
