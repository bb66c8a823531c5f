"""A client that is gone is noticed; one that the server has no time for is not taken for gone."""

import asyncio
import base64
import json
import threading
from collections.abc import Sequence

import aiohttp
import numpy as np
import numpy.typing as npt
import pytest
from yarl import URL

from support.server import PATIENCE_S, serving
from support.sound import silence
from support.upgrade import UPGRADE
from vivavoce.engines.vad.scripted import ScriptedDetector
from vivavoce.transports import websocket_connection

PINGS_OF_SILENCE = 5


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pings that come fast, and a server that gives up soon."""
    monkeypatch.setattr(websocket_connection, "PING_INTERVAL_S", 0.1)
    monkeypatch.setattr(websocket_connection, "SILENCE_TIMEOUT_S", 0.1 * PINGS_OF_SILENCE)


class HeldDetector(ScriptedDetector):
    """Scores nothing until it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may = threading.Event()

    def score(self, streams: Sequence[int], windows: npt.NDArray[np.int16]) -> list[float]:
        assert self.may.wait(PATIENCE_S)
        return super().score(streams, windows)


async def answer_pings(socket: aiohttp.ClientWebSocketResponse, count: int) -> None:
    """Answer so many pings."""
    while count:
        message = await socket.receive(PATIENCE_S)
        assert message.type in (aiohttp.WSMsgType.PING, aiohttp.WSMsgType.TEXT), message
        if message.type is aiohttp.WSMsgType.PING:
            await socket.pong(message.data)
            count -= 1


async def until(socket: aiohttp.ClientWebSocketResponse, kind: str) -> None:
    """Answer pings until such an event comes."""
    while True:
        message = await socket.receive(PATIENCE_S)
        if message.type is aiohttp.WSMsgType.PING:
            await socket.pong(message.data)
        elif json.loads(message.data)["type"] == kind:
            return


async def test_a_client_is_kept_while_the_server_has_no_time_to_read() -> None:
    detector = HeldDetector()
    audio = base64.b64encode(silence(40_000)).decode()
    append = {"type": "input_audio_buffer.append", "audio": audio}
    async with (
        serving(vad=detector) as server,
        server.http.ws_connect(f"{server.url}/realtime?model=x", autoping=False) as socket,
        asyncio.TaskGroup() as tasks,
    ):
        try:
            # The first append is more than may wait for the detector, so the second is not read,
            # and neither is any pong behind it.
            for frame in (append, append, {"type": "input_audio_buffer.clear"}):
                sending = tasks.create_task(socket.send_json(frame))
            await answer_pings(socket, 3 * PINGS_OF_SILENCE)
        finally:
            detector.may.set()
        await sending
        await until(socket, "input_audio_buffer.cleared")


async def test_a_client_that_only_listens_is_kept() -> None:
    async with (
        serving() as server,
        server.http.ws_connect(f"{server.url}/realtime?model=x", autoping=False) as socket,
    ):
        await answer_pings(socket, 3 * PINGS_OF_SILENCE)
        await socket.send_json({"type": "input_audio_buffer.clear"})
        await until(socket, "input_audio_buffer.cleared")


async def test_a_client_that_answers_no_ping_is_disconnected() -> None:
    async with serving() as server:
        url = URL(server.url)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(UPGRADE)
        received = await asyncio.wait_for(reader.read(), PATIENCE_S)
        assert received.startswith(b"HTTP/1.1 101 ")
        writer.close()
        await server.until_idle()
