"""Engine jobs: the machine's commands as tasks, their results as inputs.

Every job is a task in the session's task group, named by its job id; `Cancel` cancels it. What an
engine raises ends its job alone and comes back as `EngineFailed`.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import aclosing
from typing import Any

from vivavoce.audio.resample import Resampler, convert
from vivavoce.audio.units import BYTES_PER_MS, INNER_RATE
from vivavoce.engines.base import (
    EngineError,
    Generated,
    Hint,
    ModelOutput,
    SpeechChunk,
    TextDelta,
    ToolCallDelta,
    Voice,
)
from vivavoce.runtime.input_audio import input_decoder
from vivavoce.runtime.pipeline import Engines
from vivavoce.runtime.rests import Rests
from vivavoce.runtime.tool_jobs import ToolJobs
from vivavoce.session.inputs import (
    AnyInput,
    AudioSynthesized,
    EngineFailed,
    GenerationFinished,
    SpeechFinished,
    TextGenerated,
    ToolCallGenerated,
    Transcribed,
    TranscriptDelta,
    Word,
)
from vivavoce.session.outputs import CallTool, Generate, Hear, HearClip, ListTools, Speak

logger = logging.getLogger(__name__)

CHUNK_BYTES = 200 * BYTES_PER_MS
"""200 ms of 24 kHz PCM: speech is handed on in pieces of at most this."""

Report = Callable[[AnyInput], None]


class EngineJobs:
    """The jobs of one session."""

    def __init__(
        self, engines: Engines, tools: ToolJobs, tasks: asyncio.TaskGroup, report: Report
    ) -> None:
        self._engines = engines
        self._tools = tools
        self._tasks = tasks
        self._report = report
        self._running: dict[int, asyncio.Task[None]] = {}

    def hear(self, command: Hear, pcm: bytes) -> None:
        """Recognise 24 kHz PCM."""
        hint = Hint(language=command.language, prompt=command.prompt)
        self._start(command.job, self._hear(command.job, pcm, hint))

    def hear_clip(self, command: HearClip) -> None:
        """Recognise audio in a client's format."""
        hint = Hint(language=command.language, prompt=command.prompt)
        self._start(command.job, self._hear_clip(command, hint))

    def generate(self, command: Generate) -> None:
        """Ask the language model."""
        self._start(command.job, self._generate(command))

    def speak(self, command: Speak) -> None:
        """Speak a clause."""
        self._start(command.job, self._speak(command))

    def list_tools(self, command: ListTools) -> None:
        """Ask an MCP server for its tools."""
        self._start(command.job, self._list_tools(command))

    def call_tool(self, command: CallTool) -> None:
        """Call a tool of an MCP server."""
        self._start(command.job, self._call_tool(command))

    def cancel(self, job: int) -> None:
        """Stop a job, if it still runs."""
        task = self._running.pop(job, None)
        if task is not None:
            task.cancel()

    def cancel_all(self) -> None:
        """Stop everything."""
        for job in tuple(self._running):
            self.cancel(job)

    def at_work(self, rests: Rests) -> list[asyncio.Task[None]]:
        """The jobs that are under way, without those that rest."""
        return [task for task in self._running.values() if task not in rests]

    async def some_ended(self, rests: Rests) -> None:
        """Returns when one of the jobs at work has ended or begun to rest."""
        await asyncio.wait(
            [*self.at_work(rests), rests.next()], return_when=asyncio.FIRST_COMPLETED
        )

    def _start(self, job: int, work: Coroutine[Any, Any, None]) -> None:
        task = self._tasks.create_task(self._guarded(job, work), name=f"job {job}")
        self._running[job] = task

        def ended(_: asyncio.Task[None]) -> None:
            self._running.pop(job, None)
            work.close()  # a job that was cancelled before its first step has not begun it

        task.add_done_callback(ended)

    async def _guarded(self, job: int, work: Coroutine[Any, Any, None]) -> None:
        """An engine's exception ends its job, and nothing else."""
        try:
            await work
        except EngineError as error:
            self._report(EngineFailed(job, error.code, str(error)))
        except Exception as error:
            logger.exception("an engine failed unexpectedly")
            self._report(EngineFailed(job, "engine_error", f"{type(error).__name__}: {error}"))

    async def _list_tools(self, command: ListTools) -> None:
        self._report(await self._tools.list_tools(command))

    async def _call_tool(self, command: CallTool) -> None:
        self._report(await self._tools.call_tool(command))

    async def _hear_clip(self, command: HearClip, hint: Hint) -> None:
        decoder = input_decoder(command.format)
        pcm = await asyncio.to_thread(decoder.push, command.audio)
        await self._hear(command.job, pcm, hint)

    async def _hear(self, job: int, pcm: bytes, hint: Hint) -> None:
        recognizer = self._engines.stt
        if recognizer.sample_rate != INNER_RATE:
            pcm = await asyncio.to_thread(convert, pcm, INNER_RATE, recognizer.sample_rate)
        transcript = await recognizer.recognize(
            pcm, hint, lambda text: self._report(TranscriptDelta(job, text))
        )
        self._report(Transcribed(job, transcript.text))

    async def _generate(self, command: Generate) -> None:
        # Closing the generator when the job ends is what stops the engine, upstream too.
        async with aclosing(self._engines.llm.generate(command.prompt)) as pieces:
            async for piece in pieces:
                self._report(generated(command.job, piece))

    async def _speak(self, command: Speak) -> None:
        synthesizer = self._engines.tts
        resampler = Resampler(synthesizer.sample_rate, INNER_RATE)
        voice = Voice(name=command.voice, speed=command.speed)
        async with aclosing(synthesizer.synthesize(command.text, voice)) as chunks:
            async for chunk in chunks:
                self._report_speech(command.job, resampler.push(chunk.audio), chunk)
        self._report_speech(command.job, resampler.flush(), SpeechChunk(b""))
        self._report(SpeechFinished(command.job))

    def _report_speech(self, job: int, pcm: bytes, chunk: SpeechChunk) -> None:
        words = tuple(Word(word.text_end, word.start_ms) for word in chunk.words)
        for piece in pieces_of(pcm) if pcm or words else ():
            self._report(AudioSynthesized(job, piece, words))
            words = ()


def pieces_of(pcm: bytes) -> Iterator[bytes]:
    """`pcm` in pieces of at most 200 ms; at least one, which may be empty."""
    yield pcm[:CHUNK_BYTES]
    for start in range(CHUNK_BYTES, len(pcm), CHUNK_BYTES):
        yield pcm[start : start + CHUNK_BYTES]


def generated(job: int, piece: ModelOutput) -> AnyInput:
    """A language model's piece as an input of the machine."""
    match piece:
        case TextDelta(text):
            return TextGenerated(job, text)
        case ToolCallDelta():
            return ToolCallGenerated(
                job,
                index=piece.index,
                arguments=piece.arguments,
                name=piece.name,
                call_id=piece.call_id,
            )
        case Generated():
            return GenerationFinished(
                job,
                reason=piece.reason,
                input_tokens=piece.input_tokens,
                cached_tokens=piece.cached_tokens,
                output_tokens=piece.output_tokens,
            )
