"""Requests that name a call or a session of another worker are passed on to it.

A sideband (`GET /v1/realtime?call_id=…`) and what is done to a call
(`POST /v1/realtime/calls/{call_id}/hangup`) come to any worker, and the call lives in one. Its id
names that one (`protocol.ids`), which listens on a Unix socket of its own for the others. What
comes over that socket is answered where it comes to, so nothing goes round in circles.
"""

import asyncio
import contextlib
import logging
import re
import socket
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import WSCloseCode, hdrs, web
from aiohttp.typedefs import Handler
from yarl import URL

from vivavoce.protocol.ids import worker_of
from vivavoce.transports.relaying import relay
from vivavoce.transports.websocket import MAX_FRAME
from vivavoce.transports.websocket_connection import CLOSE_TIMEOUT_S

logger = logging.getLogger(__name__)

SIDEBAND = re.compile(r"/realtime/*$")
CALL = re.compile(r"/realtime/+calls/+([^/]+)(?:/|$)")

TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5.0, sock_read=60.0)
"""A worker that says nothing for so long, in seconds, is not waited for."""

PIECE = 64 * 1024
"""Bytes of an answer that are passed on at a time."""

OF_A_CONNECTION = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-connection",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Header fields between two hops only (RFC 9110, 7.6.1), as are those that `Connection` names."""

DECODED = frozenset({"gzip", "deflate", "br", "zstd"})
"""Encodings of a body that `aiohttp` undoes when it receives a request."""

OF_AN_ENCODED_BODY = frozenset({"content-encoding", "content-length"})
"""What is not true of the body any more when that is done."""

ADDED_BY_CLIENTS = (hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.CONTENT_TYPE, hdrs.USER_AGENT)
"""Fields that `aiohttp` would add where the client has sent none."""

OF_A_HANDSHAKE = "sec-websocket-"
"""How the fields begin that either WebSocket has for itself."""


class RefusedHandshake(Exception):  # noqa: N818 - an answer like any other
    """The other worker has answered a WebSocket handshake in plain HTTP."""

    def __init__(self, answer: aiohttp.ClientResponse, body: bytes) -> None:
        super().__init__(answer.status)
        self.answer = answer
        self.body = body


