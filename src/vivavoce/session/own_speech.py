"""The assistant's own voice, heard back through the user's microphone: known by its words.

Clients cancel echoes, some of them badly. What the recogniser makes of an echo is what is being
said aloud; nobody else says the same words in the same order at the same moment.
"""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Protocol

from vivavoce.session.inputs import Word
from vivavoce.session.words import words_of

BEHIND_S = 2.0
"""Seconds by which an echo may come later than we think that it was played: networks, the buffer
of the client, and the time until speech is taken for speech."""

KEPT_S = 60.0
"""Seconds for which it is known what was said aloud: as long as a turn may last."""

LIKE = 0.75
"""The share of the words heard that have to be words said, in their order."""


class ClauseAloud(Protocol):
    """A clause whose audio is being sent: its text, and the times of its words so far."""

    text: str
    words: list[Word]
    ends_at: float
    """When the last of its audio so far is played, in seconds; it grows as more is sent."""


@dataclass(slots=True)
class Aloud:
    """A clause, when it begins to be played, and when it was cut short."""

    clause: ClauseAloud
    begins_at: float
    cut_at: float = math.inf

    def between(self, start: float, end: float) -> Iterator[str]:
        """The words that begin between these times; where no times are known, all words of a
        clause that plays then."""
        end = min(end, self.cut_at)
        if self.begins_at > end or self.is_over(start):
            return
        text, text_start = self.clause.text, 0
        if not self.clause.words:
            yield text
        for word in self.clause.words:
            if start <= self.begins_at + word.start_ms / 1000 <= end:
                yield text[text_start : word.text_end]
            text_start = word.text_end

    def is_over(self, by: float) -> bool:
        """Whether all of it was played, or it was cut short, before this time."""
        return min(self.clause.ends_at, self.cut_at) < by


class SpokenAloud:
    """What was said aloud lately. Times are those of `Playback`: seconds, and a lower bound."""

    def __init__(self) -> None:
        self._clauses: deque[Aloud] = deque()

    def begins(self, clause: ClauseAloud, at: float) -> None:
        """A clause will be played from then on."""
        while self._clauses and self._clauses[0].is_over(at - KEPT_S):
            self._clauses.popleft()
        self._clauses.append(Aloud(clause, at))

    def cut(self, now: float) -> None:
        """The listener hears no more of what was sent."""
        for aloud in self._clauses:
            aloud.cut_at = min(aloud.cut_at, now)

    def between(self, start: float, end: float) -> str:
        """The words that can be heard between these times."""
        return " ".join(
            word for aloud in self._clauses for word in aloud.between(start - BEHIND_S, end)
        )


def is_like(heard: str, said: str) -> bool:
    """Whether what was heard are words of what was said, in the same order."""
    return share(words_of(heard), words_of(said)) >= LIKE


def share(heard: Sequence[str], said: Sequence[str]) -> float:
    """How many of the words heard are said in this order, from 0.0 to 1.0; 0.0 for no words."""
    if not heard:
        return 0.0
    blocks = SequenceMatcher(None, heard, said, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) / len(heard)
