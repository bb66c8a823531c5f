"""Sums in words and digits: `what is seven times six`, `12 + 30`, `subtract three from ten`.

Numbers, the four operations and percentages, with the usual precedence; no brackets.
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from vivavoce.engines.llm.english.numbers import read_number
from vivavoce.engines.llm.english.words import split_words

_SPOKEN = {"+": "plus", "-": "minus", "*": "times", "/": "divided by", "%": "percent of"}
_OPERATIONS: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": lambda percent, whole: percent / 100 * whole,
}
_OPERATORS: dict[tuple[str, ...], str] = {
    **dict.fromkeys([("plus",), ("+",)], "+"),
    **dict.fromkeys([("minus",), ("-",), ("−",)], "-"),
    **dict.fromkeys([("times",), ("multiplied", "by"), ("x",), ("*",), ("×",)], "*"),
    **dict.fromkeys([("divided", "by"), ("over",), ("/",), ("÷",)], "/"),
    **dict.fromkeys([("percent", "of"), ("%", "of")], "%"),
}
_NEGATIVE = frozenset({"minus", "negative", "-", "−"})
# Verb: the words that may stand between its numbers, the operation, whether it swaps them.
_VERBS = {
    "add": (frozenset({"and", "to"}), "+", False),
    "subtract": (frozenset({"from"}), "-", True),
    "multiply": (frozenset({"by", "and", "with"}), "*", False),
    "divide": (frozenset({"by"}), "/", False),
}
_MAX_NUMBERS = 8


@dataclass(frozen=True, slots=True)
class Sum:
    """Numbers with the operators between them: one more number than operators."""

    numbers: tuple[Fraction, ...]
    operators: tuple[str, ...]

    def value(self) -> Fraction:
        """Work it out; raises `ZeroDivisionError`."""
        return _apply(*_apply(self.numbers, self.operators, "%*/"), "%*/+-")[0][0]

    def spoken(self) -> str:
        """The sum and its result as a sentence."""
        said = [spoken_number(self.numbers[0])]
        for sign, number in zip(self.operators, self.numbers[1:], strict=True):
            said += [_SPOKEN[sign], spoken_number(number)]
        try:
            result = self.value()
        except ZeroDivisionError:
            return "Nothing can be divided by zero."
        exact = (result * 10_000).denominator == 1
        return f"{' '.join(said)} is {'' if exact else 'about '}{spoken_number(result)}."


def find_sum(text: str) -> Sum | None:
    """Find the first sum in `text`, or None: a number alone is no sum."""
    words = [word.lower for word in split_words(text)]
    for start in range(len(words)):
        found = _read_infix(words, start) or _read_verb(words, start)
        if found is not None:
            return found
    return None


def spoken_number(value: Fraction) -> str:
    """Write a number for speech: `1,000`, `minus 2.5`, at most four decimals."""
    size = abs(round(value, 4))
    digits = f"{int(size):,}" if size.denominator == 1 else f"{float(size):,.4f}".rstrip("0")
    return f"minus {digits}" if value < 0 and size else digits


def _apply(
    numbers: Sequence[Fraction], operators: Sequence[str], signs: str
) -> tuple[list[Fraction], list[str]]:
    """Work out the operations in `signs` from left to right; the others stay."""
    left, stay = [numbers[0]], list[str]()
    for sign, number in zip(operators, numbers[1:], strict=True):
        if sign in signs:
            left[-1] = _OPERATIONS[sign](left[-1], number)
        else:
            left.append(number)
            stay.append(sign)
    return left, stay


def _read_infix(words: Sequence[str], start: int) -> Sum | None:
    first = _read_signed(words, start)
    if first is None:
        return None
    numbers, signs, end = [first[0]], list[str](), first[1]
    while len(numbers) < _MAX_NUMBERS:
        following = _read_operator(words, end)
        number = following and _read_signed(words, following[1])
        if not (following and number):
            break
        signs.append(following[0])
        numbers.append(number[0])
        end = number[1]
    return Sum(tuple(numbers), tuple(signs)) if signs else None


def _read_operator(words: Sequence[str], start: int) -> tuple[str, int] | None:
    for length in (2, 1):
        sign = _OPERATORS.get(tuple(words[start : start + length]))
        if sign is not None:
            return sign, start + length
    return None


def _read_signed(words: Sequence[str], start: int) -> tuple[Fraction, int] | None:
    if start < len(words) and words[start] in _NEGATIVE:
        number = read_number(words, start + 1)
        return number and (-number[0], number[1])
    return read_number(words, start)


def _read_verb(words: Sequence[str], start: int) -> Sum | None:
    if words[start] not in _VERBS:
        return None
    between, sign, swapped = _VERBS[words[start]]
    first = _read_signed(words, start + 1)
    if first is None or first[1] >= len(words) or words[first[1]] not in between:
        return None
    second = _read_signed(words, first[1] + 1)
    if second is None:
        return None
    numbers = (first[0], second[0])
    return Sum(numbers[::-1] if swapped else numbers, (sign,))
