"""What a job says to its user: no more than the user has room for."""

import asyncio
from typing import Any

import msgspec

from vivavoce.engines.remote.link import Link
from vivavoce.engines.remote.messages import WINDOW, End, Part

_encoder = msgspec.msgpack.Encoder()


class Answers:
    """The answers of one job. Pieces that are paced wait for `room`; each takes one."""

    def __init__(self, job: int, link: Link) -> None:
        self._job = job
        self._link = link
        self._granted = WINDOW
        self._changed = asyncio.Event()

    @property
    def has_room(self) -> bool:
        """Whether a piece can be sent at once."""
        return self._granted > 0 and self._link.is_writable

    async def room(self) -> None:
        """Returns when a piece can be sent."""
        while not self.has_room:
            self._changed.clear()
            if self._granted <= 0:
                await self._changed.wait()
            await self._link.writable()

    def grant(self, pieces: int) -> None:
        """The user has room for so many more."""
        self._granted += pieces
        self._changed.set()

    def paced_part(self, value: Any) -> None:
        """A piece, for which there is room."""
        self._granted -= 1
        self.part(value)

    def part(self, value: Any) -> None:
        """A piece of which there are only a few."""
        self._link.send(Part(self._job, raw(value)))

    def end(self, value: Any = None) -> None:
        """The job is done."""
        self._link.send(End(self._job, raw(value)))


def raw(value: Any) -> msgspec.Raw:
    """A value, encoded."""
    return msgspec.Raw(_encoder.encode(value))
