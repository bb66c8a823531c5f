"""Finding markers in a text that comes in pieces."""

import re
from collections.abc import Iterable


class Markers:
    """Literal markers, none of which begins with another; there may be none at all."""

    def __init__(self, markers: Iterable[str]) -> None:
        self._markers = tuple(markers)
        self._pattern = re.compile("|".join(map(re.escape, self._markers)) or r"(?!)")

    def split(self, text: str) -> tuple[str, str | None, str]:
        """What stands before the first marker, the marker, and what follows.

        Without a marker: what cannot be part of one any more, None, and the end of the text that
        may be the beginning of one.
        """
        found = self._pattern.search(text)
        if found is not None:
            return text[: found.start()], found.group(), text[found.end() :]
        held = max((_beginning_of(each, at_end_of=text) for each in self._markers), default=0)
        return text[: len(text) - held], None, text[len(text) - held :]


def _beginning_of(marker: str, *, at_end_of: str) -> int:
    """How many characters at the end of a text are the beginning of `marker`."""
    longest = min(len(marker) - 1, len(at_end_of))
    return next((n for n in range(longest, 0, -1) if at_end_of.endswith(marker[:n])), 0)
