"""A worker that serves nothing: `python -m support.stand_in_worker FD`.

How it behaves the file `manners` in the folder of the server says, as it is when it starts. It is
ready at once, and tells for an error of every `Adopt` the instructions that it began with.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

import msgspec

from vivavoce.channel import Channel
from vivavoce.workers.messages import (
    Adopt,
    Adopted,
    Begin,
    FreePlace,
    Ready,
    Reload,
    ReloadEnded,
    Stop,
    ToWorker,
)

NO_MESSAGE = b"\1\0\0\0\x80"
"""A frame of one byte, in which nothing is."""


async def attend(end: socket.socket) -> str:
    """Be a worker, at this end of a channel; gives its manners."""
    decoder: msgspec.msgpack.Decoder[ToWorker] = msgspec.msgpack.Decoder(ToWorker)
    with contextlib.closing(Channel(end, decoder)) as channel:
        begin = await channel.receive()
        assert isinstance(begin, Begin)
        manners = manners_in(begin.folder)
        if manners == "deaf":
            signal.pause()
        if manners == "babbling at once":
            os.write(end.fileno(), NO_MESSAGE)
        channel.send(Ready(summary="", notices=(), model=""))
        match manners:
            case "ungrateful":
                channel.send(FreePlace())
            case "repetitive":
                channel.send(Ready(summary="", notices=(), model=""))
            case "curious":
                channel.send(Reload(7))
        while (message := await channel.receive()) is not None:
            match message:
                case Adopt() if manners == "babbling":
                    os.write(end.fileno(), NO_MESSAGE)
                case Adopt(number):
                    channel.send(Adopted(number, f"began with {begin.models.instructions}"))
                case ReloadEnded(7, _, error):
                    tell(begin.folder, str(error))
                    break
                case Stop():
                    break
    return manners


def manners_in(folder: str) -> str:
    """How to behave."""
    return Path(folder, "manners").read_text()


def tell(folder: str, answer: str) -> None:
    """Leave word of what a reload was answered with."""
    Path(folder, "answer").write_text(answer)


if __name__ == "__main__":
    signal.alarm(60)  # a test that fails may leave it behind
    if asyncio.run(attend(socket.socket(fileno=int(sys.argv[1])))) == "lingering":
        signal.pause()
