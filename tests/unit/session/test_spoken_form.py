from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.session.spoken_form import Reader, SpokenForm


def spoken(text: str) -> SpokenForm:
    return Reader().read(text)


def in_turn(*clauses: str) -> list[str]:
    """What is said of clauses that follow each other."""
    reader = Reader()
    return [reader.read(clause).said for clause in clauses]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("**Yes**, it *is* __so__ and ~~not~~ otherwise.", "Yes, it is so and not otherwise."),
        ("Call `print(x)` twice.", "Call print(x) twice."),
        ("## Soup\n\n- leek\n* salt\n- [x] pot\n", "Soup\n\nleek\nsalt\npot\n"),
        ("> He said so.\n>> And so.\n", "He said so.\nAnd so.\n"),
        ("1. First.\n", "1. First.\n"),
        ("See [the docs](https://a.org/x_(y)?z=1 'Title') now.", "See the docs now."),
        ("![A cat](cat.png) sleeps.", "A cat sleeps."),
        ("As in [Knuth][1], of course.", "As in Knuth, of course."),
        ("Go to https://www.example.org/a/b?c=d#e, then.", "Go to example.org, then."),
        ("It is at www.example.org.", "It is at example.org."),
        ("<https://example.org/x> has it.", "example.org has it."),
        ("A line<br>and <b>another</b>.", "A line and another."),
        ('<a href="x.html" id=y>Here</a><Widget kind="big"/> it is</Widget>.', "Here it is."),
        ("访问https://openai.com/docs，然后继续。", "访问openai.com，然后继续。"),
        ("サイトはhttps://example.com/abcです。", "サイトはexample.comです。"),
        ("Visit https://example.com/path—then call me.", "Visit example.com—then call me."),
        ("(See **https://a.org/b**: it is there.)", "(See a.org: it is there.)"),
        ("Send mail to <bob@example.com>.", "Send mail to bob@example.com."),
        ("これは*重要*です。日本語**強調**だ", "これは重要です。日本語強調だ"),
        ("| city | heat |\n|---|---:|\n| Rome | 31 |\n", "city, heat\n\nRome, 31\n"),
        ("Above.\n\n---\n\nBelow.\n", "Above.\n\n\n\nBelow.\n"),
        ("Great 🎉! 👩‍👩‍👧 and 🇩🇪 👍🏽 won.", "Great! and won."),
        ("Press 1️⃣.", "Press 1."),
        (r"Not \*bold\*.", "Not bold."),
        ("```python\nprint(1, 2)\n```\nDone.\n", "Done.\n"),
        ("~~~~\n```\n~~~~\nDone.", "Done."),
    ],
)
def test_markup_is_not_said(text: str, said: str) -> None:
    assert spoken(text).said == said


@pytest.mark.parametrize(
    "text",
    [
        "It costs $3.50 (+ 19 % tax) — all right?",
        "3*4 is 12, and 2 * 3 is 6; a_b stays, 5 > 3, x < y.",
        "C# and F#, R&D, me@example.org, half/half.",
        "你好，世界。「再见」 مرحبا، كيف حالك؟ สวัสดี ‌می‌خواهم क्‍ष",
        " leading space, [sic] and (so on) ",
        "Wenn x<y gilt, dann ist y>x; if a<b then c>d, I <3 you, 5<x and x>3.",
        "Type Ctrl-C <Enter>, use List<String>, x <y z> w.",
    ],
)
def test_plain_text_is_said_as_it_is(text: str) -> None:
    form = spoken(text)
    assert form.said == text
    assert [form.text_end(end) for end in range(len(text) + 1)] == list(range(len(text) + 1))


def test_code_is_not_said_however_it_is_cut() -> None:
    clauses = ("Try this:\n", "```js\n", "let a = 1; ", "b = 2\n", "```\n", "It works.")
    assert in_turn(*clauses) == ["Try this:\n", "", "", "", "", "It works."]


def test_signs_of_lines_are_taken_for_such_at_the_beginning_of_a_line_only() -> None:
    assert in_turn("It is, ", "- let me see - two.\n", "- Three.") == [
        "It is, ",
        "- let me see - two.\n",
        "Three.",
    ]


def test_a_link_that_is_cut_in_two_has_no_address() -> None:
    assert in_turn("[Read this, ", "please](https://a.org/b). ") == ["[Read this, ", "please. "]


def test_a_place_in_what_is_said_is_known_in_the_text() -> None:
    text = "See **the** [docs](https://a.org) 🎉 now."
    form = spoken(text)
    ends = [len(said) for said in ("See", "See the", "See the docs", "See the docs now.")]
    assert [text[: form.text_end(end)] for end in ends] == [
        "See",
        "See **the**",
        "See **the** [docs](https://a.org) 🎉",
        text,
    ]


MARKUP = st.text(alphabet="ab 1.,*_~`#->|[]()!\\\n:/<🎉\u200d\ufe0f\u20e3", max_size=200)
ADDRESSES = st.sampled_from(["https://a.org/b?c", "[a](http://b.c)", "```\n", "| a | b |\n"])
WRITTEN = st.lists(st.one_of(MARKUP, ADDRESSES, st.text(max_size=50)), max_size=8).map("".join)


@given(st.lists(WRITTEN, max_size=5))
def test_places_are_within_the_text_and_never_go_backwards(clauses: list[str]) -> None:
    reader = Reader()
    for clause in clauses:
        form = reader.read(clause)
        ends = [form.text_end(end) for end in range(len(form.said) + 1)]
        assert len(form.origins) == len(form.said) <= 2 * len(clause)
        assert all(0 <= end <= len(clause) for end in ends)
        assert all(one <= other for one, other in pairwise(ends))


@given(WRITTEN)
def test_what_is_said_has_no_address_and_no_code(text: str) -> None:
    said = spoken(text).said
    assert "`" not in said
    assert "🎉" not in said


@given(st.text(alphabet="abc XYZ 123 äß 你好 สวั مرحبا,.;:!?'\"()%&", max_size=300))
def test_text_without_signs_is_unchanged(text: str) -> None:
    form = spoken(text)
    assert form.said == text
    assert form.text_end(len(text)) == len(text)


@given(st.text(alphabet="yzé日語 3.,:;<>*_|[(!#+-\\\n", max_size=200))
def test_no_letter_of_plain_words_is_lost_among_signs(text: str) -> None:
    def letters(of: str) -> str:
        return "".join(filter(str.isalpha, of))

    assert letters(spoken(text).said) == letters(text)


@given(
    st.text(alphabet="ab日本é。，—", min_size=1, max_size=5),
    st.sampled_from(["https://a.org", "http://www.a.org/b?c=d", "www.a.org/x"]),
    st.sampled_from(["", "。", "，", " ", "—", "です", "é"]),
)
def test_what_surrounds_an_address_is_said(before: str, address: str, after: str) -> None:
    before = before + " " if before[-1] in "ab" else before
    assert spoken(f"{before}{address}{after}").said == f"{before}a.org{after}"
