"""International Morse code, as in Recommendation ITU-R M.1677-1."""

import unicodedata

_TABLE = """
A .-     B -...   C -.-.   D -..    E .      F ..-.   G --.    H ....   I ..     J .---
K -.-    L .-..   M --     N -.     O ---    P .--.   Q --.-   R .-.    S ...    T -
U ..-    V ...-   W .--    X -..-   Y -.--   Z --..
1 .----  2 ..---  3 ...--  4 ....-  5 .....  6 -....  7 --...  8 ---..  9 ----.  0 -----
. .-.-.- , --..-- : ---... ? ..--.. ' .----. - -....- / -..-.  ( -.--.  ) -.--.- " .-..-.
= -...-  + .-.-.  @ .--.-. ! -.-.--
"""
# The exclamation mark is not in the Recommendation, but in use.

CODE = dict(zip(_TABLE.split()[::2], _TABLE.split()[1::2], strict=True))
"""The signs, by capital letter."""

DOT, DASH = 1, 3
BETWEEN_SIGNS, BETWEEN_LETTERS, BETWEEN_WORDS = 1, 3, 7
"""Lengths in dots (section 2 of the Recommendation)."""


def signs(word: str) -> list[str]:
    """The code of each letter; without those that Morse has no code for, but for their accents."""
    plain = unicodedata.normalize("NFKD", word.replace("’", "'")).upper()
    return [CODE[letter] for letter in plain if letter in CODE]
