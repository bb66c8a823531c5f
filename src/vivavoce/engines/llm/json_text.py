"""JSON that is read while it is written: where a value ends, and what a string says so far."""

import json
import re


class JsonEnd:
    """Finds the end of an object or an array that comes in pieces."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def receive(self, text: str) -> int | None:
        """How many characters of this piece belong to the value if it ends here, else None."""
        for position, character in enumerate(text):
            if self._in_string:
                self._pass_in_string(character)
            elif character == '"':
                self._in_string = True
            elif character in "{[":
                self._depth += 1
            elif character in "}]":
                self._depth -= 1
                if self._depth <= 0:
                    return position + 1
        return None

    def _pass_in_string(self, character: str) -> None:
        if self._escaped:
            self._escaped = False
        elif character == "\\":
            self._escaped = True
        elif character == '"':
            self._in_string = False


# A character of a string as it may stand alone: the two halves of a surrogate pair stay together.
_WHOLE = re.compile(
    r'(?:[^"\\]'
    r"|\\[^u]"
    r"|\\u(?![dD][89abAB])[0-9a-fA-F]{4}"
    r"|\\u[dD][89abAB][0-9a-fA-F]{2}(?:\\u[0-9a-fA-F]{4}|(?=[^\\]|\\[^u])))*"
)
_LONGEST_ESCAPE = len(r"\ud83d\ude00")


class JsonString:
    """Decodes the inside of a string, up to its closing quotation mark."""

    def __init__(self) -> None:
        self._held = ""

    def receive(self, text: str) -> tuple[str, str | None]:
        """What this piece says, and what stands behind the string, None until it is closed.

        Raises `ValueError` for an escape that is none.
        """
        text = self._held + text
        end = _whole_until(text)
        said, rest = _decoded(text[:end]), text[end:]
        if rest.startswith('"'):
            return said, rest[1:]
        if len(rest) > _LONGEST_ESCAPE:
            raise ValueError(f"no escape of JSON: {rest[:_LONGEST_ESCAPE]}")
        self._held = rest
        return said, None


def _whole_until(text: str) -> int:
    found = _WHOLE.match(text)
    return found.end() if found else 0


def _decoded(inside: str) -> str:
    said: str = json.loads(f'"{inside}"', strict=False)
    # Half a surrogate pair is no character, and cannot be sent on.
    return said.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
