"""HTTP to MCP servers: to allowed addresses only, and never more than so many bytes back."""

import ipaddress
from collections.abc import AsyncIterator

import httpx2
import msgspec

from vivavoce.runtime.addresses import AllowedAddresses

DEFAULT_PORTS = {"http": 80, "https": 443}


class AnswerTooLargeError(httpx2.StreamError):
    """An MCP server sends more than is read."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The answer has more than {limit} bytes.")


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Resolves a host itself, and connects to what it has checked.

    `refused` is the status of the newest answer to a message if it was an error of HTTP without an
    error of JSON-RPC in it; `received` counts the bytes of all answers, of which there may be at
    most `limit`. `session_id` is what a server calls this connection if it keeps anything for it.
    """

    def __init__(self, allowed: AllowedAddresses, limit: int) -> None:
        self.refused: int | None = None
        self.received = 0
        self.limit = limit
        self.session_id: str | None = None
        self._allowed = allowed
        self._inner = httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request. Raises what `AllowedAddresses.of` raises, and `httpx2.HTTPError`."""
        port = request.url.port or DEFAULT_PORTS[request.url.scheme]
        addresses = await self._allowed.of(request.url.host, port)
        response = await self._first_answer(request, addresses)
        # Packing was not asked for; what such an answer unpacks to could be any size.
        response.headers.pop("Content-Encoding", None)
        response.stream = Bounded(self, response.stream)
        self.session_id = response.headers.get("Mcp-Session-Id", self.session_id)
        if request.method == "POST":  # what the server pushes, and goodbyes, may be refused
            await self._note_refusal(response)
        return response

    @property
    def too_large(self) -> bool:
        """Whether the server has sent more than is read."""
        return self.received > self.limit

    async def aclose(self) -> None:
        """Close all connections."""
        await self._inner.aclose()

    async def _first_answer(self, request: httpx2.Request, addresses: list[str]) -> httpx2.Response:
        *others, last = addresses
        for address in others:
            try:
                return await self._inner.handle_async_request(addressed(request, address))
            except httpx2.ConnectError:
                continue
        return await self._inner.handle_async_request(addressed(request, last))

    async def _note_refusal(self, response: httpx2.Response) -> None:
        self.refused = None
        if response.status_code < 400:
            return
        body = await response.aread()
        if not is_json_rpc_error(body):
            self.refused = response.status_code


class Bounded(httpx2.AsyncByteStream):
    """An answer's bytes, as long as all answers together are within the limit."""

    def __init__(self, transport: GuardedTransport, inner: object) -> None:
        assert isinstance(inner, httpx2.AsyncByteStream)
        self._transport = transport
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Raises `AnswerTooLargeError`."""
        async for piece in self._inner:
            self._transport.received += len(piece)
            if self._transport.too_large:
                raise AnswerTooLargeError(self._transport.limit)
            yield piece

    async def aclose(self) -> None:
        """Give the connection back."""
        await self._inner.aclose()


def addressed(request: httpx2.Request, address: str) -> httpx2.Request:
    """The request, to be sent to this very address.

    The header `Host`, which is set, stays the named host's, and the certificate has to be its own.
    """
    extensions = dict(request.extensions)
    if not is_address(request.url.host):
        extensions["sni_hostname"] = request.url.host
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions=extensions,
    )


def is_json_rpc_error(body: bytes) -> bool:
    """Whether an answer says by itself what was wrong."""
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return isinstance(answer, dict) and "jsonrpc" in answer and "error" in answer


def is_address(host: str) -> bool:
    """Whether a host is written as an address; certificates for those are checked as such."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
