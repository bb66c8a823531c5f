import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.chunkings import cut_anywhere
from vivavoce.engines.llm.json_text import JsonEnd, JsonString

texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(texts, values, max_size=3) | st.lists(values, max_size=3), st.data())
def test_the_end_of_a_value_is_found_however_it_is_cut(value: object, data: st.DataObject) -> None:
    written = json.dumps(value)
    end, passed = JsonEnd(), 0
    for piece in cut_anywhere(written + ' and "more} ', data):
        if (position := end.receive(piece)) is not None:
            assert passed + position == len(written)
            return
        passed += len(piece)
    raise AssertionError("no end was found")


@given(texts, st.booleans(), st.data())
def test_a_string_is_decoded_however_it_is_cut(
    text: str, escaped: bool, data: st.DataObject
) -> None:
    written = json.dumps(text, ensure_ascii=escaped)[1:]
    string, said = JsonString(), ""
    *before, last = [*cut_anywhere(written[:-1], data), '"}']
    for piece in before:
        more, rest = string.receive(piece)
        said += more
        assert rest is None
    assert string.receive(last) == (text[len(said) :], "}")


def test_what_is_sure_is_said_at_once() -> None:
    string = JsonString()
    assert string.receive("Good d") == ("Good d", None)
    assert string.receive("ay\\") == ("ay", None)
    assert string.receive('n"}') == ("\n", "}")


def test_half_a_character_is_replaced() -> None:
    assert JsonString().receive('a\\ud83d b"') == ("a\ufffd b", "")


def test_an_escape_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="escape"):
        JsonString().receive("\\uzzzz and more text")
