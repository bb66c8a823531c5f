"""One POST to a chat completions server, and the stream of events that answers it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec

from vivavoce.engines.base import EngineError, ModelOutput
from vivavoce.engines.llm.chat_relay import ANSWER_S, Patience, Relayed, relayed
from vivavoce.engines.llm.chat_stream import ChatStream
from vivavoce.engines.openai_http.endpoint import Endpoint, Late, drain, read, read_document
from vivavoce.engines.openai_http.failures import UnavailableError, not_a_stream
from vivavoce.engines.openai_http.server_sent_events import EventStreamParser


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
    """Posts to `url`, over at most so many `connections`; 0 sets no limit.

    `model` serves the wording of errors, in which `api_key` never shows.
    """

    def __init__(
        self,
        url: str,
        *,
        model: str,
        api_key: str | None,
        timeouts: Timeouts,
        connections: int = 0,
    ) -> None:
        self._timeouts = timeouts
        self._api_key = api_key
        self._endpoint = Endpoint(
            url,
            model=model,
            api_key=api_key,
            key_advice=_KEY,
            connect_s=timeouts.connect,
            connections=connections,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._endpoint.close()

    async def answer(
        self, request: Mapping[str, Any], new_stream: Callable[[], ChatStream]
    ) -> AsyncGenerator[ModelOutput, None]:
        """Post `request` and read the answer, through a new stream for each attempt.

        Before the first token, a lost connection and a busy server get further attempts. Raises
        `EngineError`.
        """
        body = msgspec.json.encode(request)
        for pause in (*self._timeouts.retry_pauses, None):
            stream = new_stream()
            try:
                async with aclosing(self.attempt(body, stream)) as outputs:
                    async for output in outputs:
                        yield output
                return
            except UnavailableError as error:
                asked = error.retry_after or 0.0
                if stream.started or pause is None or asked > self._timeouts.longest_pause:
                    raise
                pause_s = max(pause, asked)
            await asyncio.sleep(pause_s)

    async def attempt(self, body: bytes, stream: ChatStream) -> AsyncGenerator[ModelOutput, None]:
        """Post `body` once and read the answer through `stream`; raises `EngineError`.

        Ended before its end, by closing or cancelling, it closes the connection.
        """
        now = asyncio.get_running_loop().time
        parser = EventStreamParser()
        deadline = now() + self._timeouts.first_token
        worded, late = self._endpoint.worded, self._late(stream)
        with worded(late):
            response = await self._endpoint.post(body, _HEADERS, deadline=deadline)
        try:
            if response.content_type in _DOCUMENTS:
                with worded(late):
                    outputs = await self._whole(response, stream, deadline)
                for output in outputs:
                    yield output
            while not stream.ended:
                with worded(late):
                    chunk = await read(response, deadline)
                    events = parser.receive(chunk)
                for event in events:
                    with worded(late):
                        outputs = stream.receive(event.data)
                    for output in outputs:
                        yield output
                if not chunk:
                    break
                if stream.started and events:
                    deadline = now() + self._timeouts.between_tokens
            with worded(late):
                outputs = stream.finish()
            for output in outputs:
                yield output
            await drain(response)
        finally:
            response.close()

    def relay(self, request: Mapping[str, Any]) -> AbstractAsyncContextManager[Relayed]:
        """Post `request` once and pass the answer through; raises `EngineError`."""
        limits = self._timeouts
        streams = bool(request.get("stream"))
        patience = Patience(
            first=limits.first_token if streams else ANSWER_S,
            between=limits.between_tokens if streams else ANSWER_S,
        )
        body = msgspec.json.encode(request)
        return relayed(self._endpoint, body, patience, secret=self._api_key)

    async def _whole(
        self, response: aiohttp.ClientResponse, stream: ChatStream, deadline: float
    ) -> list[ModelOutput]:
        """An answer that is no stream of events; raises `EngineError` where those are not read."""
        async with asyncio.timeout_at(deadline):
            document = await read_document(response)
        outputs = stream.receive_document(document)
        if outputs is None:
            raise not_a_stream(response.content_type, document, secret=self._api_key)
        return outputs

    def _late(self, stream: ChatStream) -> Late:
        limits = self._timeouts

        def late() -> EngineError:
            if stream.started:
                text = f"stopped: nothing came for {limits.between_tokens:g} s."
            else:
                text = f"sent no token within {limits.first_token:g} s."
            return EngineError(text, code="timeout")

        return late


_KEY = "Set VIVAVOCE_LLM_API_KEY (or OPENAI_API_KEY) to a key that this server accepts."

_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "text/event-stream",
    "Accept-Encoding": "identity",  # compression would hold tokens back
}

_DOCUMENTS = frozenset({"application/json", "text/html"})