class Forwarding:
    """Passes on what belongs to others; a context, at whose end what is passed on ends too."""

    def __init__(self, worker: int, folder: Path) -> None:
        """`folder` has the sockets of all workers."""
        self._worker = worker
        self._folder = folder
        self._clients: dict[int, aiohttp.ClientSession] = {}
        self._relayed: dict[web.WebSocketResponse, Callable[[], None]] = {}
        """What relays to others, and for each what cuts it off."""
        self._ended = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        await self.dismiss()
        for client in self._clients.values():
            await client.close()

    async def dismiss(self) -> None:
        """Pass on no more, and close what is relayed; a client that does not read is cut off."""
        self._ended = True
        async with asyncio.TaskGroup() as tasks:
            for ours, cut_off in tuple(self._relayed.items()):
                tasks.create_task(part(ours, cut_off))

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answers with what the worker of the request has to say.

        A worker that is not there has no call either: the endpoint here says so, in its words.
        """
        target = named_worker(request)
        if target is None or target == self._worker or is_passed_on(request) or self._ended:
            return await handler(request)
        try:
            if is_upgrade(request):
                return await self._pass_on_socket(request, self._client(target))
            return await pass_on(request, self._client(target))
        except aiohttp.ClientConnectorError:
            return await handler(request)
        except TimeoutError as error:
            raise web.HTTPGatewayTimeout(text=f"Worker {target} does not answer.") from error
        except aiohttp.ClientError as error:
            logger.warning("a request to worker %s was lost: %s", target, error)
            raise web.HTTPBadGateway(text=f"Worker {target} has gone away.") from error

    def _client(self, worker: int) -> aiohttp.ClientSession:
        """Connections to a worker; one for each client that is passed on, and no limit besides."""
        if worker not in self._clients:
            self._clients[worker] = aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(str(socket_path(self._folder, worker)), limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=ADDED_BY_CLIENTS,
                auto_decompress=False,
                timeout=TIMEOUT,
                middlewares=(keep_refusal,),
            )
        return self._clients[worker]

    async def _pass_on_socket(
        self, request: web.Request, client: aiohttp.ClientSession
    ) -> web.StreamResponse:
        """Connect to the worker as the client has to us, and relay until either side closes."""
        try:
            async with client.ws_connect(
                url_of(request),
                headers=headers_of(request),
                protocols=offered(request),
                autoping=False,
                max_msg_size=MAX_FRAME,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT_S),
            ) as theirs:
                ours = web.WebSocketResponse(
                    protocols=(theirs.protocol,) if theirs.protocol else (),
                    autoping=False,
                    max_msg_size=MAX_FRAME,
                    timeout=CLOSE_TIMEOUT_S,
                    compress=False,
                )
                await ours.prepare(request)
                with self._relaying(request, ours) as cut_off:
                    await relay(ours, theirs, cut_off)
                return ours
        except RefusedHandshake as refused:
            headers = headers_of(refused.answer)
            return web.Response(status=refused.answer.status, headers=headers, body=refused.body)

    @contextlib.contextmanager
    def _relaying(
        self, request: web.Request, ours: web.WebSocketResponse
    ) -> Iterator[Callable[[], None]]:
        """Within the block the socket is told when this ends; gives what cuts it off."""

        def cut_off() -> None:
            abort(request)

        self._relayed[ours] = cut_off
        try:
            yield cut_off
        finally:
            del self._relayed[ours]


async def part(ours: web.WebSocketResponse, cut_off: Callable[[], None]) -> None:
    """Close the socket of a client, who gets a while to answer."""
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await ours.close(code=WSCloseCode.GOING_AWAY, message=b"The server is shutting down.")
    except TimeoutError:
        cut_off()


def abort(request: web.Request) -> None:
    """End the connection of a request, if it is there still."""
    if request.transport is not None:
        request.transport.abort()


def socket_path(folder: Path, worker: int) -> Path:
    """Where a worker listens for the others."""
    return folder / f"{worker}.sock"


def named_worker(request: web.Request) -> int | None:
    """The worker whose call or session a request names."""
    if call := CALL.search(request.path):
        return worker_of(call[1])
    if SIDEBAND.search(request.path):
        return worker_of(request.query.get("call_id", ""))
    return None


def is_passed_on(request: web.Request) -> bool:
    """Whether a request comes from another worker."""
    if request.transport is None:  # the client has gone already
        return False
    family: int = request.transport.get_extra_info("socket").family
    return family == socket.AF_UNIX


def is_upgrade(request: web.Request) -> bool:
    """Whether a request opens a WebSocket."""
    return bool(web.WebSocketResponse().can_prepare(request))


def offered(request: web.Request) -> list[str]:
    """The subprotocols that a client offers."""
    lists = request.headers.getall(hdrs.SEC_WEBSOCKET_PROTOCOL, ())
    return [one.strip() for some in lists for one in some.split(",") if one.strip()]


def url_of(request: web.Request) -> URL:
    """The same path and query, for a connector that knows where it goes to."""
    return URL(f"http://worker{request.rel_url.raw_path_qs}", encoded=True)


def headers_of(message: web.Request | aiohttp.ClientResponse) -> list[tuple[str, str]]:
    """The header fields that go on to the next hop."""
    named = ",".join(message.headers.getall(hdrs.CONNECTION, ())).lower().split(",")
    dropped = OF_A_CONNECTION.union(one.strip() for one in named)
    encoding = message.headers.get(hdrs.CONTENT_ENCODING, "")
    if isinstance(message, web.Request) and encoding.lower() in DECODED:
        dropped |= OF_AN_ENCODED_BODY
    return [
        (name, value)
        for name, value in message.headers.items()
        if name.lower() not in dropped and not name.lower().startswith(OF_A_HANDSHAKE)
    ]


async def pass_on(request: web.Request, client: aiohttp.ClientSession) -> web.StreamResponse:
    """Send a request on as it comes in, and its answer back as it comes."""
    async with client.request(
        request.method,
        url_of(request),
        headers=headers_of(request),
        data=request.content if request.body_exists else None,
        allow_redirects=False,
    ) as answer:
        ours = web.StreamResponse(
            status=answer.status, reason=answer.reason, headers=headers_of(answer)
        )
        await ours.prepare(request)
        try:
            async for piece in answer.content.iter_chunked(PIECE):
                await ours.write(piece)
            await ours.write_eof()
        except (aiohttp.ClientError, TimeoutError) as error:
            logger.warning("an answer of another worker broke off: %s", error)
            abort(request)  # nothing else says that this is not all of it
        return ours


async def keep_refusal(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Middleware of the client, whose `ws_connect` drops the body of what is no handshake."""
    answer = await handler(request)
    if hdrs.UPGRADE in request.headers and answer.status != HTTPStatus.SWITCHING_PROTOCOLS:
        raise RefusedHandshake(answer, await answer.read())
    return answer
