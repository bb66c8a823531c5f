"""Backchannels: what listeners say to show that they listen, and not to take the turn.

The lists hold only what seldom answers a question by itself where somebody else goes on speaking.
Word for word they are for whole utterances: `yeah` is one, `yeah, but` is not.
"""

from collections.abc import Iterable
from itertools import chain

from vivavoce.session.words import Words, words_of

USUAL: dict[str, tuple[str, ...]] = {
    "en": (
        *("mm", "mmm", "hm", "hmm", "mhm", "mm-hmm", "mm hmm", "mm mm", "uh-huh", "uh huh", "ah"),
        *("oh", "aha", "yeah", "yep", "yes", "ok", "okay", "right", "sure", "i see", "got it"),
        *("all right", "alright", "cool", "oh okay", "oh wow", "wow", "really", "of course"),
    ),
    "de": ("hm", "mhm", "aha", "ah", "ach so", "ja", "jaja", "okay", "genau", "klar", "stimmt"),
    "fr": ("hm", "mhm", "ah", "ouais", "oui", "d'accord", "ok", "je vois", "bien sûr", "voilà"),
    "es": ("mm", "ajá", "sí", "ya", "vale", "claro", "ok", "okay", "bueno", "entiendo", "ah"),
    "it": ("mm", "mhm", "ah", "sì", "certo", "ok", "okay", "capisco", "va bene", "già"),
    "pt": ("hum", "uhum", "aham", "sim", "tá", "tá bom", "certo", "ok", "claro", "entendi"),
    "nl": ("hm", "mhm", "ja", "ja ja", "oké", "okay", "precies", "klopt", "juist", "ah"),
    "pl": ("mhm", "aha", "tak", "ok", "okej", "jasne", "rozumiem", "dobrze"),
    "ru": ("угу", "ага", "да", "ясно", "понятно", "хорошо", "так", "окей"),
    "tr": ("hı hı", "hmm", "evet", "tamam", "anladım", "peki", "aynen"),
    "ja": ("うん", "うんうん", "はい", "ええ", "へえ", "なるほど", "そうですね", "そうですか"),
    "ko": ("네", "네네", "예", "응", "음", "아", "그래요", "그렇군요", "맞아요"),
    "zh": ("嗯", "嗯嗯", "哦", "对", "对对", "是", "是的", "好", "好的", "明白", "原来如此"),
}
"""By language, ISO 639-1."""


def usual(language: str | None) -> tuple[str, ...]:
    """The backchannels of a language; of all, where it is not known or has no list."""
    known = USUAL.get((language or "").casefold().replace("_", "-").partition("-")[0])
    return known if known is not None else tuple(dict.fromkeys(chain(*USUAL.values())))


class Backchannels:
    """A list of them."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self._phrases = frozenset(filter(None, map(words_of, phrases)))

    def make_up(self, text: str) -> bool:
        """Whether a text is made of nothing else: `Yeah, yeah. I see.`"""
        words = words_of(text)
        return bool(words) and len(words) in self._ends(words)

    def may_become(self, text: str) -> bool:
        """Whether a text that goes on may turn out to be made of nothing else."""
        words = words_of(text)
        return any(
            not (rest := words[end:]) or any(begins(rest, phrase) for phrase in self._phrases)
            for end in self._ends(words)
        )

    def _ends(self, words: Words) -> set[int]:
        """Behind how many of the words a phrase ends, if there are only phrases up to there."""
        ends = {0}
        for end in range(len(words)):
            if end in ends:
                rest = words[end:]
                ends |= {end + len(one) for one in self._phrases if rest[: len(one)] == one}
        return ends


def begins(words: Words, phrase: Words) -> bool:
    """Whether a phrase begins with these words, the last of which may lack its end."""
    *whole, last = words
    rest = phrase[len(whole) :]
    return phrase[: len(whole)] == tuple(whole) and bool(rest) and rest[0].startswith(last)
