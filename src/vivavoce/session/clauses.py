"""Cutting an answer into pieces that can be spoken while the rest is still being written.

The pieces joined are the text, character for character, which is what lets a transcript and a
cut be exact. The first piece is short, so that speech begins soon; later ones are whole sentences
where they are not too long, because a voice sounds better with more context.
"""

SENTENCE_ENDS = frozenset(".!?…。！？؟।\n")
CLAUSE_ENDS = frozenset(",;:—–،؛，；：、")
CLOSERS = frozenset("\"'”’»)]）」』")
NO_SPACE_AFTER = frozenset("。！？，；：、\n")
"""Marks of scripts that put no space behind them."""

FIRST_CLAUSE_MIN = 6
CLAUSE_MIN = 48
LONGEST = 280
"""Characters: a piece is cut at the next space then, or at twice as many wherever that is."""


def next_break(text: str, *, first: bool, finished: bool) -> int | None:
    """Where the first piece of `text` ends, or None if more text is needed to know.

    With `finished` no more text will come, and what is left is the last piece.
    """
    for index, mark in enumerate(text):
        if mark in SENTENCE_ENDS or mark in CLAUSE_ENDS:
            end = boundary(text, index)
            if end is not None and long_enough(mark, end, first=first):
                return end
        if (index >= LONGEST and mark == " ") or index >= 2 * LONGEST:
            return index + 1
    return len(text) if finished and text else None


def boundary(text: str, index: int) -> int | None:
    """The end of the piece whose last mark is at `index`, the white space behind it included.

    None if the mark is inside a word or number, or if that cannot be known yet.
    """
    end = index + 1
    while end < len(text) and (text[end] in CLOSERS or text[end] in SENTENCE_ENDS):
        end += 1
    if text[end - 1] in NO_SPACE_AFTER or text[index] in NO_SPACE_AFTER:
        return end
    if end >= len(text) or not text[end].isspace():
        return None
    while end < len(text) and text[end].isspace():
        end += 1
    return end


def long_enough(mark: str, length: int, *, first: bool) -> bool:
    """Whether a piece of this length, ending with this mark, is worth speaking by itself."""
    if mark in SENTENCE_ENDS:
        return length >= FIRST_CLAUSE_MIN or not first
    return length >= (FIRST_CLAUSE_MIN if first else CLAUSE_MIN)


def speakable(text: str) -> bool:
    """Whether a piece has anything to pronounce."""
    return any(letter.isalnum() for letter in text)
