"""Conversation items of the beta dialect, from and to those of the machine (protocol 2.7)."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from vivavoce.protocol.errors import invalid_value
from vivavoce.protocol.items import FunctionCallItem, FunctionCallOutputItem, MessageItem

Json = dict[str, Any]

GIVEN_TYPES: Mapping[str, Mapping[str, str]] = {
    "system": {"input_text": "input_text"},
    "user": {"input_text": "input_text", "input_audio": "input_audio"},
    "assistant": {"text": "output_text", "audio": "output_audio"},
}
"""What beta calls the parts of a message by its role, and what the machine calls them."""

ITEM_TYPES = ("message", "function_call", "function_call_output")
"""The items that beta has; those of MCP came with GA."""

SHOWN_TYPES = {name: old for types in GIVEN_TYPES.values() for old, name in types.items()}


def given_item(item: Any, path: str) -> Any:
    """An item that a client sent; `path` is where it stands. Raises `Refusal`.

    What has another shape than an item's is left to the check that follows.
    """
    match item:
        case {"type": "message", "role": str(role), "content": list(parts)} if role in GIVEN_TYPES:
            types = GIVEN_TYPES[role]
            content = [
                given_part(part, types, f"{path}.content[{index}]")
                for index, part in enumerate(parts)
            ]
            return {**item, "content": content}
        case {"type": str(kind)} if kind.startswith("mcp_"):
            raise invalid_value(f"{path}.type", kind, ITEM_TYPES)
        case _:
            return item


def given_part(part: Any, types: Mapping[str, str], path: str) -> Any:
    """A part of a message under the machine's name."""
    match part:
        case {"type": str(kind)} if kind in types:
            return {**part, "type": types[kind]}
        case {"type": str(kind)}:
            raise invalid_value(f"{path}.type", kind, types)
        case _:
            return part


def shown_item(item: msgspec.Struct) -> Json | None:
    """An item as beta shows it; None if it is of a type that came with GA."""
    match item:
        case MessageItem():
            content = [part for part in map(shown_part, item.content) if part is not None]
            return {
                **head(item, "message"),
                "status": item.status,
                "role": item.role,
                "content": content,
            }
        case FunctionCallItem():
            return {
                **head(item, "function_call"),
                "status": item.status,
                "name": item.name,
                "call_id": item.call_id,
                "arguments": item.arguments,
            }
        case FunctionCallOutputItem():
            status = {} if item.status is UNSET else {"status": item.status}
            return {
                **head(item, "function_call_output"),
                **status,
                "call_id": item.call_id,
                "output": item.output,
            }
        case _:
            return None


def head(item: MessageItem | FunctionCallItem | FunctionCallOutputItem, kind: str) -> Json:
    """What all items begin with."""
    return {"id": item.id, "object": "realtime.item", "type": kind}


def shown_part(part: msgspec.Struct) -> Json | None:
    """A part of a message; None if it is of a type that came with GA."""
    shown: Json = msgspec.to_builtins(part)
    if shown["type"] not in SHOWN_TYPES:
        return None
    return {**shown, "type": SHOWN_TYPES[shown["type"]]}
