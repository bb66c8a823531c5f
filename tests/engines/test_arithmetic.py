from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.engines.llm.english.arithmetic import find_sum, spoken_number


@given(
    st.lists(st.integers(0, 999), min_size=2, max_size=5),
    st.lists(st.sampled_from("+-*"), min_size=4, max_size=4),
)
def test_sums_agree_with_pythons(numbers: list[int], signs: list[str]) -> None:
    written = "".join(
        f"{number} {sign} " for number, sign in zip(numbers, signs, strict=False)
    ).rstrip("+-* ")
    found = find_sum(f"What is {written}?")
    assert found is not None
    assert found.value() == eval(written)


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("what is seven times six", "7 times 6 is 42."),
        ("What's 7 x 6?", "7 times 6 is 42."),
        ("twelve plus thirty", "12 plus 30 is 42."),
        ("how much is forty-two minus two", "42 minus 2 is 40."),
        ("7-6", "7 minus 6 is 1."),
        ("two plus three times four", "2 plus 3 times 4 is 14."),
        ("subtract three from ten", "10 minus 3 is 7."),
        ("add five and six", "5 plus 6 is 11."),
        ("divide ten by four", "10 divided by 4 is 2.5."),
        ("ten percent of fifty", "10 percent of 50 is 5."),
        ("ten divided by three", "10 divided by 3 is about 3.3333."),
        ("three minus five", "3 minus 5 is minus 2."),
        ("minus three times minus two", "minus 3 times minus 2 is 6."),
        ("one thousand times one thousand", "1,000 times 1,000 is 1,000,000."),
        ("seven divided by zero", "Nothing can be divided by zero."),
        ("one over zero plus one", "Nothing can be divided by zero."),
    ],
)
def test_sums_are_spoken_with_their_result(said: str, answer: str) -> None:
    found = find_sum(said)
    assert found is not None
    assert found.spoken() == answer


@pytest.mark.parametrize(
    "said", ["", "forty two", "I have two cats", "three times a day", "minus four", "plus one"]
)
def test_a_number_alone_is_no_sum(said: str) -> None:
    assert find_sum(said) is None


def test_the_largest_sum_can_be_spoken() -> None:
    huge = " times ".join(["999999999999999 trillion"] * 20)
    found = find_sum(f"{huge} divided by seven")
    assert found is not None
    assert found.spoken()


@pytest.mark.parametrize(
    ("value", "spoken"),
    [("0", "0"), ("-5", "minus 5"), ("1234.5", "1,234.5"), ("0.00001", "0"), ("-0.00001", "0")],
)
def test_numbers_are_written_for_speech(value: str, spoken: str) -> None:
    assert spoken_number(Fraction(value)) == spoken
