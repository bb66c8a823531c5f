"""Ids in the shape of the live service (protocol 4.1), from injected randomness."""

from collections.abc import Callable

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LENGTHS = {"call": 16}
DEFAULT_LENGTH = 21
FILLER_LENGTH = 16


class Ids:
    """Makes ids such as `item_E6U0u6ZFxXUxYesuS1vaT`.

    `random_bits(n)` gives `n` random bits as an integer, as `random.Random.getrandbits` and
    `secrets.randbits` do. The same bits give the same ids, which is what replay relies on.
    """

    def __init__(self, random_bits: Callable[[int], int]) -> None:
        self._random_bits = random_bits

    def new(self, prefix: str) -> str:
        """A fresh id for `event`, `sess`, `conv`, `resp`, `item` or `call`."""
        return f"{prefix}_{self._letters(LENGTHS.get(prefix, DEFAULT_LENGTH))}"

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
