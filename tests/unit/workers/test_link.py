"""What a worker asks of its supervisor, and what it makes of the answers."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import msgspec
import pytest

from vivavoce.channel import Channel
from vivavoce.config import ConfigError
from vivavoce.workers.link import Link
from vivavoce.workers.messages import (
    Count,
    CountPlaces,
    FreePlace,
    FromWorker,
    Place,
    Reload,
    ReloadEnded,
    TakePlace,
    ToWorker,
)

Ends = tuple[Link, Channel[FromWorker]]


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    mine, theirs = socket.socketpair()
    worker: Channel[ToWorker] = Channel(mine, msgspec.msgpack.Decoder(ToWorker))
    supervisor: Channel[FromWorker] = Channel(theirs, msgspec.msgpack.Decoder(FromWorker))
    with contextlib.closing(worker), contextlib.closing(supervisor):
        yield Link(worker), supervisor


async def test_places_are_asked_for_and_given_back(ends: Ends) -> None:
    link, supervisor = ends
    async with asyncio.TaskGroup() as tasks:
        first, second = (tasks.create_task(link.take()) for _ in range(2))
        assert [await supervisor.receive() for _ in range(2)] == [TakePlace(), TakePlace()]
        link.heed(Place(True))
        link.heed(Place(False))
    assert (first.result(), second.result()) == (True, False)
    link.free()
    assert await supervisor.receive() == FreePlace()


async def test_a_place_for_somebody_who_has_gone_is_given_back(ends: Ends) -> None:
    link, supervisor = ends
    asking = asyncio.create_task(link.take())
    assert await supervisor.receive() == TakePlace()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    link.heed(Place(True))
    assert await supervisor.receive() == FreePlace()


async def test_a_place_for_somebody_who_goes_as_it_is_granted_is_given_back(ends: Ends) -> None:
    link, supervisor = ends
    asking = asyncio.create_task(link.take())
    assert await supervisor.receive() == TakePlace()
    link.heed(Place(True))
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await supervisor.receive() == FreePlace()


async def test_all_places_are_counted(ends: Ends) -> None:
    link, supervisor = ends
    asking = asyncio.create_task(link.taken())
    assert await supervisor.receive() == CountPlaces()
    link.heed(Count(7))
    assert await asking == 7


async def test_a_reload_is_for_all_workers(ends: Ends) -> None:
    link, supervisor = ends
    asking = asyncio.create_task(link.reload())
    assert await supervisor.receive() == Reload(0)
    link.heed(ReloadEnded(0, ("Look.",)))
    assert await asking == ("Look.",)


async def test_a_reload_that_failed_has_the_words_of_the_supervisor(ends: Ends) -> None:
    link, supervisor = ends
    asking = asyncio.create_task(link.reload())
    assert await supervisor.receive() == Reload(0)
    link.heed(ReloadEnded(0, error="line 3: no"))
    with pytest.raises(ConfigError, match="line 3: no"):
        await asking
