"""How large what a client sends may be: much of it comes back to the client in one frame."""

import msgspec

from vivavoce.protocol.errors import refuse

MAX_SHOWN = 7 * 1024 * 1024
"""Bytes of JSON that a session or an item may be; a frame stays under 8 MiB (protocol 1.1)."""


def check_size(shown: msgspec.Struct, path: str) -> None:
    """Raises `Refusal` if a session or an item, as events show it, does not fit into a frame."""
    size = len(msgspec.json.encode(shown))
    if size > MAX_SHOWN:
        text = f"Invalid '{path}': expected at most {MAX_SHOWN} bytes of JSON, but got {size}."
        raise refuse("string_above_max_length", text, path)
