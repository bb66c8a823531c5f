"""The words of an utterance, claimed one by one: no word fills two parameters of a tool."""

import re
from collections.abc import Container, Iterator, Sequence

from vivavoce.engines.llm.english.words import split_words, stem, word_set

DAYS = word_set(
    """today tonight tomorrow yesterday monday tuesday wednesday thursday friday saturday
    sunday"""
)
"""Words that say when."""

_IDLE = word_set(
    """a all am an and any anything are can check could current do does every fetch find for get
    give has have hear hello hey hi how i i'd i'm is it it's know let like look make may me my
    need now of ok okay on one our please right saying says see send set should show some tell
    thank thanks that the their them then there these this to turn up us want was we what what's
    where which who will with would yes you your"""
)
"""Words that are nobody's city, title or message, at either end of a phrase."""

_SENTENCE_END = re.compile(r"[?!;]|\w{3,}[.](?:\s|$)")


class Phrases:
    """The words of `said`. Those of `named`, stems of what the tool speaks about, fill nothing."""

    def __init__(self, said: str, named: Container[str]) -> None:
        self._said = said
        self._words = split_words(said)
        self._named = named
        self._claimed: set[int] = set()

    @property
    def lower(self) -> Sequence[str]:
        """All words in lower case, claimed or not."""
        return [word.lower for word in self._words]

    def free(self) -> Iterator[tuple[int, str]]:
        """Give the index and lower case of each word that is not claimed yet."""
        for index, word in enumerate(self._words):
            if index not in self._claimed:
                yield index, word.lower

    def claim(self, start: int, end: int) -> str:
        """Claim the words from index `start` up to `end`, and give their text."""
        self._claimed.update(range(start, end))
        return self._said[self._words[start].start : self._words[end - 1].end]

    def claim_phrase(self, lead: int, leads: Container[str]) -> str | None:
        """Claim what follows the word at `lead`, up to another of `leads`; None if empty."""
        end = lead + 1
        while end < len(self._words) and self._continues(lead + 1, end, leads):
            end += 1
        start, end = self._trimmed(lead + 1, end)
        if start >= end:
            return None
        self._claimed.add(lead)
        return self.claim(start, end)

    def claim_to_the_end(self, lead: int) -> str | None:
        """Claim all that follows the word at `lead`; None if nothing does."""
        if lead + 1 >= len(self._words):
            return None
        self.claim(lead, len(self._words))
        return self._said[self._words[lead].end :].strip(" ,:\"'")

    def claim_rest(self) -> str | None:
        """Claim the longest run of free words that may fill something; None if there is none."""
        runs: list[tuple[int, int]] = [(0, 0)]
        for index, lower in self.free():
            if lower in DAYS:
                continue
            start, end = runs[-1]
            runs.append((start, index + 1) if end == index else (index, index + 1))
        start, end = max((self._trimmed(*run) for run in runs), key=lambda run: run[1] - run[0])
        return self.claim(start, end) if start < end else None

    def _continues(self, start: int, index: int, leads: Container[str]) -> bool:
        word = self._words[index]
        if index in self._claimed or word.lower in leads or word.lower in DAYS:
            return False
        before = self._said[self._words[start - 1].start : word.start]
        return index == start or not _SENTENCE_END.search(before)

    def _trimmed(self, start: int, end: int) -> tuple[int, int]:
        while start < end and self._is_idle(start):
            start += 1
        while start < end and self._is_idle(end - 1):
            end -= 1
        return start, end

    def _is_idle(self, index: int) -> bool:
        lower = self._words[index].lower
        return lower in _IDLE or stem(lower) in self._named or not lower[0].isalnum()
