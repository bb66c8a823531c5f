"""Cutting an answer into pieces that can be spoken while the rest is still being written.

The pieces joined are the text, character for character, which is what lets a transcript and a
cut be exact. The first piece is short, so that speech begins soon; later ones are whole sentences
where they are not too long, because a voice sounds better with more context.

Where a piece may end follows the script. Most put white space behind their marks, which tells the
end of "3." from a part of "3.50"; Chinese and Japanese do not. Thai, Lao, Khmer and Burmese write
words without spaces, and a space is itself the mark of a phrase.
"""

import re
import unicodedata

SENTENCE_ENDS = frozenset(".!?…。｡！？‼⁇⁈⁉؟۔।॥։።፧။។\n")
CLAUSE_ENDS = frozenset(",;:—–،؛，；：、､፣፤၊")
CLOSERS = frozenset("\"'”’»)]）」』】》")
NO_SPACE_AFTER = frozenset("。｡！？，；：、､။၊។\n")
"""Marks of scripts that put no space behind them."""
_CLOSED_LATER = NO_SPACE_AFTER & SENTENCE_ENDS - {"\n"}
"""Marks behind which a quotation or bracket may close, which belongs to their sentence: the next
character has to be seen."""

FIRST_CLAUSE_MIN = 6
CLAUSE_MIN = 48
LONGEST = 280
"""Letters: a piece is cut at the next space then, or at twice as many wherever that is."""

IDEOGRAPH = 3
"""How many letters a Chinese, Japanese or Korean character counts for: it takes as long to say."""

_FIRST_WIDE = "\u2e80"
_SPACES_PART_PHRASES = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
"""Thai and Lao, Burmese, Khmer."""

_ENGLISH = """
    mr mrs ms dr prof st mt rev hon gov sen gen col capt sgt lt jr sr vs etc approx fig dept inc
    ltd corp jan feb aug sept oct nov dec
"""
_OF_OTHER_LANGUAGES = """
    bzw ca usw evtl ggf inkl vgl nr str mme mlle sra srta dra ud uds pág sig dott ecc
"""
_ABBREVIATIONS = frozenset((_ENGLISH + _OF_OTHER_LANGUAGES).split())
_LETTERS_AND_DOTS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
"""`J`, `e.g`, `z.B`, `p.m`: the dot behind it belongs to it."""

_WORD_BEFORE = re.compile(r"[^\s(\[{\"'“‘«„]*\Z")
_ORDINAL = re.compile(r"(?:(?P<word>[^\W\d]+)[ \u00a0]+)?(?<![^\s(])\d{1,2}\Z")
_BEFORE_ORDINALS = frozenset(
    [
        "am",
        "vom",
        "zum",
        "im",
        "beim",
        "ab",
        "bis",
        "seit",
        "der",
        "die",
        "das",
        "den",
        "dem",
        "des",
        "jeder",
        "jedem",
        "jeden",
        "zur",
    ]
)
"""German, which writes an ordinal as a number with a dot: "im 19. Jahrhundert"."""
_MONTHS = frozenset(
    [
        "januar",
        "jänner",
        "februar",
        "märz",
        "april",
        "mai",
        "juni",
        "juli",
        "august",
        "september",
        "oktober",
        "november",
        "dezember",
        "januari",
        "februari",
        "mars",
        "marts",
        "maj",
        "augusti",
        "december",
    ]
)
"""Of the languages that write "3. Mai", the Scandinavian ones too."""
_NEXT_WORD = re.compile(r"\s+(?P<word>[^\W\d_]+)?(?P<over>.)?", re.DOTALL)
_LIST_NUMBER = re.compile(r"(?:\A|\n)[ \t]*\d{1,3}\Z")

_LONGEST_CLUSTER = 32
"""Characters that are searched for the beginning of one that is made of several."""

_JOINS = frozenset("\u200d\ufe0e\ufe0f")


def next_break(text: str, *, first: bool, finished: bool) -> int | None:
    """Where the first piece of `text` ends, or None if more text is needed to know.

    With `finished` no more text will come, and what is left is the last piece. No other piece is
    longer than `2 * LONGEST` characters, whatever the text.
    """
    letters = 0
    for index, mark in enumerate(text):
        letters += IDEOGRAPH if mark >= _FIRST_WIDE else 1
        end = boundary(text, index)
        if end is not None and long_enough(mark, letters + end - index - 1, first=first):
            return min(end, 2 * LONGEST)
        if letters > LONGEST and mark == " ":
            return index + 1
        if letters >= 2 * LONGEST:
            return _whole_characters(text, index + 1)
    return len(text) if finished and text else None


def boundary(text: str, index: int) -> int | None:
    """The end of the piece whose last mark is at `index`, the white space behind it included.

    None if there is no mark, if it is inside a word or number, or if that cannot be known yet.
    """
    mark = text[index]
    if mark == " ":
        return index + 1 if index and _SPACES_PART_PHRASES.match(text[index - 1]) else None
    if mark not in SENTENCE_ENDS and mark not in CLAUSE_ENDS:
        return None
    end = index + 1
    while end < len(text) and (text[end] in CLOSERS or text[end] in SENTENCE_ENDS):
        end += 1
    if text[end - 1] in NO_SPACE_AFTER or mark in NO_SPACE_AFTER:
        if _within_number(text, index) or (end == len(text) and mark in _CLOSED_LATER):
            return None
        return end
    if end >= len(text) or not text[end].isspace():
        return None
    single_dot = mark == "." and end == index + 1
    if single_dot and (_belongs_to_word(text[:index]) or _is_ordinal(text[:index], text[end:])):
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


def _within_number(text: str, index: int) -> bool:
    """Whether a full-width mark parts digits, as in 10：30, or may yet turn out to."""
    if text[index] not in "，：" or not text[index - 1 : index].isdigit():
        return False
    return index + 1 >= len(text) or text[index + 1].isdigit()


def _belongs_to_word(before: str) -> bool:
    """Whether the dot behind this text is one of an abbreviation, or of a list's number."""
    found = _WORD_BEFORE.search(before)
    word = found.group() if found else ""
    return (
        word.lower() in _ABBREVIATIONS
        or (word != "I" and _LETTERS_AND_DOTS.fullmatch(word) is not None)
        or (word.isdigit() and _LIST_NUMBER.search(before) is not None)
    )


def _is_ordinal(before: str, after: str) -> bool:
    """Whether the dot behind this text makes a number an ordinal, or may yet turn out to."""
    found = _ORDINAL.search(before)
    if found is None:
        return False
    if (found["word"] or "").lower() in _BEFORE_ORDINALS:
        return True
    following = _NEXT_WORD.match(after)
    if following is None or not (following["word"] or following["over"]):
        return True
    word = following["word"] or ""
    if word[:1].islower() or word.lower() in _MONTHS:
        return True
    may_become = any(month.startswith(word.lower()) for month in _MONTHS)
    return bool(word) and not following["over"] and may_become


def _whole_characters(text: str, end: int) -> int:
    """`end`, or a little less, so that what a reader sees as one character is not cut."""
    for start in range(end, max(end - _LONGEST_CLUSTER, 0), -1):
        if start >= len(text):
            continue
        joined = text[start] in _JOINS or text[start - 1] == "\u200d"
        if not joined and not unicodedata.category(text[start]).startswith("M"):
            return start
    return end
