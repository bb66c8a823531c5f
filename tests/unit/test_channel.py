"""Messages and connections from one process to another."""

import contextlib
import socket
from collections.abc import AsyncIterator

import msgspec
import pytest

from vivavoce.channel import Channel


class Note(msgspec.Struct, frozen=True, tag=True):
    text: str


class Parcel(msgspec.Struct, frozen=True, tag=True):
    number: int


Ends = tuple[Channel[Note | Parcel], Channel[Note | Parcel]]


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    decoder: msgspec.msgpack.Decoder[Note | Parcel] = msgspec.msgpack.Decoder(Note | Parcel)
    here, there = (Channel(end, decoder) for end in socket.socketpair())
    with contextlib.closing(here), contextlib.closing(there):
        yield here, there


async def test_messages_arrive_whole_and_in_order(ends: Ends) -> None:
    here, there = ends
    for message in (Note("a"), Parcel(2), Note("c")):
        here.send(message)
    assert [await there.receive() for _ in range(3)] == [Note("a"), Parcel(2), Note("c")]


async def test_what_does_not_go_at_once_goes_when_it_is_read(ends: Ends) -> None:
    here, there = ends
    sent = [Note(f"{n}" * 300_000) for n in range(4)]
    for message in sent:
        here.send(message)
    assert [await there.receive() for _ in sent] == sent
    here.send(Note("and on"))
    assert await there.receive() == Note("and on")


async def test_connections_come_with_their_messages(ends: Ends) -> None:
    here, there = ends
    with contextlib.ExitStack() as closing:
        pairs = [tuple(map(closing.enter_context, socket.socketpair())) for _ in range(100)]
        for number, (mine, theirs) in enumerate(pairs):
            here.send(Note("between"))
            assert here.hand_over(Parcel(number), theirs)
            theirs.close()
            mine.send(f"{number}".encode())
        for number in range(len(pairs)):
            assert await there.receive() == Note("between")
            assert await there.receive() == Parcel(number)
            connection = there.connection()
            assert connection is not None
            with connection:
                assert connection.recv(10) == f"{number}".encode()
                assert not connection.get_inheritable()


async def test_nothing_is_handed_to_an_end_that_does_not_read(ends: Ends) -> None:
    here, there = ends
    here.send(Note("x" * 1_000_000))
    with socket.socket() as connection:
        assert not here.hand_over(Parcel(1), connection)
        await there.receive()
        assert here.hand_over(Parcel(2), connection)
    assert await there.receive() == Parcel(2)


async def test_the_end_of_the_other_side_is_the_end(ends: Ends) -> None:
    here, there = ends
    there.send(Note("last"))
    there.close()
    assert await here.receive() == Note("last")
    assert await here.receive() is None
    here.send(Note("nobody"))
    with socket.socket() as connection, pytest.raises(OSError, match="Broken pipe"):
        here.hand_over(Parcel(1), connection)


async def test_connections_that_nobody_took_are_closed(ends: Ends) -> None:
    here, there = ends
    mine, theirs = socket.socketpair()
    with mine:
        assert here.hand_over(Parcel(1), theirs)
        theirs.close()
        await there.receive()
        there.close()
        assert mine.recv(1) == b""
