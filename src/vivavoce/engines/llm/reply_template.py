"""Templates of a reply script: text with `{placeholders}`, and `{{` `}}` for braces."""

import string
from collections.abc import Callable
from dataclasses import dataclass

Lookup = Callable[[str], str | None]
"""Gives the value of a placeholder, or None where it has none now."""

_TITLE = "title"


@dataclass(frozen=True, slots=True)
class Template:
    """Literal pieces, each with the placeholder behind it, if any, and whether it is a title."""

    pieces: tuple[tuple[str, str | None, bool], ...]

    @property
    def names(self) -> frozenset[str]:
        """The names of the placeholders."""
        return frozenset(name for _, name, _ in self.pieces if name is not None)

    def render(self, lookup: Lookup) -> str | None:
        """Fill in the placeholders; None if one of them has no value."""
        rendered: list[str] = []
        for literal, name, title in self.pieces:
            rendered.append(literal)
            if name is not None:
                value = lookup(name)
                if value is None:
                    return None
                # Recognisers write no capitals; what has some keeps its own.
                rendered.append(string.capwords(value) if title and value.islower() else value)
        return "".join(rendered)


def parse_template(text: str) -> Template:
    """Parse a template; raises `ValueError` that says what is wrong with it."""
    pieces: list[tuple[str, str | None, bool]] = []
    for literal, name, spec, conversion in string.Formatter().parse(text):
        if name is not None and (not name.isidentifier() or conversion):
            raise ValueError(f"{{{name}}} is no placeholder: write {{name}}, or {{{{ for a brace")
        if spec not in (None, "", _TITLE):
            raise ValueError(f"{{{name}:{spec}}}: the only format is :{_TITLE}")
        pieces.append((literal, name, spec == _TITLE))
    return Template(tuple(pieces))
