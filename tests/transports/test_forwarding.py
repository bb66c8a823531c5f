"""Requests that name another worker's call reach it, over a Unix socket."""

import asyncio
import contextlib
import gzip
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from yarl import URL

from support.upgrade import HANDSHAKE, UPGRADE
from vivavoce.transports import forwarding as passing_on
from vivavoce.transports import relaying
from vivavoce.transports.forwarding import Forwarding, socket_path

LOCAL, REMOTE, GONE = "rtc_u1_E6U0u6ZFxXUxYesuS1", "rtc_u2_E6U0u6ZFxXUxYesuS1", "rtc_u3_E6U0u6"
BODY = b"v=0" * 100_000
MORE_THAN_SOCKETS_HOLD = b"." * (16 * 1024 * 1024)


class Calls:
    """A worker's routes, which tell who has answered what."""

    def __init__(self, worker: int) -> None:
        self.worker = worker
        self.closed: asyncio.Future[tuple[int | None, str]] = asyncio.Future()
        self.open = asyncio.Event()
        self.seen: dict[str, str] = {}
        """The header fields of the last request."""

    async def act(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.seen = {name.lower(): value for name, value in request.headers.items()}
        answer = web.StreamResponse(status=201, headers={"Location": f"/{self.worker}"})
        answer.headers["Seen"] = " ".join(
            [request.method, request.path_qs, request.headers["Authorization"], request.host]
        )
        await answer.prepare(request)
        for start in range(0, len(body), 1000):
            await answer.write(body[start : start + 1000])
        return answer

    async def stall(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "1000"})
        await answer.prepare(request)
        await answer.write(b"not all of it")
        await self.open.wait()
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
            elif message.type is WSMsgType.TEXT and message.data == "much":
                await ws.send_bytes(MORE_THAN_SOCKETS_HOLD)
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
        app.router.add_post("/v1/realtime/calls/{call_id}/stall", calls.stall)
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
    async with pair.http.get(url, headers=HANDSHAKE) as answer:
        assert (answer.status, await answer.text()) == (404, "not at 2")


async def test_clients_are_told_when_the_worker_between_stops(pair: Pair) -> None:
    async with pair.http.ws_connect(f"{pair.url}/realtime?call_id={REMOTE}") as ws:
        await ws.receive_str()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(pair.forwarding.__aexit__(None, None, None))
            assert (await ws.receive()).data == aiohttp.WSCloseCode.GOING_AWAY
    code, _ = await pair.second.closed
    assert code == aiohttp.WSCloseCode.GOING_AWAY


@contextlib.asynccontextmanager
async def who_does_not_read(pair: Pair) -> AsyncIterator[None]:
    """A client of a sideband who has asked for more than it reads."""
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(pair.url).port)
    try:
        writer.write(UPGRADE.replace(b"?model=x", b"?call_id=" + REMOTE.encode()))
        await reader.readuntil(b"worker 2")
        writer.write(b"\x81\x84\0\0\0\0much")
        await reader.readexactly(1000)
        yield
    finally:
        writer.transport.abort()


async def test_a_client_that_does_not_read_is_cut_off(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relaying, "STALL_TIMEOUT_S", 0.1)
    async with who_does_not_read(pair):
        await pair.second.closed


async def test_a_client_that_does_not_read_does_not_hold_up_the_end(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passing_on, "CLOSE_TIMEOUT_S", 0.1)
    async with who_does_not_read(pair):
        await pair.forwarding.dismiss()
        await pair.second.closed


async def test_an_answer_that_stalls_is_broken_off(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passing_on, "TIMEOUT", aiohttp.ClientTimeout(sock_read=0.1))
    async with pair.http.post(f"{pair.url}/realtime/calls/{REMOTE}/stall") as answer:
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
    pair.second.open.set()


@pytest.mark.parametrize("call", [LOCAL, REMOTE])
async def test_an_encoded_body_is_decoded_once(pair: Pair, call: str) -> None:
    async with pair.http.post(
        f"{pair.url}/realtime/calls/{call}/hangup",
        data=gzip.compress(BODY),
        headers={"Content-Encoding": "gzip"},
    ) as answer:
        assert await answer.read() == BODY


async def test_a_body_in_an_encoding_that_nobody_knows_is_passed_on_as_it_is(pair: Pair) -> None:
    async with pair.http.post(
        f"{pair.url}/realtime/calls/{REMOTE}/hangup",
        data=BODY,
        headers={"Content-Encoding": "morse"},
    ) as answer:
        assert await answer.read() == BODY
    assert pair.second.seen["content-encoding"] == "morse"
    assert pair.second.seen["content-length"] == str(len(BODY))


async def test_fields_of_one_hop_stay_there_and_none_is_added(pair: Pair) -> None:
    fields = {
        "Connection": "keep-alive, X-Secret",
        "Proxy-Connection": "keep-alive",
        "X-Secret": "1",
        "X-Open": "2",
    }
    async with pair.http.post(
        f"{pair.url}/realtime/calls/{REMOTE}/hangup",
        headers=fields,
        skip_auto_headers=("Content-Type",),
    ):
        pass
    assert pair.second.seen["x-open"] == "2"
    assert not {"x-secret", "proxy-connection", "content-type"} & pair.second.seen.keys()
