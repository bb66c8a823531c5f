"""The words of a text, as they compare whatever the case, the marks and the script."""

import re

_WORD = re.compile(r"[^\W_]+")
_JOINERS = str.maketrans("", "", "'’ʼ-‐‑")
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""Thai, kana, Chinese characters and hangul: each letter counts as a word."""

Words = tuple[str, ...]


def words_of(text: str) -> Words:
    """The words of a text: `Mm-hmm, that's it!` is `mmhmm`, `thats`, `it`."""
    spaced = _UNSPACED.sub(r" \g<0> ", text.casefold().translate(_JOINERS))
    return tuple(_WORD.findall(spaced))
