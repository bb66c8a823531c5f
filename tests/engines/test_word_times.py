import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.engines.base import WordTiming
from vivavoce.engines.tts.word_times import word_timings


def timed(text: str, marks: list[tuple[int, int]], duration_ms: int = 1_000) -> dict[str, int]:
    start, times = 0, {}
    for word in word_timings(text, marks, duration_ms):
        times[text[start : word.text_end].strip()] = word.start_ms
        start = word.text_end
    return times


def test_marks_give_the_times_of_words() -> None:
    assert word_timings("one two", [(0, 10), (4, 400)], 1_000) == (
        WordTiming(3, 10),
        WordTiming(7, 400),
    )


def test_punctuation_belongs_to_its_word() -> None:
    assert timed("“Stop!” he said.", [(1, 0), (8, 400), (11, 600)]) == {
        "“Stop!”": 0,
        "he": 400,
        "said.": 600,
    }


def test_only_the_first_mark_of_a_word_counts() -> None:
    assert timed("21 men", [(0, 0), (1, 200), (3, 500)]) == {"21": 0, "men": 500}


def test_a_mark_that_leads_back_is_ignored() -> None:
    assert timed("one two six", [(0, 0), (8, 600), (4, 700)]) == {"one": 0, "two": 300, "six": 600}


def test_a_mark_between_words_belongs_to_the_next() -> None:
    assert timed("one  two", [(0, 0), (3, 500)]) == {"one": 0, "two": 500}


def test_a_word_without_a_mark_lies_between_its_neighbours() -> None:
    assert timed("déjà vu again", [(0, 0), (8, 800)]) == {"déjà": 0, "vu": 500, "again": 800}


def test_last_words_without_marks_lie_before_the_end() -> None:
    assert timed("one two", [(0, 0)], 700) == {"one": 0, "two": 400}


def test_a_lone_sign_is_a_word_only_if_it_is_spoken() -> None:
    assert timed("a - b", [(0, 0), (4, 500)]) == {"a": 0, "- b": 500}
    assert timed("a - b", [(0, 0), (2, 300), (4, 500)]) == {"a": 0, "-": 300, "b": 500}


def test_chinese_characters_are_words() -> None:
    assert timed("你好。今天", [(0, 0), (1, 200), (3, 500), (4, 700)]) == {
        "你": 0,
        "好。": 200,
        "今": 500,
        "天": 700,
    }


def test_a_mark_behind_the_sound_is_moved_to_its_end() -> None:
    assert timed("one two", [(0, 0), (4, 1_200)], 1_000) == {"one": 0, "two": 1_000}


@pytest.mark.parametrize("text", ["", "  ", "..."])
def test_no_words_have_no_times(text: str) -> None:
    assert word_timings(text, [], 100) == ()


@given(
    text=st.text(max_size=40),
    marks=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 2_000)), max_size=20),
    duration_ms=st.integers(0, 2_000),
)
def test_times_are_in_order_and_inside_the_sound(
    text: str, marks: list[tuple[int, int]], duration_ms: int
) -> None:
    words = word_timings(text, sorted(marks, key=lambda mark: mark[1]), duration_ms)
    ends = [word.text_end for word in words]
    times = [word.start_ms for word in words]
    assert ends == sorted(set(ends))
    assert all(0 < end <= len(text) for end in ends)
    assert times == sorted(times)
    assert all(0 <= time <= duration_ms for time in times)
