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


SCRIPTS = st.text(
    alphabet="ab 3.,!?\n你好吗。，、「」：สวัสดี้ ครับمرحبا؟،؛۔नमस्ते।é\u0301👩\u200d",
    max_size=700,
)
PROSE = st.text(alphabet="abc d,.!?;:\n…。、“”() 3", max_size=400)


@given(st.one_of(PROSE, st.text()))
def test_the_pieces_joined_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text


@given(SCRIPTS)
def test_pieces_of_every_script_joined_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text


@given(st.lists(st.one_of(PROSE, SCRIPTS), max_size=20))
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
        ("你好，世界。再见。", ["你好，", "世界。", "再见。"]),
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
    assert [len(piece) for piece in pieces("a" * 3 * LONGEST)] == [2 * LONGEST, LONGEST]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ask Dr. Smith about it. He knows.", ["Ask Dr. Smith about it. ", "He knows."]),
        ("Come at 5 p.m. on Monday. Bye.", ["Come at 5 p.m. on Monday. ", "Bye."]),
        ("Fruit (e.g. apples) is fine. Bye.", ["Fruit (e.g. apples) is fine. ", "Bye."]),
        ("J. R. R. Tolkien wrote it. Yes.", ["J. R. R. Tolkien wrote it. ", "Yes."]),
        ("Das ist z. B. gut. Ja.", ["Das ist z. B. gut. ", "Ja."]),
        ("1. Take the eggs. 2. Beat them.", ["1. Take the eggs. ", "2. Beat them."]),
        ("So did I. Then we left.", ["So did I. ", "Then we left."]),
        ("No. I do not. Never.", ["No. I do not. ", "Never."]),
        ("Es ist am 3. Mai um zehn. Ja.", ["Es ist am 3. Mai um zehn. ", "Ja."]),
        ("Sonntag, 12. Dezember. Ja.", ["Sonntag, ", "12. Dezember. ", "Ja."]),
        ("Das war im 19. Jahrhundert. Ja.", ["Das war im 19. Jahrhundert. ", "Ja."]),
        ("Der 2. Weltkrieg. Ja.", ["Der 2. Weltkrieg. ", "Ja."]),
        ("You have 3. Then we have 12. Well.", ["You have 3. ", "Then we have 12. ", "Well."]),
    ],
)
def test_a_dot_inside_a_word_ends_nothing(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("好的，我明白了。请稍等！", ["好的，", "我明白了。", "请稍等！"]),
        (
            "はい、わかりました。少々お待ちください。",
            ["はい、", "わかりました。", "少々お待ちください。"],
        ),
        ("会议在10：30开始。请准时。", ["会议在10：30开始。", "请准时。"]),
        ("مرحبا، كيف حالك؟ أنا بخير.", ["مرحبا، ", "كيف حالك؟ ", "أنا بخير."]),
        ("یہ ایک جملہ ہے۔ شکریہ۔", ["یہ ایک جملہ ہے۔ ", "شکریہ۔"]),
        ("नमस्ते। आप कैसे हैं?", ["नमस्ते। ", "आप कैसे हैं?"]),
        ("สวัสดีครับ วันนี้อากาศดี", ["สวัสดีครับ ", "วันนี้อากาศดี"]),
    ],
)
def test_each_script_is_cut_at_its_own_marks(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


@given(SCRIPTS)
def test_only_so_much_text_is_ever_waited_for(text: str) -> None:
    end = next_break(text + "x" * 2 * LONGEST, first=True, finished=False)
    assert end is not None
    assert end <= 2 * LONGEST


@given(st.lists(st.one_of(PROSE, SCRIPTS, st.text()), max_size=10))
def test_no_piece_of_a_stream_is_longer_than_the_bound(chunks: list[str]) -> None:
    assert all(len(piece) <= 2 * LONGEST for piece in streamed(chunks))


@pytest.mark.parametrize(
    "text", ["「元気です。」と言いました。", "（他来了。）好。", "他说：“好。”然后走了。"]
)
def test_what_closes_behind_a_full_stop_stays_with_its_sentence(text: str) -> None:
    for found in (pieces(text), streamed(list(text))):
        assert "".join(found) == text
        assert not [piece for piece in found if piece[0] in "」）”"]


@pytest.mark.parametrize("text", ["Es ist am 3. Mai um zehn. Ja.", "Sonntag, 12. Dezember. Ja."])
def test_an_ordinal_is_known_however_it_comes(text: str) -> None:
    assert streamed(list(text)) == pieces(text)


def test_ideographs_without_marks_are_cut_sooner() -> None:
    assert len(pieces("字" * 300)[0]) < LONGEST


def test_a_letter_is_not_parted_from_its_marks() -> None:
    text = "a" + "e\u0301" * 2 * LONGEST
    assert all(not piece.startswith("\u0301") for piece in pieces(text))
