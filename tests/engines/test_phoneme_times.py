from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from vivavoce.engines.base import WordTiming
from vivavoce.engines.tts.phoneme_times import batch_ends, phoneme_word_timings

TEXTS = st.text(alphabet="ab 3.,!?-—\n你好。é", max_size=60)
PHONEMES = st.text(alphabet="həˈɛ ,.!—", max_size=40)


def test_batches_with_the_words_of_the_text_end_at_words() -> None:
    assert batch_ends("Hello there. How are you?", ["həlˈoʊ ðˈɛɹ.", "hˈaʊ ɑːɹ juː?"]) == [12, 25]


def test_batches_with_other_words_end_in_proportion() -> None:
    assert batch_ends("one of the best, two", ["wˈʌn əvðə bˈɛst,", "tˈuː"]) == [16, 20]


def test_words_begin_with_their_first_phonemes() -> None:
    phonemes = [("h", 0.0), ("ə", 10.0), (",", 20.0), (" ", 30.0), ("ˈ", 40.0), ("ɛ", 50.0)]
    assert phoneme_word_timings("Hey, there", phonemes, 100) == (
        WordTiming(4, 0),
        WordTiming(10, 40),
    )


def test_without_phonemes_words_begin_in_proportion() -> None:
    words = phoneme_word_timings("aaaa bbbb cccc", (), 1_400)
    assert [word.text_end for word in words] == [4, 9, 14]
    assert [round(word.start_ms, -2) for word in words] == [100, 600, 1_000]


@given(TEXTS, st.lists(PHONEMES, max_size=5))
def test_ends_of_batches_are_in_order_and_reach_the_end(text: str, batches: list[str]) -> None:
    ends = batch_ends(text, batches)
    assert len(ends) == len(batches)
    assert all(0 <= one <= other <= len(text) for one, other in pairwise([0, *ends]))
    assert not ends or ends[-1] == len(text)


@given(TEXTS, PHONEMES)
def test_times_of_words_are_in_order_and_within_the_sound(text: str, phonemes: str) -> None:
    starts = [(phoneme, 10.0 * number) for number, phoneme in enumerate(phonemes)]
    words = phoneme_word_timings(text, starts, 10 * len(phonemes))
    assert all(0 < word.text_end <= len(text) for word in words)
    times = [word.start_ms for word in words]
    assert times == sorted(times)
    assert all(0 <= time <= 10 * len(phonemes) for time in times)
