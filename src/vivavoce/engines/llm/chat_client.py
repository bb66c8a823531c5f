"""One POST to a chat completions server, and the stream of events that answers it."""

import asyncio
import os
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import aiohttp

from vivavoce.engines.base import EngineError, ModelOutput
from vivavoce.engines.llm.chat_failures import UnavailableError, not_a_stream, refusal
from vivavoce.engines.llm.chat_stream import ChatStream
from vivavoce.engines.llm.server_sent_events import EventStreamParser, EventTooLongError

_MAX_BODY_BYTES = 64 * 1024
_MAX_MESSAGE = 600
"""Characters of an error's text: what a server says about itself can be a whole page."""

_DRAIN_S = 1.0
"""Seconds that a server has to end the stream behind its last event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long to wait for the server, and between attempts, in seconds."""

    connect: float = 5.0
    """Until the connection stands."""
    first_token: float = 60.0
    """From sending the prompt to the first token: reading a long prompt takes its time."""
    between_tokens: float = 30.0
    """From each token to the next."""
    retry_pauses: tuple[float, ...] = (0.25, 1.0)
    """Before each further attempt, unless the server asks for more."""
    longest_pause: float = 5.0
    """A server that asks for more gets no further attempt: nobody in a talk waits longer."""


class ChatClient:
    """Posts to `url`. `model` serves the wording of errors, in which `api_key` never shows."""

    def __init__(self, url: str, *, model: str, api_key: str | None, timeouts: Timeouts) -> None:
        self._url = url
        self._model = model
        self._api_key = api_key
        self._timeouts = timeouts
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def attempt(self, body: bytes, stream: ChatStream) -> AsyncGenerator[ModelOutput, None]:
        """Post `body` once and read the answer through `stream`; raises `EngineError`.

        Ended before its end, by closing or cancelling, it closes the connection.
        """
        now = asyncio.get_running_loop().time
        parser = EventStreamParser()
        deadline = now() + self._timeouts.first_token
        response = await self._post(body, deadline)
        try:
            while not stream.ended:
                with self._worded(stream):
                    chunk = await _read(response, deadline)
                    events = parser.receive(chunk)
                for event in events:
                    with self._worded(stream):
                        outputs = stream.receive(event.data)
                    for output in outputs:
                        yield output
                if not chunk:
                    break
                if stream.started and events:
                    deadline = now() + self._timeouts.between_tokens
            with self._worded(stream):
                outputs = stream.finish()
            for output in outputs:
                yield output
            await _drain(response)
        finally:
            response.close()

    async def _post(self, body: bytes, deadline: float) -> aiohttp.ClientResponse:
        """Post, and return the response once it is known to be a stream."""
        with self._worded(ChatStream()):
            async with asyncio.timeout_at(deadline):
                response = await self._connected().post(
                    self._url, data=body, headers=self._headers(), allow_redirects=False
                )
                if response.status == 200 and response.content_type not in _DOCUMENTS:
                    return response
                try:
                    document = await _read_document(response)
                finally:
                    response.close()
            if response.status == 200:
                raise not_a_stream(response.content_type, document, secret=self._api_key)
            raise refusal(
                response.status,
                document,
                response.headers.get("Retry-After"),
                model=self._model,
                secret=self._api_key,
            )

    def _connected(self) -> aiohttp.ClientSession:
        # Made here and not at construction: it belongs to the running event loop.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # The runtime's admission bounds the number of answers, not a pool in here.
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._timeouts.connect),
            )
        return self._session

    def _headers(self) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "Accept": "text/event-stream",
            "Accept-Encoding": "identity",  # compression would hold tokens back
        }
        if self._api_key is not None:
            headers["Authorization"] = f"Bearer {self._api_key}"
        return headers

    @contextmanager
    def _worded(self, stream: ChatStream) -> Iterator[None]:
        """Turn whatever goes wrong with the connection into an `EngineError` for the reader."""
        try:
            yield
            return
        except EngineError as error:
            failure = error
        except (aiohttp.ClientError, TimeoutError, EventTooLongError) as error:
            failure = self._failure(error, stream)
        text = f"{self._url} {failure}"
        if self._api_key is not None:
            text = text.replace(self._api_key, "***")
        failure.args = (text if len(text) <= _MAX_MESSAGE else f"{text[:_MAX_MESSAGE]}…",)
        # Not "from error": aiohttp's errors may hold the request's headers, and so the key.
        raise failure from None

    def _failure(self, error: Exception, stream: ChatStream) -> EngineError:
        limits = self._timeouts
        match error:
            case aiohttp.ConnectionTimeoutError():
                return UnavailableError(
                    f"cannot be reached: no connection within {limits.connect:g} s. "
                    "Is the address right?",
                    code="connection_failed",
                )
            case TimeoutError() if stream.started:
                return EngineError(
                    f"stopped: nothing came for {limits.between_tokens:g} s.", code="timeout"
                )
            case TimeoutError():
                return EngineError(
                    f"sent no token within {limits.first_token:g} s.", code="timeout"
                )
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


_DOCUMENTS = frozenset({"application/json", "text/html"})


async def _read(response: aiohttp.ClientResponse, deadline: float) -> bytes:
    async with asyncio.timeout_at(deadline):
        return await response.content.readany()


async def _read_document(response: aiohttp.ClientResponse) -> bytes:
    document = bytearray()
    async for chunk in response.content.iter_any():
        document += chunk
        if len(document) > _MAX_BODY_BYTES:
            break
    return bytes(document)


async def _drain(response: aiohttp.ClientResponse) -> None:
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
