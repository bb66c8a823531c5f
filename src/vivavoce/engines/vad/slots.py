"""Numbers for streams, reused as streams come and go."""

from collections.abc import Iterable


class StreamSlots:
    """Gives each open stream the smallest numbers that it can, to index arrays with."""

    __slots__ = ("_count", "_free", "_open")

    def __init__(self) -> None:
        self._count = 0
        self._free: list[int] = []
        self._open: set[int] = set()

    def open(self) -> int:
        """Give a number that no open stream has."""
        if self._free:
            slot = self._free.pop()
        else:
            slot = self._count
            self._count += 1
        self._open.add(slot)
        return slot

    def close(self, slot: int) -> None:
        """Take a number back. Raises `ValueError` if it is not in use."""
        self.require([slot])
        self._open.remove(slot)
        self._free.append(slot)

    def require(self, slots: Iterable[int]) -> None:
        """Raise `ValueError` unless all these numbers are in use."""
        if not self._open.issuperset(slots):
            unknown = sorted(set(slots) - self._open)
            raise ValueError(f"no such open stream: {', '.join(map(str, unknown))}")
