"""Where words begin in speech that was made from phonemes.

A synthesizer of phonemes speaks a text in batches and may tell when each phoneme begins, but not
which word it belongs to. Where the phonemes have as many words as the text, they are the same
words, one by one; else ("of the" is often one word to espeak-ng) places are taken in proportion.
"""

from collections.abc import Sequence
from itertools import accumulate

from vivavoce.engines.base import WordTiming
from vivavoce.engines.tts.word_times import word_spans, word_timings

PhonemeStarts = Sequence[tuple[str, float]]
"""Phonemes, spaces and marks among them, and the milliseconds at which each begins."""


def batch_ends(text: str, batches: Sequence[str]) -> list[int]:
    """Where in `text`, in characters, the speech of each of its batches of phonemes ends."""
    if not batches:
        return []
    ends = [end for _, end in pronounced(text)]
    counts = [len(word_starts(batch)) for batch in batches]
    total = sum(counts)
    if total != len(ends):
        counts = [len(batch) for batch in batches]
        total = sum(counts)
    words = [round(len(ends) * spoken / max(total, 1)) for spoken in accumulate(counts)]
    return [*(ends[count - 1] if count else 0 for count in words[:-1]), len(text)]


def phoneme_word_timings(
    text: str, phonemes: PhonemeStarts, duration_ms: int
) -> tuple[WordTiming, ...]:
    """The words' times in `duration_ms` of speech of `text`; without phonemes, in proportion."""
    starts = word_starts([phoneme for phoneme, _ in phonemes])
    words = pronounced(text)
    if len(starts) == len(words):
        places = [start for start, _ in words]
    else:
        places = [len(text) * start // len(phonemes) for start in starts]
    times = [round(phonemes[start][1]) for start in starts]
    return word_timings(text, list(zip(places, times, strict=True)), duration_ms)


def pronounced(text: str) -> list[tuple[int, int]]:
    """The beginnings and ends of what is pronounced: words with a letter or digit."""
    return [(a, b) for a, b in word_spans(text) if any(map(str.isalnum, text[a:b]))]


def word_starts(phonemes: Sequence[str]) -> list[int]:
    """The indices of the phonemes that begin a word; words are parted by spaces."""
    starts: list[int] = []
    begun: int | None = None
    for index, phoneme in enumerate([*phonemes, " "]):
        if not phoneme.isspace():
            begun = index if begun is None else begun
        elif begun is not None:
            if any(map(str.isalnum, "".join(phonemes[begun:index]))):
                starts.append(begun)
            begun = None
    return starts
