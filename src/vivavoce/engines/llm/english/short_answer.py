"""Is this the answer to a question that was asked, or something new?"""

from vivavoce.engines.llm.english.arithmetic import find_sum
from vivavoce.engines.llm.english.words import split_words, word_set

_MAX_WORDS = 5

_FILLERS = word_set("and actually so um well now okay ok oh please")
"""What people say before they begin."""

_OPENS_SOMETHING_NEW = word_set(
    """add am are bye can cancel could did divide do does forget give goodbye hello help hey hi how
    is multiply never play repeat say search show stop subtract tell thank thanks that's was were
    what what's when where where's which who who's whose why will would"""
)
"""First words of questions, requests and greetings: nobody answers `Which minutes?` with them."""


def is_short_answer(said: str) -> bool:
    """Whether `said` reads as the answer to a question: `five minutes`, `London, please`.

    It has at most five words, is no sum, and does not begin as a question or a request does.
    """
    words = [word.lower for word in split_words(said)]
    return (
        0 < len(words) <= _MAX_WORDS
        and next((word for word in words if word not in _FILLERS), "") not in _OPENS_SOMETHING_NEW
        and find_sum(said) is None
    )
