"""Where words begin, from the incomplete marks that a synthesizer leaves."""

import re
from collections.abc import Sequence

import numpy as np

from vivavoce.engines.base import WordTiming

# Chinese and Japanese are written without spaces: there, each character is a word, and takes
# the punctuation behind it along, as words between spaces do.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(rf"[{_UNSPACED}][^\w\s]*|[^\s{_UNSPACED}]+")


def word_spans(text: str) -> list[tuple[int, int]]:
    """The beginnings and ends of the words of `text`, each with the marks that stand at it."""
    return [match.span() for match in _WORD.finditer(text)]


def word_timings(
    text: str, marks: Sequence[tuple[int, int]], duration_ms: int
) -> tuple[WordTiming, ...]:
    """Give every word of `text` a time, in order, between 0 and `duration_ms`.

    `marks` are pairs of a place in the text, in characters, and the milliseconds at which the
    sound reaches it, in the order of time. Only the first mark of a word counts, and marks that
    lead backwards in the text do not. A word without a mark is placed between its neighbours, in
    proportion to the characters between them; if it has no letter or digit it is not a word.
    """
    words = word_spans(text)
    begun: dict[int, int] = {}
    last = -1
    for place, ms in marks:
        word = next((i for i in range(last + 1, len(words)) if words[i][1] > place), None)
        if word is not None and (last < 0 or place >= words[last][1]):
            begun[word] = min(ms, duration_ms)
            last = word
    known = [-1, *(words[i][0] for i in begun), len(text)]
    times = np.interp([start for start, _ in words], known, [0, *begun.values(), duration_ms])
    return tuple(
        WordTiming(end, round(time))
        for i, ((start, end), time) in enumerate(zip(words, times.tolist(), strict=True))
        if i in begun or any(map(str.isalnum, text[start:end]))
    )
