"""What a worker does when it is told to."""

import contextlib
import socket
from pathlib import Path

import msgspec

from vivavoce.channel import Channel
from vivavoce.config import Settings
from vivavoce.workers.messages import Adopt, Adopted, FromWorker, ToWorker
from vivavoce.workers.serving import begin
from vivavoce.workers.worker import Worker


async def test_models_that_cannot_be_taken_up_for_whatever_reason_are_told(tmp_path: Path) -> None:
    async def take_up() -> tuple[str, ...]:
        raise RecursionError("maximum recursion depth exceeded")

    mine, theirs = socket.socketpair()
    channel: Channel[ToWorker] = Channel(mine, msgspec.msgpack.Decoder(ToWorker))
    supervisor: Channel[FromWorker] = Channel(theirs, msgspec.msgpack.Decoder(FromWorker))
    with contextlib.closing(channel), contextlib.closing(supervisor):
        worker = Worker(channel, begin(Settings(), tmp_path, None))
        worker._adopt.set_result(take_up)
        await worker._reload(Adopt(3, Settings()))
        assert await supervisor.receive() == Adopted(3, "the log says why not.")
