"""A worker's end of the channel: what it asks of its supervisor, and gets for answers."""

import asyncio
import itertools
from collections import deque

from vivavoce.channel import Channel
from vivavoce.config import ConfigError
from vivavoce.workers.messages import (
    Count,
    CountPlaces,
    FreePlace,
    Place,
    Reload,
    ReloadEnded,
    TakePlace,
    ToWorker,
)


class Link:
    """The places of the whole server (`runtime.places.Places`), and reloads of all workers."""

    def __init__(self, channel: Channel[ToWorker]) -> None:
        self._channel = channel
        self._places: deque[asyncio.Future[bool]] = deque()
        self._counts: deque[asyncio.Future[int]] = deque()
        self._reloads: dict[int, asyncio.Future[tuple[str, ...]]] = {}
        self._numbers = itertools.count()

    async def take(self) -> bool:
        """Take a place; False if none is left."""
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._places.append(answer)
        self._channel.send(TakePlace())
        try:
            return await answer
        except asyncio.CancelledError:
            if answer.done() and not answer.cancelled() and answer.result():
                self.free()  # it was granted and cancelled in the same turn of the loop
            raise

    def free(self) -> None:
        """Give a place back."""
        self._channel.send(FreePlace())

    async def taken(self) -> int:
        """How many places are taken, in all workers."""
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._counts.append(answer)
        self._channel.send(CountPlaces())
        return await answer

    async def reload(self) -> tuple[str, ...]:
        """Have the configuration read anew for all workers; gives notices. Raises `ConfigError`."""
        number = next(self._numbers)
        answer: asyncio.Future[tuple[str, ...]] = asyncio.get_running_loop().create_future()
        self._reloads[number] = answer
        self._channel.send(Reload(number))
        try:
            return await answer
        finally:
            del self._reloads[number]

    def heed(self, answer: Place | Count | ReloadEnded) -> None:
        """An answer has come. Whoever asked may have gone; a place is then given back."""
        match answer:
            case Place(taken):
                asked = self._places.popleft()
                if not asked.done():
                    asked.set_result(taken)
                elif taken:
                    self.free()
            case Count(number):
                counting = self._counts.popleft()
                if not counting.done():
                    counting.set_result(number)
            case ReloadEnded(number, notices, error):
                reload = self._reloads.get(number)
                if reload is None or reload.done():
                    return
                if error is None:
                    reload.set_result(notices)
                else:
                    reload.set_exception(ConfigError(error))
