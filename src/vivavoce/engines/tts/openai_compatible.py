"""Any server of OpenAI's speech API: Kokoro-FastAPI, speaches, LocalAI, vLLM-Omni, OpenAI, …

One POST per clause, over aiohttp, answered by a stream of audio. Closing the iterator, or
cancelling the task that reads it, closes the connection.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, ClassVar, Self

import msgspec

from vivavoce.audio.units import INNER_RATE
from vivavoce.engines.base import SpeechChunk, Voice
from vivavoce.engines.limits import limits_of
from vivavoce.engines.openai_http.failures import UnavailableError
from vivavoce.engines.openai_http.settings import (
    Purpose,
    check_api_key,
    check_base_url,
    check_model,
    checked_extra_body,
    misconfigured,
)
from vivavoce.engines.tts.speech_client import SpeechClient, SpeechTimeouts

_PURPOSE = Purpose(
    slot="voice",
    server="speech server",
    path="/audio/speech",
    example="http://localhost:8880/v1#kokoro",
    key_setting="the engine's api_key",
)

_RESERVED = frozenset({"input", "model", "voice", "speed", "response_format", "stream_format"})

RESPONSE_FORMATS = ("pcm", "wav")


class OpenAICompatibleSynthesizer:
    """A voice on a speech server.

    `base_url` is where the server's API begins (`http://localhost:8880/v1`), `model` a name that
    it knows. `voices` says what the server calls the voices that clients name; others are passed
    on as they are, which suits OpenAI and what imitates it. `instructions` say how to speak, for
    models that understand them. `extra_body` adds fields to each request, such as `{language: de}`.

    `response_format` is `pcm`, which is 24 kHz unless `sample_rate` says otherwise, or `wav` for
    servers that have only that; an answer that begins as a WAV file is read as one in any case.
    The API gives no word times. `Voice.language` has no effect: such models speak what they read.

    Raises `EngineError` for what cannot be right. Whether the server is there shows with the
    first clause. The key shows neither in errors nor in `repr`.
    """

    name: ClassVar[str] = "openai"

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str | None = None,
        voices: Mapping[str, str] | None = None,
        instructions: str | None = None,
        response_format: str = "pcm",
        sample_rate: int = INNER_RATE,
        extra_body: Mapping[str, Any] | None = None,
        timeouts: Mapping[str, Any] | SpeechTimeouts | None = None,
    ) -> None:
        check_base_url(base_url, _PURPOSE)
        check_model(base_url, model, _PURPOSE)
        check_api_key(api_key, _PURPOSE)
        if response_format not in RESPONSE_FORMATS:
            raise misconfigured(
                f"response_format: expected {' or '.join(RESPONSE_FORMATS)}, got "
                f"{response_format!r}"
            )
        self.sample_rate = sample_rate
        self._voices = dict(voices or {})
        self._fields = {
            "model": model,
            "response_format": response_format,
            **({"instructions": instructions} if instructions else {}),
            **checked_extra_body(extra_body or {}, _RESERVED, _PURPOSE),
        }
        self._model = model
        self._url = f"{base_url.rstrip('/')}/audio/speech"
        self._timeouts = limits_of(SpeechTimeouts, timeouts)
        self._client = SpeechClient(
            self._url, model=model, api_key=api_key, rate=sample_rate, timeouts=self._timeouts
        )

    @classmethod
    def from_spec(cls, spec: str) -> Self:
        """Make one from `URL#MODEL`, as in `http://localhost:8880/v1#kokoro`."""
        base_url, _, model = spec.partition("#")
        return cls(base_url.strip(), model.strip())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._url!r}, {self._model!r})"

    def load(self) -> None:
        """Nothing to load: the server holds the model."""

    async def close(self) -> None:
        """Close the connections to the server."""
        await self._client.close()

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk]:
        """Speak `text`, in chunks as they come; raises `EngineError`.

        Before the first sound, a lost connection and a busy server get two more attempts.
        """
        if not text.strip():
            return
        body = msgspec.json.encode(self._request(text, voice))
        for pause in (*self._timeouts.retry_pauses, None):
            started = False
            try:
                async with aclosing(self._client.attempt(body)) as pieces:
                    async for pcm in pieces:
                        started = True
                        yield SpeechChunk(pcm)
                return
            except UnavailableError as error:
                asked = error.retry_after or 0.0
                if started or pause is None or asked > self._timeouts.longest_pause:
                    raise
                pause_s = max(pause, asked)
            await asyncio.sleep(pause_s)

    def _request(self, text: str, voice: Voice) -> dict[str, Any]:
        # The API's own default is not sent: not every server knows the field.
        pace = {} if voice.speed == 1.0 else {"speed": voice.speed}
        named = self._voices.get(voice.name, voice.name)
        return {**self._fields, "input": text, "voice": named, **pace}
