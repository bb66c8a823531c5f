import pytest

from vivavoce.protocol.errors import (
    MAX_TEXT,
    buffer_too_small,
    in_words,
    response_already_active,
    string_too_long,
    unknown_item,
    unknown_parameter,
)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["a"], "'a'"),
        (["a", "b"], "'a' and 'b'"),
        (["a", "b", "c"], "'a', 'b', and 'c'"),
    ],
)
def test_values_are_listed_as_the_live_service_does(values: list[str], words: str) -> None:
    assert in_words(values) == words


def test_the_words_that_clients_match_on() -> None:
    assert str(buffer_too_small(0)) == (
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
        "but buffer only has 0.00ms of audio."
    )
    assert str(string_too_long("item.id", 32, 40)) == (
        "Invalid 'item.id': string too long. Expected a string with maximum length 32, "
        "but got a string with length 40 instead."
    )
    assert str(unknown_item("truncate", "x")) == (
        "Error truncating item: the item with id 'x' does not exist."
    )
    assert "active response in progress: resp_1" in str(response_already_active("resp_1"))


@pytest.mark.parametrize("action", ["delete", "retrieve", "truncate"])
def test_unknown_items_have_a_code_for_each_action(action: str) -> None:
    assert unknown_item(action, "x").detail.code == f"item_{action}_invalid_item_id"


def test_what_is_quoted_is_abridged_where_nobody_would_read_it() -> None:
    short, long = unknown_parameter("session.x").detail, unknown_parameter("x" * 100_000).detail
    assert short.param == "session.x"
    assert long.param is not None
    assert max(len(long.param), len(long.message)) == MAX_TEXT + 1
    assert long.message.startswith("Unknown parameter: 'xxx")
    assert long.message.endswith("xxx'.")
