"""One POST to a transcription server, and the document or the stream that answers it."""

import asyncio
import io
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from vivavoce.audio.wav import wav_bytes
from vivavoce.engines.base import EngineError
from vivavoce.engines.openai_http.endpoint import Endpoint, Late, drain, read
from vivavoce.engines.openai_http.failures import not_a_stream
from vivavoce.engines.openai_http.server_sent_events import EventStreamParser
from vivavoce.engines.stt.transcription_answer import Document, TranscriptionStream, decoded


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionTimeouts:
    """How long to wait for the server, and between attempts, in seconds."""

    connect: float = 5.0
    """Until the connection stands."""
    answer: float = 30.0
    """From sending the audio to the first text, or to the whole of a document."""
    between_deltas: float = 10.0
    """From each piece of a stream to the next."""
    retry_pauses: tuple[float, ...] = (0.25, 1.0)
    """Before each further attempt, unless the server asks for more."""
    longest_pause: float = 2.0
    """A server that asks for more gets no further attempt: somebody waits for an answer."""


Fields = list[tuple[str, str]]
"""Fields of a form, besides the file; names may come more than once."""

_KEY = "Set the engine's api_key (or OPENAI_API_KEY) to a key that this server accepts."
_MAX_DOCUMENT_BYTES = 4 * 1024 * 1024


class TranscriptionClient:
    """Posts audio to `url`. `model` serves the wording of errors."""

    def __init__(
        self, url: str, *, model: str, api_key: str | None, timeouts: TranscriptionTimeouts
    ) -> None:
        self._timeouts = timeouts
        self._api_key = api_key
        self._endpoint = Endpoint(
            url, model=model, api_key=api_key, key_advice=_KEY, connect_s=timeouts.connect
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._endpoint.close()

    async def attempt(
        self,
        pcm: bytes,
        rate: int,
        fields: Fields,
        stream: TranscriptionStream,
        on_text: Callable[[str], None],
    ) -> Document | None:
        """Post once. Gives the whole transcript, or None if all of it was a stream's text.

        Raises `EngineError`; cancelled, it closes the connection.
        """
        deadline = asyncio.get_running_loop().time() + self._timeouts.answer
        late = self._late(stream)
        with self._endpoint.worded(late):
            response = await self._endpoint.post(
                form(pcm, rate, fields), _HEADERS, deadline=deadline
            )
            try:
                if response.content_type == "text/event-stream":
                    await self._read_stream(response, deadline, stream, on_text)
                    return stream.done
                return await self._read_document(response, deadline)
            finally:
                response.close()

    async def _read_stream(
        self,
        response: aiohttp.ClientResponse,
        deadline: float,
        stream: TranscriptionStream,
        on_text: Callable[[str], None],
    ) -> None:
        now = asyncio.get_running_loop().time
        parser = EventStreamParser()
        while not stream.ended:
            chunk = await read(response, deadline)
            for event in parser.receive(chunk):
                text = stream.receive(event.data)
                if text:
                    on_text(text)
                    deadline = now() + self._timeouts.between_deltas
            if not chunk:
                break
        stream.finish()
        await drain(response)

    async def _read_document(self, response: aiohttp.ClientResponse, deadline: float) -> Document:
        document = bytearray()
        async with asyncio.timeout_at(deadline):
            async for chunk in response.content.iter_any():
                document += chunk
                if len(document) > _MAX_DOCUMENT_BYTES:
                    raise EngineError(
                        f"answered with more than {_MAX_DOCUMENT_BYTES} bytes",
                        code="invalid_response",
                    )
        if response.content_type == "text/html":
            raise not_a_stream(response.content_type, bytes(document), secret=self._api_key)
        return decoded(bytes(document), Document)

    def _late(self, stream: TranscriptionStream) -> Late:
        limits = self._timeouts

        def late() -> EngineError:
            if stream.started:
                text = f"stopped: nothing came for {limits.between_deltas:g} s."
            else:
                text = f"sent no transcript within {limits.answer:g} s."
            return EngineError(text, code="timeout")

        return late


_HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Accept-Encoding": "identity",  # compression would hold text back
}


def form(pcm: bytes, rate: int, fields: Fields) -> aiohttp.FormData:
    """The body of a request; one serves for one attempt."""
    data = aiohttp.FormData()
    # As a file, which aiohttp sends piece by piece: a minute of bytes would hold up the event loop.
    file = io.BytesIO(wav_bytes(pcm, rate))
    data.add_field("file", file, filename="speech.wav", content_type="audio/wav")
    for name, value in fields:
        data.add_field(name, value)
    return data
