"""Connections to engines elsewhere that are lost, late, or not wanted any more."""

import asyncio
import socket

import pytest

from vivavoce.engines.remote.link import UNANSWERED_MS, keep_alive
from vivavoce.engines.remote.named import NamedTurnDetector


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
