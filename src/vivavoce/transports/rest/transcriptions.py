"""`POST /v1/audio/transcriptions`: a sound file to text.

A recording of more than 30 s, and one whose transcript is to have times, is recognised span by
span of the speech in it; so the times are those of the voice activity detector.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from aiohttp import web

from vivavoce.audio.resample import convert
from vivavoce.audio.sound_files import SoundTooLongError, UnreadableSoundError, read_sound
from vivavoce.audio.units import BYTES_PER_MS, BYTES_PER_SAMPLE, INNER_RATE
from vivavoce.engines.base import Hint, SpeechRecognizer, Transcript, abilities_of
from vivavoce.protocol.errors import refuse
from vivavoce.runtime.models import Models
from vivavoce.runtime.pipeline import EngineLease, Use
from vivavoce.runtime.speech_spans import Span, speech_spans
from vivavoce.transports.rest.bodies import read_form
from vivavoce.transports.rest.defaults import language_of
from vivavoce.transports.rest.streams import EVENT_STREAM, streamed
from vivavoce.transports.rest.transcript_stream import Telling, delta, done
from vivavoce.transports.rest.transcription_form import TranscriptionRequest, transcription_request
from vivavoce.transports.rest.transcripts import Heard, Segment, answer

MAX_SECONDS = 3600
"""How long a recording may play."""

LEAST_MS = 100
"""As OpenAI has it."""

WHOLE_MS = 30_000
"""A longer recording is cut in its pauses."""

Lease = EngineLease[SpeechRecognizer]


@dataclass(frozen=True, slots=True)
class Recording:
    """Mono int16 PCM at 24 kHz, and the spans of it to be recognised."""

    pcm: bytes
    spans: list[Span]

    @property
    def duration_s(self) -> float:
        """Of all of it."""
        return len(self.pcm) / BYTES_PER_MS / 1000


class TranscriptionsEndpoint:
    """Handles the path. Who may ask is decided before."""

    def __init__(self, models: Models) -> None:
        self._models = models

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Recognise. Raises `Refusal`, and what engines and their models raise."""
        asked = transcription_request(await read_form(request))
        model = asked.fields.model
        language = language_of(self._models.catalogue.resolve(model))
        async with self._models.leased_engine("stt", model) as lease:
            hint = asked.hint(abilities_of(lease.engine), language)
            recording = await self._recording(asked)
            if asked.fields.stream:
                return await stream(request, recording, lease, hint)
            segments = await heard(recording, lease, hint)
            return answer(Heard(segments, recording.duration_s), asked.fields)

    async def _recording(self, asked: TranscriptionRequest) -> Recording:
        pcm = await decoded(asked.file)
        detector = self._detector(asked.fields.model)
        short = len(pcm) <= WHOLE_MS * BYTES_PER_MS
        if detector is None or (short and not asked.timed):
            return Recording(pcm, [Span(0, len(pcm) // BYTES_PER_SAMPLE)])
        async with self._models.leased_engine("vad", detector) as lease:
            return Recording(pcm, await speech_spans(pcm, lease.scorer))

    def _detector(self, model: str) -> str | None:
        """The model that finds speech: this one, else the first that can."""
        catalogue = self._models.catalogue
        plans = (catalogue.resolve(model), *catalogue.plans.values())
        return next((plan.name for plan in plans if "vad" in plan.engines), None)


async def decoded(file: bytes) -> bytes:
    """The samples of an uploaded file. Raises `Refusal`."""
    try:
        pcm = await asyncio.to_thread(read_sound, file, max_seconds=MAX_SECONDS)
    except UnreadableSoundError as error:
        raise refuse("unsupported_file", str(error), "file") from error
    except SoundTooLongError as error:
        raise refuse("audio_too_long", str(error), "file") from error
    if len(pcm) < LEAST_MS * BYTES_PER_MS:
        text = f"The recording is shorter than {LEAST_MS} ms."
        raise refuse("audio_too_short", text, "file")
    return pcm


async def heard(recording: Recording, lease: Lease, hint: Hint) -> list[Segment]:
    """All spans in which there were words."""
    async with aclosing(segments_of(recording, lease, hint, lambda _: None)) as segments:
        return [segment async for segment in segments if segment.text]


async def segments_of(
    recording: Recording, lease: Lease, hint: Hint, on_delta: Callable[[str], None]
) -> AsyncGenerator[Segment, None]:
    """Recognise one span after the other."""
    for span in recording.spans:
        transcript = await recognized(span.of(recording.pcm), lease, hint, on_delta)
        yield Segment(span, transcript)


async def recognized(
    pcm: bytes, lease: Lease, hint: Hint, on_delta: Callable[[str], None]
) -> Transcript:
    """Recognise one clip, as one job. Raises `EngineError`."""

    async def heard_by(use: Use[SpeechRecognizer]) -> Transcript:
        recognizer, audio = use.engine, pcm
        if recognizer.sample_rate != INNER_RATE:
            audio = await asyncio.to_thread(convert, pcm, INNER_RATE, recognizer.sample_rate)

        def told(text: str) -> None:
            use.alive()
            on_delta(text)

        return await recognizer.recognize(audio, hint, told)

    return await lease.run(heard_by)


async def stream(
    request: web.Request, recording: Recording, lease: Lease, hint: Hint
) -> web.StreamResponse:
    """Recognise, and send the words as they are known."""
    telling = Telling()

    async def hear() -> list[Segment]:
        segments = []
        try:
            async for segment in segments_of(recording, lease, hint, telling.push):
                telling.finish(segment.transcript)
                segments.append(segment)
        finally:
            telling.end()
        return segments

    async with streamed(request, EVENT_STREAM) as events:
        try:
            async with asyncio.TaskGroup() as tasks:
                hearing = tasks.create_task(hear())
                async for piece in telling.pieces():
                    await events.event(delta(piece))
        except ExceptionGroup as failed:  # of one: what fails first cancels the other
            raise failed.exceptions[0] from None
        whole = Heard(hearing.result(), recording.duration_s)
        await events.event(done(telling.text, whole.logprobs if hint.logprobs else None))
    return events.response
