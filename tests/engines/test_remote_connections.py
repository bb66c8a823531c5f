"""Connections to engines elsewhere that are lost, late, or not wanted any more."""

import asyncio

from vivavoce.engines.remote.named import NamedTurnDetector


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
