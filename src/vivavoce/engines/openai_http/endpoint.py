"""POSTs to one URL of a server; whatever goes wrong is worded for the one who runs Vivavoce."""

import asyncio
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from weakref import WeakSet

import aiohttp

from vivavoce.engines.base import EngineError
from vivavoce.engines.openai_http.failures import UnavailableError, refusal
from vivavoce.engines.openai_http.server_sent_events import EventTooLongError

_MAX_BODY_BYTES = 64 * 1024
_MAX_MESSAGE = 600
"""Characters of an error's text: what a server says about itself can be a whole page."""

_DRAIN_S = 1.0
"""Seconds that a server has to end a stream behind its last event."""

Late = Callable[[], EngineError]
"""What it means, at this moment, that nothing came in time."""


class Endpoint:
    """One URL, the key for it, and the connections to it.

    `model` and `key_advice` serve the wording of errors, in which `api_key` never shows.
    `connect_s` is how many seconds a connection may take. Beyond `connections` requests wait, for
    servers that have a limit; 0 sets none, for the runtime's admission bounds them.
    """

    def __init__(
        self,
        url: str,
        *,
        model: str,
        api_key: str | None,
        key_advice: str,
        connect_s: float,
        connections: int = 0,
    ) -> None:
        self._url = url
        self._model = model
        self._api_key = api_key
        self._key_advice = key_advice
        self._connect_s = connect_s
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self._responses: WeakSet[aiohttp.ClientResponse] = WeakSet()
        self._closed = False

    async def close(self) -> None:
        """Close the connections. Whoever still waits for an answer, or asks, gets `EngineError`."""
        self._closed = True
        for response in self._responses:
            if not response.closed:  # aiohttp would leave its reader waiting
                response.content.set_exception(_closed())
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def post(
        self,
        data: bytes | aiohttp.FormData,
        headers: Mapping[str, str],
        *,
        deadline: float,
        taken: Collection[int] = (200,),
    ) -> aiohttp.ClientResponse:
        """Post, and give the response once its status is known to be one that is `taken`.

        Raises `EngineError` for another. `deadline` is by the event loop's clock. Call it inside of
        `worded`, and close the response.
        """
        if self._api_key is not None:
            headers = {**headers, "Authorization": f"Bearer {self._api_key}"}
        async with asyncio.timeout_at(deadline):
            response = await self._connected().post(
                self._url, data=data, headers=headers, allow_redirects=False
            )
            self._responses.add(response)
            if response.status in taken:
                return response
            try:
                document = await read_document(response)
            finally:
                response.close()
        raise refusal(
            response.status,
            document,
            response.headers.get("Retry-After"),
            model=self._model,
            secret=self._api_key,
            key_advice=self._key_advice,
        )

    @contextmanager
    def worded(self, late: Late) -> Iterator[None]:
        """Turn whatever goes wrong with the connection into an `EngineError` for the reader.

        `late` says what a timeout means at this moment; its text goes on behind the URL.
        """
        try:
            yield
            return
        except EngineError as error:
            failure = error
        except (aiohttp.ClientError, TimeoutError, EventTooLongError) as error:
            failure = self._failure(error, late)
        text = f"{self._url} {failure}"
        if self._api_key is not None:
            text = text.replace(self._api_key, "***")
        failure.args = (text if len(text) <= _MAX_MESSAGE else f"{text[:_MAX_MESSAGE]}…",)
        # Not "from error": aiohttp's errors may hold the request's headers, and so the key.
        raise failure from None

    def _connected(self) -> aiohttp.ClientSession:
        if self._closed:  # else a request that is tried again would leave connections behind
            raise _closed()
        # Made here and not at construction: it belongs to the running event loop.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_s),
            )
        return self._session

    def _failure(self, error: Exception, late: Late) -> EngineError:
        match error:
            case aiohttp.ConnectionTimeoutError():
                return UnavailableError(
                    f"cannot be reached: no connection within {self._connect_s:g} s. "
                    "Is the address right?",
                    code="connection_failed",
                )
            case TimeoutError():
                return late()
            case aiohttp.ClientConnectorCertificateError():
                return EngineError(
                    f"has a certificate that is not trusted: {error.certificate_error}",
                    code="connection_failed",
                )
            case aiohttp.ClientConnectorError():
                return UnavailableError(
                    f"cannot be reached: {_reason(error.os_error)}. Is the server running?",
                    code="connection_failed",
                )
            case aiohttp.ClientConnectionError() | aiohttp.ClientPayloadError():
                return UnavailableError(
                    "closed the connection before the answer was complete.",
                    code="connection_lost",
                )
            case _:
                return EngineError(f"does not speak the protocol: {error}", code="invalid_response")


def _closed() -> EngineError:
    return EngineError("is not asked any more: the engine was closed", code="engine_closed")


async def read(response: aiohttp.ClientResponse, deadline: float) -> bytes:
    """The next bytes of a stream; none at its end."""
    async with asyncio.timeout_at(deadline):
        return await response.content.readany()


async def read_document(response: aiohttp.ClientResponse) -> bytes:
    """A document that is no stream, up to a bound."""
    document = bytearray()
    async for chunk in response.content.iter_any():
        document += chunk
        if len(document) > _MAX_BODY_BYTES:
            break
    return bytes(document)


async def drain(response: aiohttp.ClientResponse) -> None:
    """Read to the end of the response, so that its connection serves the next answer too."""
    # The answer is complete: what goes wrong now costs no more than a new connection.
    with suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(_DRAIN_S):
            while await response.content.readany():
                pass


def _reason(error: OSError) -> str:
    # A name with several addresses gives one error for all of them, without a number.
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    return error.strerror or str(error)
