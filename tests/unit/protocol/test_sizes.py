"""The bound of what comes back to a client."""

import msgspec
import pytest

from vivavoce.protocol.errors import Refusal
from vivavoce.protocol.items import InputText, MessageItem
from vivavoce.protocol.sizes import MAX_SHOWN, check_size


def message(size: int) -> MessageItem:
    """A message that is so many bytes of JSON."""
    empty = MessageItem(role="user", content=(InputText(text=""),))
    text = "x" * (size - len(msgspec.json.encode(empty)))
    return msgspec.structs.replace(empty, content=(InputText(text=text),))


def test_what_fits_is_taken_and_one_byte_more_is_not() -> None:
    check_size(message(MAX_SHOWN), "item")
    with pytest.raises(Refusal) as refusal:
        check_size(message(MAX_SHOWN + 1), "item")
    detail = refusal.value.detail
    assert (detail.code, detail.param) == ("string_above_max_length", "item")
    assert f"at most {MAX_SHOWN} bytes of JSON, but got {MAX_SHOWN + 1}" in detail.message
