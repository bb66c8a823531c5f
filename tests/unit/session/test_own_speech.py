import math
from dataclasses import dataclass, field

import pytest

from vivavoce.session.inputs import Word
from vivavoce.session.own_speech import BEHIND_S, KEPT_S, SpokenAloud, is_like

TEXT = "It opens at seven, and closes at noon."


@dataclass
class Clause:
    text: str = TEXT
    words: list[Word] = field(default_factory=list)
    ends_at: float = math.inf


def timed() -> Clause:
    """One word a second."""
    ends = [*(at for at, letter in enumerate(TEXT) if letter == " "), len(TEXT)]
    return Clause(words=[Word(end, 1000 * number) for number, end in enumerate(ends)])


def words(text: str) -> list[str]:
    return text.split()


def test_the_words_of_the_moment_are_those_of_just_before() -> None:
    aloud = SpokenAloud()
    aloud.begins(timed(), 100.0)
    assert words(aloud.between(104.0, 105.0)) == ["at", "seven,", "and", "closes"]
    assert aloud.between(90.0, 99.0) == ""


def test_a_clause_without_word_times_is_there_as_a_whole() -> None:
    aloud = SpokenAloud()
    aloud.begins(Clause(), 100.0)
    assert aloud.between(101.0, 102.0) == TEXT


def test_a_clause_without_word_times_is_gone_two_seconds_after_its_end() -> None:
    aloud = SpokenAloud()
    aloud.begins(Clause(ends_at=103.0), 100.0)
    assert aloud.between(103.0 + BEHIND_S, 106.0) == TEXT
    assert aloud.between(103.1 + BEHIND_S, 106.0) == ""


def test_a_clause_that_was_cut_short_is_gone_two_seconds_after_the_cut() -> None:
    aloud = SpokenAloud()
    aloud.begins(Clause(), 100.0)
    aloud.cut(101.0)
    assert aloud.between(101.1 + BEHIND_S, 106.0) == ""


def test_a_clause_that_still_plays_is_not_forgotten() -> None:
    aloud = SpokenAloud()
    aloud.begins(Clause(ends_at=2 * KEPT_S), 0.0)
    aloud.begins(Clause("Now."), KEPT_S + 1)
    assert aloud.between(KEPT_S, KEPT_S + 1) == f"{TEXT} Now."


def test_words_that_were_cut_off_were_not_said() -> None:
    aloud = SpokenAloud()
    aloud.begins(timed(), 100.0)
    aloud.cut(101.5)
    aloud.begins(Clause("Sorry."), 102.0)
    assert words(aloud.between(102.0, 110.0)) == ["It", "opens", "Sorry."]


def test_what_was_said_long_ago_is_forgotten() -> None:
    aloud = SpokenAloud()
    aloud.begins(Clause("Long ago.", ends_at=0.5), 0.0)
    aloud.begins(Clause("Now."), KEPT_S + 1)
    assert aloud.between(0.0, KEPT_S + 1) == "Now."


@pytest.mark.parametrize(
    "heard",
    ["opens at seven and closes", "It opens at 7 and closes at noon", "at SEVEN", "noon"],
)
def test_an_echo_is_like_what_is_said(heard: str) -> None:
    assert is_like(heard, TEXT)


@pytest.mark.parametrize(
    "heard", ["no, seven o'clock", "what about Sunday", "", "and when does it close", "stop"]
)
def test_what_a_user_says_is_not(heard: str) -> None:
    assert not is_like(heard, TEXT)


def test_scripts_without_spaces_are_compared_by_letters() -> None:
    assert is_like("七点开门", "这家店七点开门。")
    assert not is_like("几点关门呢", "这家店七点开始。")
