"""Any server of OpenAI's transcription API: speaches, vLLM, LocalAI, whisper.cpp, OpenAI, …

One upload per utterance, over aiohttp. Cancelling the task that awaits it closes the connection.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, Self

from vivavoce.engines.base import Hint, Transcript
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
from vivavoce.engines.stt.deltas import HeldDeltas
from vivavoce.engines.stt.languages import CODES, primary_language
from vivavoce.engines.stt.noise import Evidence, NoiseRules, is_noise, voiced_ms
from vivavoce.engines.stt.transcription_answer import Document, TranscriptionStream
from vivavoce.engines.stt.transcription_client import (
    Fields,
    TranscriptionClient,
    TranscriptionTimeouts,
)
from vivavoce.protocol.abilities import HearingAbilities

_PURPOSE = Purpose(
    slot="speech recogniser",
    server="transcription server",
    path="/audio/transcriptions",
    example="http://localhost:8000/v1#whisper-1",
    key_setting="the engine's api_key",
)

_RESERVED = frozenset(
    {"file", "model", "language", "prompt", "stream", "response_format", "temperature", "include[]"}
)

ResponseFormat = Literal["json", "verbose_json"]
RESPONSE_FORMATS: tuple[ResponseFormat, ...] = ("json", "verbose_json")


class OpenAICompatibleRecognizer:
    """A recogniser on a transcription server.

    `base_url` is where the server's API begins (`http://localhost:8000/v1`), `model` a name that
    it knows. `response_format` is `verbose_json`, which tells noise from speech by what the model
    thinks, or `json`, which is streamed (unless `stream` is false) where the server does; by
    default the former for models with `whisper` in their name, which is what OpenAI's own server
    wants. `extra_body` adds fields to each request; `noise` changes `NoiseRules`.

    Keywords go into the prompt: the API has no other place for them. Raises `EngineError` for what
    cannot be right. Whether the server is there shows with the first utterance.
    """

    name: ClassVar[str] = "openai"

    sample_rate = 16_000

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str | None = None,
        response_format: str | None = None,
        stream: bool = True,
        temperature: float | None = None,
        extra_body: Mapping[str, str] | None = None,
        noise: Mapping[str, Any] | None = None,
        timeouts: Mapping[str, Any] | TranscriptionTimeouts | None = None,
    ) -> None:
        check_base_url(base_url, _PURPOSE)
        check_model(base_url, model, _PURPOSE)
        check_api_key(api_key, _PURPOSE)
        self._model = model
        self._format = checked_format(response_format, model)
        self.abilities = HearingAbilities(keywords=True, logprobs=self._format == "json")
        self._stream = stream and self._format == "json"
        self._temperature = temperature
        self._extra_body = checked_extra_body(extra_body or {}, _RESERVED, _PURPOSE)
        self._noise = NoiseRules.of(noise)
        self._url = f"{base_url.rstrip('/')}/audio/transcriptions"
        self._timeouts = limits_of(TranscriptionTimeouts, timeouts)
        self._client = TranscriptionClient(
            self._url, model=model, api_key=api_key, timeouts=self._timeouts
        )

    @classmethod
    def from_spec(cls, spec: str) -> Self:
        """Make one from `URL#MODEL`, as in `http://localhost:8000/v1#whisper-1`."""
        base_url, _, model = spec.partition("#")
        return cls(base_url.strip(), model.strip())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._url!r}, {self._model!r})"

    def load(self) -> None:
        """Nothing to load: the server holds the model."""

    async def close(self) -> None:
        """Close the connections to the server."""
        await self._client.close()

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        """Recognise one utterance; empty text if it was noise. Raises `EngineError`.

        Audio without any sound is not sent. Before the first text, a lost connection and a busy
        server get two more attempts.
        """
        sound_ms = voiced_ms(audio, self.sample_rate, self._noise)
        if sound_ms < self._noise.least_voiced_ms:
            return Transcript(text="")
        deltas = HeldDeltas(on_delta, self._noise)
        document = await self._asked(audio, self._fields(hint), deltas)
        language = code_of(document.language) if document else None
        logprobs = (document.logprobs if document else None) or ()
        if not deltas.sent:
            text = self._spoken(document or Document(text=deltas.text), sound_ms)
            if not text:
                return Transcript(text="", language=language)
            deltas.text = text
        return Transcript(text=deltas.finish(), language=language, logprobs=logprobs)

    async def _asked(self, audio: bytes, fields: Fields, deltas: HeldDeltas) -> Document | None:
        for pause in (*self._timeouts.retry_pauses, None):
            stream = TranscriptionStream()
            try:
                return await self._client.attempt(
                    audio, self.sample_rate, fields, stream, deltas.push
                )
            except UnavailableError as error:
                asked = error.retry_after or 0.0
                if stream.started or pause is None or asked > self._timeouts.longest_pause:
                    raise
                pause_s = max(pause, asked)
            await asyncio.sleep(pause_s)
        raise AssertionError("the last attempt returns or raises")

    def _fields(self, hint: Hint) -> Fields:
        fields: Fields = [("model", self._model), ("response_format", self._format)]
        if self._stream:
            fields.append(("stream", "true"))
        if hint.language:
            fields.append(("language", primary_language(hint.language)))
        if prompt := prompt_of(hint):
            fields.append(("prompt", prompt))
        temperature = self._temperature if hint.temperature is None else hint.temperature
        if temperature is not None:
            fields.append(("temperature", f"{temperature:g}"))
        if hint.logprobs and self._format == "json":
            fields.append(("include[]", "logprobs"))
        return [*fields, *self._extra_body.items()]

    def _spoken(self, document: Document, sound_ms: int) -> str:
        """What of a transcript was said; nothing if it is noise."""
        if is_noise(document.text, Evidence(voiced_ms=sound_ms), self._noise):
            return ""
        if not document.segments:
            return document.text.strip()
        said = [
            segment.text
            for segment in document.segments
            if not is_noise(
                segment.text,
                Evidence(
                    no_speech_probability=segment.no_speech_prob,
                    average_logprob=segment.avg_logprob,
                ),
                self._noise,
            )
        ]
        if len(said) == len(document.segments):
            return document.text.strip()
        return "".join(said).strip()


def checked_format(response_format: str | None, model: str) -> ResponseFormat:
    """The format to ask for. Raises `EngineError` for one that is not read here."""
    if response_format is None:
        return "verbose_json" if "whisper" in model.lower() else "json"
    for known in RESPONSE_FORMATS:
        if response_format == known:
            return known
    raise misconfigured(
        f"response_format: expected {' or '.join(RESPONSE_FORMATS)}, got {response_format!r}"
    )


def prompt_of(hint: Hint) -> str:
    """What the server is to read before it listens."""
    return "\n".join(part for part in (", ".join(hint.keywords), hint.prompt) if part)


def code_of(language: str | None) -> str | None:
    """A language as ISO 639-1, which servers write as `en`, `en-US` or, as Whisper, `english`."""
    if not language:
        return None
    code = primary_language(language)
    return code if len(code) <= len("yue") else CODES.get(language.lower())
