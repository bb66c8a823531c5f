"""`POST /v1/audio/speech`: text to speech, sent while it is spoken."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Annotated, Literal

import msgspec
import pybase64
from aiohttp import web
from msgspec import Meta

from vivavoce.audio.encodings import ENCODINGS, Encoder, MissingEncoderError
from vivavoce.audio.resample import Resampler
from vivavoce.audio.units import BYTES_PER_MS, INNER_RATE
from vivavoce.engines.base import HasVoices, SpeechChunk, SpeechSynthesizer, Voice
from vivavoce.protocol.errors import in_words, missing_parameter, refuse, unsupported
from vivavoce.protocol.session_config import VoiceName
from vivavoce.protocol.voices import voice_name
from vivavoce.runtime.models import Models
from vivavoce.runtime.pipeline import EngineLease
from vivavoce.session.clauses import next_break, speakable
from vivavoce.session.context import estimate_tokens
from vivavoce.session.spoken_form import Reader
from vivavoce.session.usage import AUDIO_MS_PER_TOKEN
from vivavoce.transports.rest.bodies import converted, read_json
from vivavoce.transports.rest.defaults import language_of, voice_of
from vivavoce.transports.rest.streams import EVENT_STREAM, StreamedAnswer, streamed
from vivavoce.transports.rest.work import produced

MAX_INPUT = 65_536
"""Characters of a text. OpenAI takes 4096."""

DEFAULT_FORMAT = "mp3"
"""As OpenAI has it."""

Lease = EngineLease[SpeechSynthesizer]
Speech = AsyncGenerator[bytes, None]
"""Mono int16 PCM at 24 kHz, as it is spoken."""


class SpeechRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body. `instructions` have no effect: no engine here takes any."""

    model: str
    input: Annotated[str, Meta(max_length=MAX_INPUT)]
    voice: VoiceName | None = None
    response_format: str = DEFAULT_FORMAT
    speed: Annotated[float, Meta(ge=0.25, le=4.0)] = 1.0
    stream_format: Literal["audio", "sse"] = "audio"


class SpeechEndpoint:
    """Handles the path. Who may ask is decided before."""

    def __init__(self, models: Models) -> None:
        self._models = models

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Speak. Raises `Refusal`, and what engines and their models raise."""
        asked = converted(await read_json(request), SpeechRequest)
        if not asked.model:
            raise missing_parameter("model")
        clauses = await asyncio.to_thread(list, spoken_clauses(asked.input))
        if not clauses:
            raise refuse("invalid_value", "There is nothing to say in 'input'.", "input")
        encoder = encoder_of(asked.response_format)
        plan = self._models.catalogue.resolve(asked.model)
        named = voice_of(plan) if asked.voice is None else asked.voice
        async with self._models.leased_engine("tts", asked.model) as lease:
            if isinstance(lease.engine, HasVoices):
                lease.engine.voices.check(named, "voice")
            voice = Voice(name=voice_name(named), speed=asked.speed, language=language_of(plan))
            async with aclosing(speech_of(clauses, voice, lease)) as speech:
                if asked.stream_format == "sse":
                    return await as_events(request, speech, encoder, asked.input)
                media_type = ENCODINGS[asked.response_format].media_type
                return await as_file(request, speech, encoder, media_type)


def spoken_clauses(text: str) -> Iterator[str]:
    """What is to be said of a text, clause by clause: without markup, emoji and addresses."""
    reader, first = Reader(), True
    while text:
        end = next_break(text, first=first, finished=True) or len(text)
        said = reader.read(text[:end]).said
        text = text[end:]
        if speakable(said):
            first = False
            yield said


def encoder_of(response_format: str) -> Encoder:
    """What writes the file. Raises `Refusal` for a format that cannot be had."""
    encoding = ENCODINGS.get(response_format)
    if encoding is None:
        reason = f"supported are {in_words(ENCODINGS)}, not '{response_format}'."
        raise unsupported("response_format", reason)
    try:
        return encoding.encoder()
    except MissingEncoderError as error:
        raise unsupported("response_format", f"'{response_format}' {error}.") from error


async def speech_of(clauses: list[str], voice: Voice, lease: Lease) -> Speech:
    """All clauses as mono int16 PCM at 24 kHz; each is one job of the engine."""
    for clause in clauses:
        async with aclosing(spoken(clause, voice, lease)) as chunks:
            async for pcm in chunks:
                yield pcm


async def spoken(clause: str, voice: Voice, lease: Lease) -> Speech:
    """One clause."""

    def begin(engine: SpeechSynthesizer) -> AsyncGenerator[SpeechChunk, None]:
        return engine.synthesize(clause, voice)

    resampler = Resampler(lease.engine.sample_rate, INNER_RATE)
    async with aclosing(produced(lease, begin)) as chunks:
        async for chunk in chunks:
            yield resampler.push(chunk.audio)
    yield resampler.flush()


async def as_file(
    request: web.Request, speech: Speech, encoder: Encoder, media_type: str
) -> web.StreamResponse:
    """The file itself. A client learns from a connection that breaks off that it is not whole."""
    async with streamed(request, media_type) as answer:
        async for pcm in speech:
            await answer.write(await asyncio.to_thread(encoder.push, pcm))
        await answer.write(await asyncio.to_thread(encoder.flush))
    return answer.response


async def as_events(
    request: web.Request, speech: Speech, encoder: Encoder, text: str
) -> web.StreamResponse:
    """The file in events, and at their end how much it was."""
    audio_bytes = 0
    async with streamed(request, EVENT_STREAM) as answer:
        async for pcm in speech:
            audio_bytes += len(pcm)
            await send_audio(answer, await asyncio.to_thread(encoder.push, pcm))
        await send_audio(answer, await asyncio.to_thread(encoder.flush))
        await answer.event({"type": "speech.audio.done", "usage": usage(text, audio_bytes)})
    return answer.response


async def send_audio(answer: StreamedAnswer, data: bytes) -> None:
    """The event with some more of the file, if there is more."""
    if data:
        audio = pybase64.b64encode(data).decode()
        await answer.event({"type": "speech.audio.delta", "audio": audio})


def usage(text: str, audio_bytes: int) -> dict[str, int]:
    """Tokens, counted as those of a session are."""
    heard, said = estimate_tokens(text), audio_bytes // BYTES_PER_MS // AUDIO_MS_PER_TOKEN
    return {"input_tokens": heard, "output_tokens": said, "total_tokens": heard + said}
