"""Requests that name another worker's call reach it, over a Unix socket."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from vivavoce.transports.forwarding import Forwarding, socket_path

LOCAL, REMOTE, GONE = "rtc_u1_E6U0u6ZFxXUxYesuS1", "rtc_u2_E6U0u6ZFxXUxYesuS1", "rtc_u3_E6U0u6"
BODY = b"v=0" * 100_000


class Calls:
    """A worker's routes, which tell who has answered what."""

    def __init__(self, worker: int) -> None:
        self.worker = worker
        self.closed: asyncio.Future[tuple[int | None, str]] = asyncio.Future()
        self.open = asyncio.Event()

    async def act(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        answer = web.StreamResponse(status=201, headers={"Location": f"/{self.worker}"})
        answer.headers["Seen"] = " ".join(
            [request.method, request.path_qs, request.headers["Authorization"], request.host]
        )
        await answer.prepare(request)
        for start in range(0, len(body), 1000):
            await answer.write(body[start : start + 1000])
        return answer

    async def sideband(self, request: web.Request) -> web.StreamResponse:
        if request.query["call_id"].endswith("lost"):
            return web.Response(status=404, text=f"not at {self.worker}")
        ws = web.WebSocketResponse(protocols=("realtime",), autoping=False)
        await ws.prepare(request)
        self.open.set()
        await ws.send_str(f"worker {self.worker}, {ws.ws_protocol}")
        while True:
            message = await ws.receive()
            if message.type is WSMsgType.PING:
                await ws.pong(b"answered " + message.data)
            elif message.type is WSMsgType.TEXT and message.data == "close":
                await ws.close(code=4321, message=b"as asked")
            elif message.type is WSMsgType.TEXT:
                await ws.send_str(message.data)
            elif message.type is WSMsgType.BINARY:
                await ws.send_bytes(message.data)
            else:
                self.closed.set_result((ws.close_code, message.extra or ""))
                return ws


@dataclass
class Pair:
    """Two workers, and a client of the first."""

    first: Calls
    second: Calls
    forwarding: Forwarding
    http: aiohttp.ClientSession
    url: str


@contextlib.asynccontextmanager
async def worker(calls: Calls, folder: Path) -> AsyncIterator[tuple[Forwarding, str]]:
    async with Forwarding(calls.worker, folder) as forwarding:
        app = web.Application(middlewares=[forwarding.middleware])
        app.router.add_get("/v1/realtime", calls.sideband)
        app.router.add_post("/v1/realtime/calls/{call_id}/hangup", calls.act)
        runner = web.AppRunner(app, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.UnixSite(runner, str(socket_path(folder, calls.worker))).start()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            port = next(name[1] for name in runner.addresses if isinstance(name, tuple))
            yield forwarding, f"http://127.0.0.1:{port}/v1"
        finally:
            await runner.cleanup()


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    first, second = Calls(1), Calls(2)
    async with (
        worker(second, tmp_path),
        worker(first, tmp_path) as (forwarding, url),
        aiohttp.ClientSession(headers={"Authorization": "Bearer k"}) as http,
    ):
        yield Pair(first, second, forwarding, http, url)


@pytest.mark.parametrize(("call", "answering"), [(LOCAL, 1), (REMOTE, 2), (GONE, 1)])
async def test_a_request_is_answered_where_its_call_is(
    pair: Pair, call: str, answering: int
) -> None:
    url = f"{pair.url}/realtime/calls/{call}/hangup?a=b%20c"
    async with pair.http.post(url, data=BODY) as answer:
        assert answer.status == 201
        assert answer.headers["Location"] == f"/{answering}"
        host = pair.url.split("/")[2]
        assert answer.headers["Seen"] == (
            f"POST /v1/realtime/calls/{call}/hangup?a=b%20c Bearer k {host}"
        )
        assert await answer.read() == BODY


@pytest.mark.parametrize(("call", "answering"), [(LOCAL, 1), (REMOTE, 2), ("rtc_none", 1)])
async def test_a_sideband_reaches_the_worker_of_its_call(
    pair: Pair, call: str, answering: int
) -> None:
    async with pair.http.ws_connect(
        f"{pair.url}/realtime?call_id={call}", protocols=("other", "realtime"), autoping=False
    ) as ws:
        assert ws.protocol == "realtime"
        assert await ws.receive_str() == f"worker {answering}, realtime"
        await ws.send_str("héllo")
        assert await ws.receive_str() == "héllo"
        await ws.send_bytes(BODY)
        assert await ws.receive_bytes() == BODY
        await ws.ping(b"you")
        assert (await ws.receive()).data == b"answered you"
        await ws.send_str("close")
        close = await ws.receive()
        assert (close.data, close.extra) == (4321, "as asked")


async def test_what_a_client_closes_with_is_passed_on(pair: Pair) -> None:
    async with pair.http.ws_connect(f"{pair.url}/realtime?call_id={REMOTE}") as ws:
        await ws.receive_str()
        await ws.close(code=4002, message=b"bye")
    assert await pair.second.closed == (4002, "bye")


async def test_a_client_that_is_lost_is_gone_for_the_other_worker(pair: Pair) -> None:
    async with pair.http.ws_connect(f"{pair.url}/realtime?call_id={REMOTE}") as ws:
        await ws.receive_str()
        ws.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        await pair.second.closed


async def test_a_refused_handshake_is_refused_in_the_same_words(pair: Pair) -> None:
    url = f"{pair.url}/realtime?call_id=rtc_u2_lost"
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    async with pair.http.get(url, headers=headers) as answer:
        assert (answer.status, await answer.text()) == (404, "not at 2")


async def test_clients_are_told_when_the_worker_between_stops(pair: Pair) -> None:
    async with pair.http.ws_connect(f"{pair.url}/realtime?call_id={REMOTE}") as ws:
        await ws.receive_str()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(pair.forwarding.__aexit__(None, None, None))
            assert (await ws.receive()).data == aiohttp.WSCloseCode.GOING_AWAY
    code, _ = await pair.second.closed
    assert code == aiohttp.WSCloseCode.GOING_AWAY
