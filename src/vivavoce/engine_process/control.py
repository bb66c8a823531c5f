"""What a parent and its engine process say to each other, over the child's standard input.

The parent sends `Configure`, at the start and at each reload, and is answered each time. The end of
the stream is the end of the child.
"""

import asyncio
from typing import Any

import msgspec

from vivavoce.config import Settings
from vivavoce.engines.remote.link import Link


class Configure(msgspec.Struct, frozen=True, tag="configure"):
    """Host the engines that these settings describe."""

    settings: Settings


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """They are on offer, loaded or not."""


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """They cannot be made; what was on offer before still is."""

    text: str


to_child: msgspec.msgpack.Decoder[Configure] = msgspec.msgpack.Decoder(Configure)
to_parent: msgspec.msgpack.Decoder[Ready | Refused] = msgspec.msgpack.Decoder(Ready | Refused)


class Channel:
    """Either end. Each side waits for the other's answer, so there is never more than one message
    on the way."""

    def __init__(self, decoder: msgspec.msgpack.Decoder[Any]) -> None:
        self.link = Link(decoder, self)
        self._inbox: asyncio.Queue[Any] = asyncio.Queue()

    def received(self, message: Any) -> None:
        """The other side said something."""
        self._inbox.put_nowait(message)

    def lost(self, reason: str | None) -> None:  # noqa: ARG002 - both are the same program
        """The other side is gone."""
        self._inbox.put_nowait(None)

    async def next(self) -> Any:
        """What the other side says next; None when it is gone."""
        return await self._inbox.get()
