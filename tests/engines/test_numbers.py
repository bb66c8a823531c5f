from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.engines.llm.english.numbers import read_number

SMALL, TENS = (
    words.split()
    for words in (
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen",
        "zero ten twenty thirty forty fifty sixty seventy eighty ninety",
    )
)


def spell(number: int) -> list[str]:
    """A number in words, as they are said in Britain."""
    for size, name in ((10**9, "billion"), (10**6, "million"), (1000, "thousand")):
        if number >= size:
            joint = ["and"] if 0 < number % size < 100 else []
            return [*spell(number // size), name, *joint, *spell_rest(number % size)]
    if number >= 100:
        joint = ["and"] if number % 100 else []
        return [*spell(number // 100), "hundred", *joint, *spell_rest(number % 100)]
    if number >= 20:
        return [TENS[number // 10], *spell_rest(number % 10)]
    return [SMALL[number]]


def spell_rest(number: int) -> list[str]:
    return spell(number) if number else []


def read(words: Sequence[str]) -> tuple[float, int] | None:
    """The number at the beginning, and how many words it takes."""
    found = read_number(words, 0)
    return found and (float(found[0]), found[1])


@given(st.integers(0, 10**12 - 1))
def test_every_number_is_read_as_it_was_spelled(number: int) -> None:
    words = spell(number)
    assert read(words) == (number, len(words))
    american = [word for word in words if word != "and"]
    assert read(american) == (number, len(american))


@given(st.integers(0, 10**15 - 1))
def test_digits_are_read_with_and_without_commas(number: int) -> None:
    assert read([str(number)]) == (number, 1)
    assert read([f"{number:,}"]) == (number, 1)


@pytest.mark.parametrize(
    ("spoken", "value"),
    [
        ("a hundred", 100),
        ("a thousand and one", 1001),
        ("twelve hundred", 1200),
        ("5 million", 5_000_000),
        ("three point one four", 3.14),
        ("3 point 5", 3.5),
        ("2.5", 2.5),
        ("zero point five", 0.5),
        ("two and a half", 2.5),
    ],
)
def test_numbers_as_people_say_them(spoken: str, value: float) -> None:
    words = spoken.split()
    assert read(words) == (value, len(words))


@pytest.mark.parametrize(
    ("spoken", "value", "used"),
    [
        ("five and six", 5, 1),
        ("two three", 2, 1),
        ("twenty twenty", 20, 1),
        ("ten one", 10, 1),
        ("forty two cats", 42, 2),
        ("a hundred and cats", 100, 2),
        ("one thousand one million", 1001, 3),
        ("two point cats", 2, 1),
    ],
)
def test_a_number_ends_where_english_ends_it(spoken: str, value: int, used: int) -> None:
    assert read(spoken.split()) == (value, used)


@pytest.mark.parametrize("spoken", ["cats", "a cat", "hundred", "and one", "", "9" * 16])
def test_other_words_are_no_number(spoken: str) -> None:
    assert read(spoken.split()) is None
