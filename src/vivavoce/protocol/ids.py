"""Ids in the shape of the live service (protocol 4.1), from injected randomness."""

import re
from collections.abc import Callable

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LENGTHS = {"call": 16}
DEFAULT_LENGTH = 21
FILLER_LENGTH = 16

ADDRESSES = frozenset({"sess", "rtc"})
"""What other connections ask for by its id: sessions, and calls over WebRTC and SIP."""

MARKED = re.compile(r"(?:sess|rtc)_u([1-9][0-9]{0,3})_[0-9A-Za-z]+")
"""Such an id with its worker, in the form of the live service's own, `rtc_u2_…` (protocol 1.4).
No other id has a second underscore, so none is taken for one of these."""


class Ids:
    """Makes ids such as `item_E6U0u6ZFxXUxYesuS1vaT`.

    `random_bits(n)` gives `n` random bits as an integer, as `random.Random.getrandbits` and
    `secrets.randbits` do. The same bits give the same ids, which is what replay relies on.
    `worker` is the number, from 1, of the process that makes them, where there are several; ids of
    sessions and of WebRTC calls then name it.
    """

    def __init__(self, random_bits: Callable[[int], int], worker: int | None = None) -> None:
        self._random_bits = random_bits
        self._mark = "" if worker is None else f"u{worker}_"

    def new(self, prefix: str) -> str:
        """A fresh id for `event`, `sess`, `conv`, `resp`, `item`, `call` or `rtc`."""
        mark = self._mark if prefix in ADDRESSES else ""
        length = LENGTHS.get(prefix, DEFAULT_LENGTH) - len(mark)
        return f"{prefix}_{mark}{self._letters(length)}"

    def filler(self) -> str:
        """Random letters that mean nothing, for a field `obfuscation`."""
        return self._letters(FILLER_LENGTH)

    def _letters(self, length: int) -> str:
        bits = self._random_bits(6 * length)
        letters = []
        for _ in range(length):
            letters.append(ALPHABET[(bits & 63) % 62])
            bits >>= 6
        return "".join(letters)


def worker_of(one: str) -> int | None:
    """The number of the worker that the id of a session or call names; None if it names none."""
    marked = MARKED.fullmatch(one)
    return None if marked is None else int(marked[1])
