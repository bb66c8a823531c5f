"""A chat completion that is passed through: the client's request, and the bytes that answer it.

For callers over HTTP, who speak the same API as the server behind the engine: what they send and
get is not read here, so that fields that nobody here knows work as well.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import aiohttp

from vivavoce.engines.base import EngineError
from vivavoce.engines.llm.answer_options import AnswerOptions
from vivavoce.engines.llm.chat_request import sampling, thinking
from vivavoce.engines.openai_http.endpoint import Endpoint, read, read_document
from vivavoce.protocol.prompt import Prompt

ANSWER_S = 600.0
"""Seconds that an answer may take that is not streamed, as OpenAI's own clients wait."""

CLIENTS_OWN = frozenset({400, 413, 415, 422})
"""Statuses by which a server refuses what was asked; others concern whoever asked it for us."""

_HEADERS = {"Content-Type": "application/json", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Relayed:
    """The answer of a server: status 200, or a refusal of what the client asked for."""

    status: int
    content_type: str
    body: AsyncIterator[bytes]
    """Raises `EngineError`."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds until a stream's first bytes, and between any two of its pieces."""

    first: float
    between: float


@runtime_checkable
class RelaysChat(Protocol):
    """What a language model may have besides: it takes chat completions as they are.

    `relay` gives the server's answer; the end of the block closes the connection, and that is what
    stops the server. Raises `EngineError` for whatever is not the client's affair.
    """

    def relay(self, request: Mapping[str, Any]) -> AbstractAsyncContextManager[Relayed]:
        """Post a request."""
        ...


def relayed_request(
    request: Mapping[str, Any], *, model: str, options: AnswerOptions, at_openai: bool
) -> dict[str, Any]:
    """The client's request for the model that the operator means by it.

    What the operator has set fills in for what the client leaves out; their `extra_body` goes over
    everything else, as in all requests.
    """
    defaults = sampling(Prompt(), options) | thinking(options, at_openai)
    return {**defaults, **request, "model": model, **options.extra_body}


@contextlib.asynccontextmanager
async def relayed(
    endpoint: Endpoint, body: bytes, patience: Patience, *, secret: str | None
) -> AsyncIterator[Relayed]:
    """Post `body`, and pass on what comes. In a refusal `secret` does not show."""
    deadline = asyncio.get_running_loop().time() + patience.first

    def late() -> EngineError:
        return EngineError(f"sent no answer within {patience.first:g} s.", code="timeout")

    with endpoint.worded(late):
        response = await endpoint.post(body, _HEADERS, deadline=deadline, taken={200, *CLIENTS_OWN})
    try:
        pieces = _pieces(endpoint, response, deadline, patience)
        if response.status != 200:
            pieces = _refusal(endpoint, response, deadline, secret)
        async with aclosing(pieces):
            yield Relayed(response.status, response.content_type, pieces)
    finally:
        response.close()


async def _pieces(
    endpoint: Endpoint, response: aiohttp.ClientResponse, deadline: float, patience: Patience
) -> AsyncGenerator[bytes, None]:
    def late() -> EngineError:
        text = f"stopped: nothing came for {patience.between:g} s."
        return EngineError(text, code="timeout")

    while True:
        with endpoint.worded(late):
            piece = await read(response, deadline)
        if not piece:
            return
        yield piece
        deadline = asyncio.get_running_loop().time() + patience.between


async def _refusal(
    endpoint: Endpoint, response: aiohttp.ClientResponse, deadline: float, secret: str | None
) -> AsyncGenerator[bytes, None]:
    def late() -> EngineError:
        return EngineError("did not say why it refuses the request.", code="timeout")

    with endpoint.worded(late):
        async with asyncio.timeout_at(deadline):
            document = await read_document(response)
    yield document if secret is None else document.replace(secret.encode(), b"***")
