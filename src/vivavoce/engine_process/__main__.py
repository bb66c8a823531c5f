"""The engine process itself: `python -m vivavoce.engine_process FD LEVEL`, as its parent runs it.

`FD` is the number of the socket on which it takes users, `LEVEL` how much it logs.
"""

import asyncio
import logging
import socket
import sys

from vivavoce.assembly import assemble
from vivavoce.config import ConfigError
from vivavoce.engine_host.server import hosting
from vivavoce.engine_process.control import Channel, Configure, Ready, Refused, to_child
from vivavoce.process import run
from vivavoce.runtime.catalogue import Catalogue
from vivavoce.runtime.models import Models
from vivavoce.runtime.remote_engines import hosted_part

logger = logging.getLogger(__name__)


def main() -> None:
    """Host engines until the parent is gone."""
    descriptor, level = sys.argv[1:]
    logging.basicConfig(level=level, format="%(levelname)s engines: %(message)s")
    run(serve(socket.socket(fileno=int(descriptor)), socket.socket(fileno=sys.stdin.fileno())))


async def serve(listener: socket.socket, control: socket.socket) -> None:
    """Host what the parent says on `control`."""
    channel = Channel(to_child)
    await asyncio.get_running_loop().create_unix_connection(lambda: channel.link, sock=control)
    first = await catalogue_of(await channel.next(), channel)
    if first is None:
        return
    async with Models(first) as models, hosting(models, listener), asyncio.TaskGroup() as tasks:
        loads = tasks.create_task(load(models), name="loads")
        channel.link.send(Ready())
        while (message := await channel.next()) is not None:
            catalogue = await catalogue_of(message, channel)
            if catalogue is not None:
                models.reload(catalogue)
                channel.link.send(Ready())
        loads.cancel()


async def catalogue_of(message: Configure | None, channel: Channel) -> Catalogue | None:
    """What is to be hosted; None, and the parent is told why, if that cannot be."""
    if message is None:
        return None
    try:
        return hosted_part(await asyncio.to_thread(assemble, message.settings))
    except ConfigError as error:
        channel.link.send(Refused(str(error)))
        return None


async def load(models: Models) -> None:
    """Load what is to be loaded at the start; workers that need it wait for the same loads."""
    for failure in await models.load_at_start():
        logger.warning("cannot be loaded yet: %s", failure)


if __name__ == "__main__":
    main()
