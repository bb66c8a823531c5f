"""What a voice is to say of a written text: without markup, code, emoji and web addresses.

Language models write Markdown unasked, and a voice reads its signs aloud. The transcript keeps
the text as it was written; the voice gets its spoken form, and every place in that form is known
in the text, so that a cut by words stays exact. Numbers and abbreviations are left to the engines,
which know how their languages read them.

Plain text is its own spoken form, place for place.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from vivavoce.session.markup import LINE_RULES, RULES, Fence, Rule, opened_fence

_LINE = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True, slots=True)
class SpokenForm:
    """What is said of a text of `written` characters.

    `origins` has the place in the text of every character of `said`; it never goes backwards.
    """

    said: str
    origins: Sequence[int]
    written: int

    def text_end(self, said_end: int) -> int:
        """The end in the text of what ends at `said_end` in the spoken form, both in characters.

        Signs that follow a word, such as the stars that end an emphasis, belong to it.
        """
        if said_end <= 0:
            return 0
        return self.origins[said_end] if said_end < len(self.said) else self.written


class Reader:
    """Reads one answer, clause after clause: what a clause means may depend on earlier ones."""

    def __init__(self) -> None:
        self._fence: Fence | None = None
        """The code block that has begun and not ended."""
        self._at_line_start = True

    def read(self, text: str) -> SpokenForm:
        """The spoken form of the next clause."""
        lines = list(self._spoken_lines(text))
        form = _joined(lines, len(text))
        if self._at_line_start or (lines and lines[0][0] > 0):
            form = _applied(LINE_RULES, form)
        elif later_lines := form.said.find("\n") + 1:
            form = _applied(LINE_RULES, form, start=later_lines)
        if text:
            self._at_line_start = text.endswith("\n")
        return _applied(RULES, form)

    def _spoken_lines(self, text: str) -> Iterator[tuple[int, str]]:
        """The lines outside of code blocks, with their places."""
        place, at_line_start = 0, self._at_line_start
        for line in _LINE.findall(text):
            fence = opened_fence(line) if at_line_start else None
            if self._fence is None and fence is None:
                yield place, line
            elif self._fence is None:
                self._fence = fence
            elif fence is not None and self._fence.is_closed_by(fence):
                self._fence = None
            place += len(line)
            at_line_start = True


def _joined(lines: Sequence[tuple[int, str]], written: int) -> SpokenForm:
    said = "".join(line for _, line in lines)
    if len(said) == written:
        return SpokenForm(said, range(written), written)
    origins = [place + index for place, line in lines for index in range(len(line))]
    return SpokenForm(said, origins, written)


def _applied(rules: Iterable[Rule], form: SpokenForm, *, start: int = 0) -> SpokenForm:
    for rule in rules:
        form = _replaced(rule, form, start)
    return form


def _replaced(rule: Rule, form: SpokenForm, start: int) -> SpokenForm:
    """The form with each match of the rule replaced, or kept in part."""
    said: list[str] = []
    origins: list[int] = []
    behind = 0
    for match in rule.pattern.finditer(form.said, start):
        keep = match.span("kept") if match["kept"] else (match.start(), match.start())
        put = "" if match["kept"] else rule.says
        for begin, end in ((behind, match.start()), keep):
            said.append(form.said[begin:end])
            origins.extend(form.origins[begin:end])
        said.append(put)
        origins.extend([form.origins[match.start()]] * len(put))
        behind = match.end()
    if not behind:
        return form
    said.append(form.said[behind:])
    origins.extend(form.origins[behind:])
    return SpokenForm("".join(said), origins, form.written)
