"""The bounds of what a client sends."""

from typing import Any

import msgspec
import pytest

from vivavoce.protocol.errors import Refusal
from vivavoce.protocol.items import InputText, McpListedTool, McpListToolsItem, MessageItem
from vivavoce.protocol.sizes import MAX_DEPTH, MAX_SHOWN, check_size, is_too_deep, size_of


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


def nested(depth: int) -> Any:
    """So many objects and arrays inside of each other, by turns."""
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


@pytest.mark.parametrize(("depth", "too_deep"), [(0, False), (MAX_DEPTH, False), (5000, True)])
def test_json_may_be_so_deep(depth: int, too_deep: bool) -> None:
    assert is_too_deep(nested(depth)) is too_deep
    assert is_too_deep(nested(MAX_DEPTH + 1))


def test_the_depth_of_a_value_counts_its_structs() -> None:
    def listing(depth: int) -> McpListToolsItem:
        tool = McpListedTool(name="roll", input_schema={"a": nested(depth)})
        return McpListToolsItem(server_label="dice", tools=(tool,))

    assert not is_too_deep(listing(MAX_DEPTH - 4))
    assert is_too_deep(listing(MAX_DEPTH - 3))


def test_a_size_is_that_of_all_texts_however_deep() -> None:
    tool = McpListedTool(name="roll", input_schema={"key": ["four", {"a": nested(5000)}]})
    assert size_of(tool) == len("rollkeyfoura") + 2500
    assert size_of(None) == 0
