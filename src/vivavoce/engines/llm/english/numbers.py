"""Numbers as people say them in English: `forty-two`, `a hundred and five`, `three point one`."""

from collections.abc import Sequence
from fractions import Fraction

_ONES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = (
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen",
    "eighteen", "nineteen",
)  # fmt: skip
_SMALL = {word: value for value, word in enumerate(_ONES + _TEENS)}
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70,
    "eighty": 80, "ninety": 90,
}  # fmt: skip
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_MAX_DIGITS = 15


def read_number(words: Sequence[str], start: int) -> tuple[Fraction, int] | None:
    """Read the longest number that begins at `words[start]` (lower case, no hyphens).

    Returns the number and the index just behind its last word, or None where no number begins.
    """
    whole = _read_digits(words, start) or _read_cardinal(words, start)
    if whole is None:
        return None
    value, end = whole
    if list(words[end : end + 3]) == ["and", "a", "half"]:
        return value + Fraction(1, 2), end + 3
    decimals = _read_decimals(words, end)
    if value.denominator == 1 and decimals:
        value += Fraction(int(decimals), 10 ** len(decimals))
        end += 1 + _count_decimal_words(words, end + 1)
    return value, end


def _read_digits(words: Sequence[str], start: int) -> tuple[Fraction, int] | None:
    digits = words[start].replace(",", "") if start < len(words) else ""
    if not digits[:1].isdecimal() or len(digits) > _MAX_DIGITS:
        return None
    value = Fraction(digits)
    if start + 1 < len(words) and words[start + 1] in _SCALES:
        return value * _SCALES[words[start + 1]], start + 2
    return value, start + 1


def _read_cardinal(words: Sequence[str], start: int) -> tuple[Fraction, int] | None:
    total, ceiling, position = 0, 10**15, start
    group: int | None = None  # what has been said since the last thousand, million, …
    while position < len(words):
        word = words[position]
        extended = _extend(group, word)
        if extended is not None:
            group = extended
        elif group and word in _SCALES and _SCALES[word] < ceiling:
            ceiling = _SCALES[word]
            total, group = total + group * ceiling, None
        elif group is None and total == 0 and word == "a" and _is_magnitude(words, position + 1):
            group = 1
        elif not (word == "and" and _joins(words, start, position)):
            break
        position += 1
    if position == start:
        return None
    return Fraction(total + (group or 0)), position


def _extend(group: int | None, word: str) -> int | None:
    """Put `word` behind the words of `group` (below 10,000), if English allows it there."""
    if word == "hundred":
        return group * 100 if group is not None and 0 < group < 100 else None
    value = _SMALL.get(word, _TENS.get(word))
    if value is None or group is None:
        return value
    if value == 0 or group == 0:
        return None
    after_hundred = group % 100 == 0
    after_ten = group % 10 == 0 and group % 100 >= 20 and value < 10
    return group + value if after_hundred or after_ten else None


def _is_magnitude(words: Sequence[str], position: int) -> bool:
    return position < len(words) and (words[position] == "hundred" or words[position] in _SCALES)


def _joins(words: Sequence[str], start: int, position: int) -> bool:
    """Whether the `and` at `position` is inside a number: `a hundred and five`."""
    return (
        position > start
        and _is_magnitude(words, position - 1)
        and position + 1 < len(words)
        and (words[position + 1] in _SMALL or words[position + 1] in _TENS)
    )


def _read_decimals(words: Sequence[str], point: int) -> str:
    """The decimals behind a `point` at that index, as digits; empty where there are none."""
    if point >= len(words) or words[point] != "point":
        return ""
    spoken = words[point + 1 : point + 1 + _count_decimal_words(words, point + 1)]
    return "".join(word if word.isdecimal() else str(_SMALL[word]) for word in spoken)


def _count_decimal_words(words: Sequence[str], start: int) -> int:
    count = 0
    for word in words[start : start + _MAX_DIGITS]:
        if not (word.isdecimal() and len(word) <= _MAX_DIGITS) and _SMALL.get(word, 10) > 9:
            break
        count += 1
    return count
