"""One POST to a speech server, and the audio that answers it."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import aiohttp

from vivavoce.audio.resample import Resampler
from vivavoce.audio.wav_stream import SpeechStream
from vivavoce.engines.base import EngineError
from vivavoce.engines.openai_http.endpoint import Endpoint, read, read_document
from vivavoce.engines.openai_http.failures import said_in

_KEY = "Set the engine's api_key (or OPENAI_API_KEY) to a key that this server accepts."

_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "audio/*, application/octet-stream",
    "Accept-Encoding": "identity",
}
_DOCUMENTS = frozenset({"application/json", "text/html", "text/plain", "text/event-stream"})
_COMPRESSED = frozenset({"audio/mpeg", "audio/mp3", "audio/ogg", "audio/opus", "audio/aac"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechTimeouts:
    """How long to wait for the server, and between attempts, in seconds."""

    connect: float = 5.0
    """Until the connection stands."""
    first_audio: float = 30.0
    """From sending the text to the first sound."""
    between_chunks: float = 10.0
    """From each piece of audio to the next."""
    retry_pauses: tuple[float, ...] = (0.25, 1.0)
    """Before each further attempt, unless the server asks for more."""
    longest_pause: float = 2.0
    """A server that asks for more gets no further attempt: somebody waits for an answer."""


class SpeechClient:
    """Posts texts to `url`. `model` serves the wording of errors.

    `rate` is that of bare PCM and of what comes out, in hertz.
    """

    def __init__(
        self, url: str, *, model: str, api_key: str | None, rate: int, timeouts: SpeechTimeouts
    ) -> None:
        self._timeouts = timeouts
        self._api_key = api_key
        self._rate = rate
        self._endpoint = Endpoint(
            url, model=model, api_key=api_key, key_advice=_KEY, connect_s=timeouts.connect
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._endpoint.close()

    async def attempt(self, body: bytes) -> AsyncGenerator[bytes, None]:
        """Post `body` once and give the audio as it comes: mono int16 PCM.

        Raises `EngineError`. Ended before its end, by closing or cancelling, it closes the
        connection, which is how such servers learn to stop.
        """
        now = asyncio.get_running_loop().time
        deadline = now() + self._timeouts.first_audio
        with self._endpoint.worded(self._no_audio):
            response = await self._endpoint.post(body, _HEADERS, deadline=deadline)
        try:
            with self._endpoint.worded(self._no_audio):
                await self._check(response, deadline)
            stream = SpeechStream(self._rate)
            resampler: Resampler | None = None
            while True:
                with self._endpoint.worded(self._no_audio if resampler is None else self._stopped):
                    chunk = await read(response, deadline)
                    pcm = _samples(stream, chunk)
                if pcm and resampler is None:
                    resampler = Resampler(stream.rate, self._rate)
                if pcm and resampler is not None:
                    deadline = now() + self._timeouts.between_chunks
                    yield resampler.push(pcm)
                if not chunk:
                    break
            if resampler is None:
                with self._endpoint.worded(self._no_audio):
                    raise EngineError("answered without any audio.", code="invalid_response")
            yield resampler.flush()
        finally:
            response.close()

    async def _check(self, response: aiohttp.ClientResponse, deadline: float) -> None:
        """Raises `EngineError` for an answer that is not audio of a kind that is read here."""
        kind = response.content_type
        if kind in _COMPRESSED:
            raise EngineError(
                f"answered with {kind}; set response_format to wav, or to what else this server "
                "calls audio that is not compressed",
                code="invalid_response",
            )
        if kind in _DOCUMENTS:
            async with asyncio.timeout_at(deadline):
                document = await read_document(response)
            raise EngineError(
                f"answered with {kind}, not with audio. Does the URL end where the server's API "
                f"begins, mostly in /v1?{said_in(document, self._api_key)}",
                code="invalid_response",
            )

    def _no_audio(self) -> EngineError:
        text = f"sent no audio within {self._timeouts.first_audio:g} s."
        return EngineError(text, code="timeout")

    def _stopped(self) -> EngineError:
        text = f"stopped: no audio came for {self._timeouts.between_chunks:g} s."
        return EngineError(text, code="timeout")


def _samples(stream: SpeechStream, chunk: bytes) -> bytes:
    try:
        return stream.push(chunk) if chunk else stream.flush()
    except ValueError as error:
        raise EngineError(f"answered with {error}", code="invalid_response") from None
