"""The engine process itself: `python -m vivavoce.engine_process FD LEVEL`, as its parent runs it.

`FD` is the number of the socket on which it takes users, `LEVEL` how much it logs.
"""

import asyncio
import contextlib
import logging
import signal
import socket
import sys

from vivavoce.assembly import assemble
from vivavoce.channel import Channel
from vivavoce.config import ConfigError
from vivavoce.engine_host.server import hosting
from vivavoce.engine_process.control import Configure, Ready, Refused, to_child
from vivavoce.process import run, settle
from vivavoce.runtime.catalogue import Catalogue
from vivavoce.runtime.models import Models
from vivavoce.runtime.remote_engines import hosted_part


def main() -> None:
    """Host engines until the parent is gone."""
    descriptor, level = sys.argv[1:]
    logging.basicConfig(level=level, format="%(levelname)s engines: %(message)s")
    run(serve(socket.socket(fileno=int(descriptor)), socket.socket(fileno=sys.stdin.fileno())))


async def serve(listener: socket.socket, control: socket.socket) -> None:
    """Host what the parent says on `control`."""
    leave_the_end_to_the_parent()
    with contextlib.closing(Channel(control, to_child)) as channel:
        first = await catalogue_of(await channel.receive(), channel)
        if first is None:
            return
        async with Models(first) as models, hosting(models, listener), asyncio.TaskGroup() as tasks:
            loads = tasks.create_task(load(models), name="loads")
            channel.send(Ready())
            while (message := await channel.receive()) is not None:
                catalogue = await catalogue_of(message, channel)
                if catalogue is not None:
                    models.reload(catalogue)
                    channel.send(Ready())
            loads.cancel()


def leave_the_end_to_the_parent() -> None:
    """A signal to all processes of a server is not to end this one before its users."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, lambda: None)  # ignoring them would be inherited


async def catalogue_of(message: Configure | None, channel: Channel[Configure]) -> Catalogue | None:
    """What is to be hosted; None, and the parent is told why, if that cannot be."""
    if message is None:
        return None
    try:
        return hosted_part(await asyncio.to_thread(assemble, message.settings))
    except ConfigError as error:
        channel.send(Refused(str(error)))
        return None


async def load(models: Models) -> None:
    """Load what is to be loaded at the start. Workers wait for the same, and tell what fails."""
    await models.load_at_start()
    settle()


if __name__ == "__main__":
    main()
