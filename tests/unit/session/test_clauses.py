import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.session.clauses import LONGEST, next_break, speakable


def pieces(text: str) -> list[str]:
    """All pieces of a text that is whole."""
    found: list[str] = []
    while text:
        end = next_break(text, first=not found, finished=True)
        assert end is not None
        assert 0 < end <= len(text)
        found.append(text[:end])
        text = text[end:]
    return found


def streamed(chunks: list[str]) -> list[str]:
    """The pieces of a text that arrives bit by bit."""
    found: list[str] = []
    rest = ""
    for chunk in [*chunks, None]:
        rest += chunk or ""
        while end := next_break(rest, first=not found, finished=chunk is None):
            found.append(rest[:end])
            rest = rest[end:]
    assert rest == ""
    return found


PROSE = st.text(alphabet="abc d,.!?;:\n…。、“”() 3", max_size=400)


@given(st.one_of(PROSE, st.text()))
def test_the_pieces_joined_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text


@given(st.lists(PROSE, max_size=20))
def test_the_pieces_of_a_stream_joined_are_the_text(chunks: list[str]) -> None:
    assert "".join(streamed(chunks)) == "".join(chunks)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sure, I can do that. Right away.", ["Sure, ", "I can do that. ", "Right away."]),
        ("Yes. I can.", ["Yes. I can."]),
        ("Well... Let me see.", ["Well... ", "Let me see."]),
        ('He said "Stop!" and left.', ['He said "Stop!" ', "and left."]),
        ("It costs 3.50 euros, sir.", ["It costs 3.50 euros, ", "sir."]),
        ("你好，世界。再见。", ["你好，世界。", "再见。"]),
        ("One line\nand another", ["One line\n", "and another"]),
        ("no end at all", ["no end at all"]),
        ("", []),
    ],
)
def test_where_texts_are_cut(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


def test_only_the_first_piece_is_a_short_clause() -> None:
    text = "Well, yes, no, perhaps, who knows, but let us see what it is, then. "
    first, second, *_ = pieces(text)
    assert first == "Well, "
    assert len(second) > 40


def test_a_piece_that_goes_on_and_on_is_cut_at_a_space() -> None:
    text = "word " * 200
    assert all(len(piece) <= LONGEST + 5 for piece in pieces(text))


def test_nothing_is_cut_while_it_may_go_on() -> None:
    assert next_break("It costs 3.", first=True, finished=False) is None
    assert next_break("Stop it!", first=True, finished=False) is None
    assert next_break("Stop it! ", first=True, finished=False) == 9


@pytest.mark.parametrize(
    ("text", "expected"), [("a", True), ("5", True), ("再", True), (" \n", False), ("…!", False)]
)
def test_what_can_be_spoken(text: str, expected: bool) -> None:
    assert speakable(text) is expected


def test_a_text_without_spaces_is_cut_too() -> None:
    assert [len(piece) for piece in pieces("a" * 3 * LONGEST)] == [2 * LONGEST + 1, LONGEST - 1]
