import pytest

from vivavoce.session.inputs import Word
from vivavoce.session.output_audio import Clause, Playback, Spoken

COUNT = Clause("one two three. ", 3000, (Word(3, 0), Word(7, 1000), Word(14, 2000)))
MORE = Clause("four five.", 2000, (Word(4, 0), Word(10, 1000)))


# --- the words that were heard ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ms", "expected"),
    [
        (0, ""),
        (999, ""),
        (1000, "one"),
        (1999, "one"),
        (2000, "one two"),
        (2999, "one two"),
        (3000, "one two three. "),
    ],
)
def test_a_word_is_heard_when_the_next_one_begins(ms: int, expected: str) -> None:
    assert COUNT.heard(ms) == expected


@pytest.mark.parametrize(
    ("ms", "expected"), [(0, ""), (600, "one"), (1500, "one two"), (3000, "one two three. ")]
)
def test_without_word_times_the_text_is_taken_in_proportion(ms: int, expected: str) -> None:
    assert Clause("one two three. ", 3000).heard(ms) == expected


def test_a_clause_that_was_cut_off_is_not_taken_whole() -> None:
    cut = Clause("one two three. ", 1500, (Word(3, 0), Word(7, 1000)), whole=False)
    assert cut.heard(1500) == "one"


def test_a_clause_that_was_cut_off_without_word_times_is_taken_in_typical_proportion() -> None:
    cut = Clause("one two three four five six. ", 500, whole=False)
    assert cut.heard(10_000) == "one two"


@pytest.mark.parametrize(
    ("ms", "expected"),
    [
        (0, ""),
        (2000, "one two"),
        (3000, "one two three."),
        (4000, "one two three. four"),
        (5000, "one two three. four five."),
        (9000, "one two three. four five."),
    ],
)
def test_speech_of_two_clauses_is_cut_in_the_right_one(ms: int, expected: str) -> None:
    assert Spoken((COUNT, MORE)).cut_at(ms).heard_text == expected


def test_uncut_speech_is_heard_whole() -> None:
    spoken = Spoken((COUNT, MORE))
    assert spoken.heard_text == "one two three. four five."
    assert spoken.left_ms == spoken.sent_ms == 5000


def test_a_bound_leaves_the_audio_and_the_clients_own_cut_takes_it() -> None:
    spoken = Spoken((COUNT, MORE))
    assert spoken.cut_at(2000).left_ms == 5000
    assert spoken.truncated_at(2000).left_ms == 2000
    assert spoken.cut_at(2000).truncated_at(4000).heard_text == "one two three. four"


def test_a_cut_is_never_behind_the_end() -> None:
    assert Spoken((COUNT,)).truncated_at(9000).left_ms == 3000


# --- what can have been played ------------------------------------------------------------------


def test_audio_plays_from_the_moment_it_is_sent() -> None:
    playback = Playback()
    playback.sent("a", 8000, now=10.0)
    assert playback.lead_s(12.5) == 5.5
    assert playback.ends_at == 18.0
    assert playback.interrupted(12.5) == {"a": 2500}


def test_items_play_one_after_the_other() -> None:
    playback = Playback()
    playback.sent("a", 8000, now=10.0)
    playback.sent("b", 1000, now=11.0)
    assert playback.interrupted(17.0) == {"a": 7000, "b": 0}


def test_what_was_played_whole_is_not_cut() -> None:
    playback = Playback()
    playback.sent("a", 8000, now=10.0)
    playback.sent("b", 1000, now=11.0)
    assert playback.interrupted(18.5) == {"b": 500}
    assert playback.interrupted(18.5) == {}


def test_audio_that_comes_late_plays_at_once() -> None:
    playback = Playback()
    playback.sent("a", 1000, now=10.0)
    playback.sent("b", 1000, now=20.0)
    assert playback.interrupted(20.25) == {"b": 250}


def test_a_gap_in_the_speech_is_not_heard_time() -> None:
    playback = Playback()
    playback.sent("a", 1000, now=10.0)
    playback.sent("a", 1000, now=20.0)
    assert playback.interrupted(20.25) == {"a": 1250}


def test_what_was_interrupted_does_not_delay_what_follows() -> None:
    playback = Playback()
    playback.sent("a", 8000, now=10.0)
    playback.interrupted(11.0)
    assert playback.lead_s(11.0) == 0.0
    playback.sent("b", 1000, now=12.0)
    assert playback.interrupted(12.5) == {"b": 500}


def test_of_what_was_never_sent_nothing_was_heard() -> None:
    playback = Playback()
    assert playback.interrupted(5.0) == {}
