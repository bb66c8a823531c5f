"""One question to the language model: its speech filled in, its pieces as inputs of the machine."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from vivavoce.audio.resample import Resampler
from vivavoce.audio.units import BYTES_PER_MS, INNER_RATE
from vivavoce.engines.base import (
    AudioDelta,
    Generated,
    LanguageModel,
    TextDelta,
    ToolCallDelta,
    speech_abilities_of,
)
from vivavoce.protocol.prompt import AudioClip, Prompt
from vivavoce.runtime.pipeline import EngineLease, Use
from vivavoce.runtime.recordings import Recording, with_speech
from vivavoce.session.inputs import (
    AnyInput,
    AudioGenerated,
    GenerationFinished,
    TextGenerated,
    ToolCallGenerated,
)

CHUNK_BYTES = 200 * BYTES_PER_MS
"""200 ms of 24 kHz PCM: speech is handed on in pieces of at most this."""


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt, and the recordings of the speech in it as they were when it was asked.

    `words` are those of the speech, by item id, for where its recording is gone.
    """

    job: int
    prompt: Prompt
    recordings: Mapping[AudioClip, Recording]
    words: Mapping[str, str]


async def ask(
    lease: EngineLease[LanguageModel], question: Question, report: Callable[[AnyInput], None]
) -> None:
    """Report the answer piece by piece. Raises `EngineError`, and whatever an engine raises."""
    await lease.run(lambda use: answered(use, question, report))


async def answered(
    use: Use[LanguageModel], question: Question, report: Callable[[AnyInput], None]
) -> None:
    """The job's work with the engine."""
    job, prompt = question.job, question.prompt
    rate = speech_abilities_of(use.engine).sample_rate
    if any(message.speech for message in prompt.messages):
        prompt = await asyncio.to_thread(
            with_speech, prompt, question.recordings, question.words, rate
        )
    resampler = Resampler(rate, INNER_RATE)
    # Closing the generator when the job ends is what stops the engine, upstream too.
    async with aclosing(use.engine.generate(prompt)) as pieces:
        async for piece in pieces:
            use.alive()
            match piece:
                case AudioDelta(audio, transcript):
                    report_speech(job, resampler.push(audio), transcript, report)
                case TextDelta():
                    report(TextGenerated(job, piece.text))
                case ToolCallDelta():
                    # What the resampler holds back belongs to the speech before the call.
                    report_speech(job, resampler.flush(), "", report)
                    report(called(job, piece))
                case Generated():
                    report_speech(job, resampler.flush(), "", report)
                    report(finished(job, piece))


def report_speech(job: int, pcm: bytes, words: str, report: Callable[[AnyInput], None]) -> None:
    """Report speech of the model's own, if there is any; the words come with its beginning."""
    for piece in pieces_of(pcm) if pcm or words else ():
        report(AudioGenerated(job, piece, words))
        words = ""


def pieces_of(pcm: bytes) -> Iterator[bytes]:
    """`pcm` in pieces of at most 200 ms; at least one, which may be empty."""
    yield pcm[:CHUNK_BYTES]
    for start in range(CHUNK_BYTES, len(pcm), CHUNK_BYTES):
        yield pcm[start : start + CHUNK_BYTES]


def called(job: int, piece: ToolCallDelta) -> ToolCallGenerated:
    """A piece of a call as an input of the machine."""
    return ToolCallGenerated(
        job,
        index=piece.index,
        arguments=piece.arguments,
        name=piece.name,
        call_id=piece.call_id,
    )


def finished(job: int, end: Generated) -> GenerationFinished:
    """The end of an answer as an input of the machine."""
    return GenerationFinished(
        job,
        reason=end.reason,
        input_tokens=end.input_tokens,
        cached_tokens=end.cached_tokens,
        output_tokens=end.output_tokens,
        input_audio_tokens=end.input_audio_tokens,
        output_audio_tokens=end.output_audio_tokens,
    )
