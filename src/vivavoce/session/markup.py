"""The signs in a text that are not to be read aloud, as patterns.

They are those of CommonMark and of GitHub's tables, as language models write them. A clause may
begin or end within a construct, so the signs of an emphasis count one by one, not in pairs.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """What stands in the group `kept` stays of a match; if nothing does, `says` takes its place."""

    pattern: re.Pattern[str]
    says: str = ""


@dataclass(frozen=True, slots=True)
class Fence:
    """The line of backticks or tildes that begins or ends a block of code."""

    sign: str
    length: int
    bare: bool
    """Whether nothing else stands in the line."""

    def is_closed_by(self, other: "Fence") -> bool:
        """Whether the other ends the block that this one has begun (CommonMark 0.31, 4.5)."""
        return other.bare and other.sign == self.sign and other.length >= self.length


_FENCE = re.compile(r"[ \t]*(?P<signs>`{3,}|~{3,})(?P<info>[^`\n]*)$", re.MULTILINE)


def opened_fence(line: str) -> Fence | None:
    """The fence that a line is, or None."""
    found = _FENCE.match(line)
    if found is None:
        return None
    signs = found["signs"]
    return Fence(signs[0], len(signs), bare=not found["info"].strip())


def _rule(pattern: str, *, says: str = "") -> Rule:
    if "(?P<kept>" not in pattern:
        pattern = f"(?:{pattern})(?P<kept>)"
    return Rule(re.compile(pattern, re.MULTILINE), says)


LINE_RULES = (
    _rule(r"^[ \t]*(?:=+|([-*_])(?:[ \t]*\1){2,})[ \t]*$"),  # rules, underlined headings
    _rule(r"^[ \t]*\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)*\|?[ \t]*$"),
    _rule(r"^[ \t]*\|[ \t]*"),  # the left edge of a table
    _rule(r"^[ \t]*(?:>[ \t]?)+"),  # quotations
    _rule(r"^[ \t]*#{1,6}[ \t]+"),  # headings
    _rule(r"^[ \t]*[-*+•‣◦][ \t]+(?:\[[ xX]\][ \t]+)?"),  # lists, of tasks too
)
"""For the beginnings of lines."""

_EMOJI = (
    "[\u2190-\u21ff\u231a-\u23ff\u25a0-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
    "\U000e0020-\U000e007f]"
)

_WIDE = "[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
"""Chinese, Japanese and Korean: no spaces part their words, so signs stand between letters."""

_URL = r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]"
"""What an address consists of (RFC 3986, 2); letters of other scripts are the text's again."""

_HTML = (
    "a abbr b big br center cite code dd del details div dl dt em figcaption figure font footer "
    "h1 h2 h3 h4 h5 h6 header hr i img ins kbd li mark ol p pre q s samp section small span strike "
    "strong sub summary sup table tbody td tfoot th thead tr u ul var video"
).replace(" ", "|")
_ATTRIBUTES = r"""(?:\s+[A-Za-z][\w:.-]*\s*=\s*(?:"[^"<>\n]*"|'[^'<>\n]*'|[^\s"'=<>`]+))"""

RULES = (
    _rule(r"\\(?=[\\`*_{}\[\]()#+\-.!|>~])"),  # escapes
    _rule(
        r"!?\[(?P<kept>[^\[\]\n]*)\](?:\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:[ \t]+[^()\n]*)?\))"
    ),
    _rule(r"\](?:\((?=\S*[/.#])[^()\s]*\))"),  # the end of a link that began in another clause
    _rule(r"\[(?P<kept>[^\[\]\n]+)\]\[[^\[\]\n]*\]"),  # links by reference
    _rule(r"<(?=[A-Za-z][A-Za-z0-9+.-]*:[^<>\s]*>)(?P<kept>[^<>\s]+)>"),  # addresses in brackets
    _rule(r"<(?P<kept>[^<>\s@]+@[^<>\s@]+)>"),  # mail addresses
    _rule(r"<[bh]r[ \t]*/?>", says=" "),
    # HTML is told from comparisons by its tags' names, its attributes and its slashes.
    _rule(rf"(?i:<(?:{_HTML})){_ATTRIBUTES}*\s*/?>"),
    _rule(rf"<[A-Za-z][\w-]*(?:{_ATTRIBUTES}+\s*/?|/)>"),
    _rule(r"</[A-Za-z][\w-]*\s*>"),
    # Of an address, the host's name is said.
    _rule(
        r"(?<![A-Za-z0-9])(?:(?:https?|ftp)://(?:www\.)?|www\.)"
        r"(?P<kept>[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)"
        rf"(?:[/?#:]{_URL}*(?<![.,;:!?'()\[\]*_~]))?"
    ),
    _rule(r"`+"),
    _rule(rf"\*{{2,}}|~~|(?<!\w)\*(?=\S)|(?<=\S)\*(?!\w)|(?<={_WIDE})\*(?=\S)|\*(?={_WIDE})"),
    _rule(r"(?<!\w)_+(?=\w)|(?<=\w)_+(?!\w)"),
    _rule(r"[ \t]*\|[ \t]*(?=\n|\Z)"),  # the right edge of a table
    _rule(r"[ \t]*\|[ \t]*", says=", "),
    _rule(r"(?P<kept>[0-9#*])\ufe0f?\u20e3"),  # keycaps
    _rule(rf" ?{_EMOJI}(?:[\u200d\ufe0e\ufe0f]|{_EMOJI})*"),
)
"""For the whole text, in this order."""
