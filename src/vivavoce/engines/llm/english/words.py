"""Text cut into words: what the scripted model's readers of numbers and tools look at."""

import re
from dataclasses import dataclass

_WORD = re.compile(
    r"""\d[\d,]*(?:\.\d+)?              # 42  1,000  3.5
      | [^\W\d_]+(?:['’][^\W\d_]+)*     # london  what's
      | [-+*/%×÷−]                      # the signs of arithmetic
    """,
    re.VERBOSE,
)
# "forty-two" is two words; "7-6" keeps its sign.
_HYPHEN = re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])")


@dataclass(frozen=True, slots=True)
class Word:
    """One word or sign. `start` and `end` are its place in the text, in characters."""

    lower: str
    start: int
    end: int


def split_words(text: str) -> tuple[Word, ...]:
    """Cut `text` into words and signs; other punctuation is passed over."""
    spaced = _HYPHEN.sub(" ", text)
    return tuple(
        Word(m[0].lower().replace("’", "'"), m.start(), m.end()) for m in _WORD.finditer(spaced)
    )


def word_set(words: str) -> frozenset[str]:
    """The words of a string as a set: how the word lists of this package are written."""
    return frozenset(words.split())


def stem(word: str) -> str:
    """Take the plural and the possessive off a lower-case English word, roughly."""
    word = word.removesuffix("'s")
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word


def identifier_words(identifier: str) -> tuple[str, ...]:
    """Cut `get_weather`, `getWeather` or `get-weather` into its words, in lower case."""
    return tuple(
        part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", identifier)
    )


def spoken_list(items: list[str]) -> str:
    """Join `items` as a speaker would: `a`, `a and b`, `a, b and c`."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"
