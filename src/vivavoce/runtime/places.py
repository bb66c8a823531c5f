"""How many sessions a server holds, and whether there is a place for one more."""

from typing import Protocol


class Places(Protocol):
    """The places for sessions of a whole server, which may be several processes."""

    async def take(self) -> bool:
        """Take a place, which is the caller's until it is freed; False if none is left.

        A call that is cancelled has taken none.
        """
        ...

    def free(self) -> None:
        """Give a place back."""
        ...

    async def taken(self) -> int:
        """How many are taken, by sessions and by those that wait for their engines."""
        ...


class OwnPlaces:
    """The places of a server that is one process."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._taken = 0

    async def take(self) -> bool:
        """Take a place; False if none is left."""
        if self._taken >= self._number:
            return False
        self._taken += 1
        return True

    def free(self) -> None:
        """Give a place back."""
        self._taken -= 1

    async def taken(self) -> int:
        """How many are taken."""
        return self._taken
