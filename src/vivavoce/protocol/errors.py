"""What is told to a client that erred, in the codes and words of the live service (protocol 6).

Inside rings 0 and 1 a mistake of the client travels as a `Refusal`, raised where it is found and
caught in one place, the machine's door; nothing has been changed by then.
"""

from collections.abc import Iterable

import msgspec

MAX_TEXT = 4096
"""Characters of an error's message."""


class ErrorDetail(msgspec.Struct, frozen=True, kw_only=True):
    """The `error` object of an `error` event (protocol 6).

    `param` is the path of the field at fault, `event_id` the id the client gave its event.
    """

    type: str = "invalid_request_error"
    code: str | None
    message: str
    param: str | None = None
    event_id: str | None = None


class Refusal(Exception):  # noqa: N818 - it is not an error of ours, but an outcome
    """A client's event is refused; `detail` says what was wrong and where."""

    def __init__(self, detail: ErrorDetail) -> None:
        super().__init__(detail.message)
        self.detail = detail


def refuse(code: str | None, message: str, param: str | None = None) -> Refusal:
    """A refusal with this code, text and path.

    Both may quote what the client sent, however long that was, and are then abridged.
    """
    path = None if param is None else abridged(param)
    return Refusal(ErrorDetail(code=code, message=abridged(message), param=path))


def abridged(text: str) -> str:
    """The text without its middle, where it is longer than anybody reads."""
    half = MAX_TEXT // 2
    return text if len(text) <= MAX_TEXT else f"{text[:half]}…{text[-half:]}"


def in_words(values: Iterable[str]) -> str:
    """`'a', 'b', and 'c'`, as the live service lists what it supports."""
    quoted = [f"'{value}'" for value in values]
    if len(quoted) < 3:
        return " and ".join(quoted)
    return f"{', '.join(quoted[:-1])}, and {quoted[-1]}"


def invalid_value(param: str, value: str, supported: Iterable[str]) -> Refusal:
    """A value outside a closed set."""
    text = f"Invalid value: '{value}'. Supported values are: {in_words(supported)}."
    return refuse("invalid_value", text, param)


def unsupported(param: str, reason: str) -> Refusal:
    """A field that is known, but that this server cannot honour; `reason` is a sentence."""
    return refuse("invalid_value", f"Unsupported value for '{param}': {reason}", param)


def unknown_parameter(param: str) -> Refusal:
    """A key that is not in the protocol."""
    return refuse("unknown_parameter", f"Unknown parameter: '{param}'.", param)


def missing_parameter(param: str) -> Refusal:
    """A required key is absent."""
    return refuse("missing_required_parameter", f"Missing required parameter: '{param}'.", param)


def string_too_long(param: str, limit: int, length: int) -> Refusal:
    """A string beyond its limit (protocol 6.1)."""
    text = (
        f"Invalid '{param}': string too long. Expected a string with maximum length {limit}, "
        f"but got a string with length {length} instead."
    )
    return refuse("string_above_max_length", text, param)


def unknown_item(action: str, item_id: str) -> Refusal:
    """`action` is `delete`, `retrieve` or `truncate`; protocol 6.1 has a code for each."""
    doing = {"delete": "deleting", "retrieve": "retrieving", "truncate": "truncating"}[action]
    text = f"Error {doing} item: the item with id '{item_id}' does not exist."
    return refuse(f"item_{action}_invalid_item_id", text)


def duplicate_item(item_id: str) -> Refusal:
    """A second item with an id that is in use (protocol 6.1)."""
    text = f"Error adding item: an item with id '{item_id}' already exists."
    return refuse("item_create_duplicate_item_id", text)


def unknown_call(call_id: str) -> Refusal:
    """The output of a call that nobody made (protocol 6.1)."""
    return refuse("invalid_tool_call_id", f"Tool call ID '{call_id}' not found in conversation.")


def duplicate_call(call_id: str, path: str) -> Refusal:
    """A second call with an id, or a second output of one: the model could not tell them apart."""
    text = f"Tool call ID '{call_id}' is in use: a call has an id of its own, and one output."
    return refuse("invalid_tool_call_id", text, f"{path}.call_id")


def conversation_too_large(items: int, characters: int) -> Refusal:
    """A conversation that has no room for more."""
    text = (
        f"The conversation is full: it may have {items} items, with {characters} characters of "
        "text and pictures. Delete items that are not needed any more."
    )
    return refuse("conversation_too_large", text)


def buffer_too_small(buffered_ms: float) -> Refusal:
    """A commit of less than 100 ms (protocol 6.1)."""
    return refuse(
        "input_audio_buffer_commit_empty",
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of "
        f"audio, but buffer only has {buffered_ms:.2f}ms of audio.",
    )


def response_already_active(response_id: str) -> Refusal:
    """A second response in the default conversation (protocol 5.19)."""
    return refuse(
        "conversation_already_has_active_response",
        f"Conversation already has an active response in progress: {response_id}. "
        "Wait until the response is finished before creating a new one.",
    )
