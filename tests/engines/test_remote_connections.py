"""Connections to engines elsewhere that are lost, late, or not wanted any more."""

import asyncio
import socket
from typing import Any

import pytest

from vivavoce.engines.base import EngineError
from vivavoce.engines.remote.connection import Job
from vivavoce.engines.remote.link import UNANSWERED_MS, Link, keep_alive
from vivavoce.engines.remote.messages import to_user
from vivavoce.engines.remote.named import NamedTurnDetector
from vivavoce.engines.remote.recognizer import RemoteStream


class Nobody:
    """Takes what a link receives."""

    def received(self, message: Any) -> None:
        pass

    def lost(self, reason: str | None) -> None:
        pass


async def test_a_stream_that_is_closed_while_it_is_begun_leaves_its_job() -> None:
    begun, left = asyncio.Event(), list[Job]()

    async def begin() -> Job:
        await begun.wait()
        return Job(1, Link(to_user, Nobody()), paced=False, on_left=left.append)

    stream = RemoteStream(begin)
    async with asyncio.timeout(10.0):
        accepting = asyncio.create_task(stream.accept(b"\0\0"))
        await asyncio.sleep(0)  # it begins
        stream.close()
        begun.set()
        with pytest.raises(EngineError, match="is closed"):
            await accepting
    assert [job.number for job in left] == [1]


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="this system has no such limit")
def test_what_is_sent_to_a_machine_that_is_gone_is_not_sent_for_long() -> None:
    with socket.socket() as made:
        keep_alive(made)
        limit = made.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert limit == UNANSWERED_MS


async def test_those_who_wait_for_a_host_fail_together() -> None:
    tries = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tries
        tries += 1
        await reader.read(1)  # it has said hello
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        address = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        remote = NamedTurnDetector(address, "m", token="secret")
        for tried in (1, 2):
            uses = [remote.judge(b"\0\0") for _ in range(3)]
            failures = await asyncio.gather(*uses, return_exceptions=True)
            assert ["was lost" in str(failure) for failure in failures] == 3 * [True]
            assert tries == tried
        await remote.close()
