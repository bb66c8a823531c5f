"""Engine jobs: the machine's commands as tasks, their results as inputs.

Every job is a task in the session's task group, named by its job id; `Cancel` cancels it. What an
engine raises ends its job alone and comes back as `EngineFailed`.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

import msgspec

from vivavoce.audio.resample import Resampler, convert
from vivavoce.audio.units import INNER_RATE
from vivavoce.engines.base import (
    EngineError,
    Hint,
    SpeechChunk,
    SpeechRecognizer,
    SpeechSynthesizer,
    Transcript,
    TurnDetector,
    UnspokenLanguageError,
    Voice,
)
from vivavoce.protocol.server_events import LogProb
from vivavoce.runtime.following import Following
from vivavoce.runtime.generation import Question, ask, pieces_of
from vivavoce.runtime.input_audio import Tape, input_decoder
from vivavoce.runtime.leased_streams import LeasedStreams
from vivavoce.runtime.pipeline import EngineLease, Pipeline, Use
from vivavoce.runtime.recordings import Recordings
from vivavoce.runtime.rests import Rests
from vivavoce.runtime.tool_jobs import ToolJobs
from vivavoce.session.inputs import (
    AnyInput,
    AudioSynthesized,
    EngineFailed,
    SpeechFinished,
    Transcribed,
    TranscriptDelta,
    TurnJudged,
    Word,
)
from vivavoce.session.outputs import (
    CallTool,
    Follow,
    Generate,
    Hear,
    HearClip,
    JudgeTurn,
    ListTools,
    Recognize,
    Speak,
)

logger = logging.getLogger(__name__)

Report = Callable[[AnyInput], None]

R = TypeVar("R", bound=Recognize)


class EngineJobs:
    """The jobs of one session."""

    def __init__(
        self, pipeline: Pipeline, tools: ToolJobs, tasks: asyncio.TaskGroup, report: Report
    ) -> None:
        self._pipeline = pipeline
        self._tools = tools
        self._tasks = tasks
        self._report = report
        self._running: dict[int, asyncio.Task[None]] = {}
        self._followings: dict[int, Following] = {}
        """The turns that are followed, by job; mostly one, or none."""
        self._sharing: set[int] = set()
        """Jobs that use the stream of a turn."""

    def follow(self, command: Follow, tape: Tape) -> None:
        """Recognise a turn while it is spoken."""
        command = self._in_usual_language(command)
        streams = LeasedStreams(self._recognizer(command))
        following = Following(streams, hint_of(command), tape, command.start)
        self._followings[command.job] = following
        self._share(command.job, following, following.run(self._told(command.job)))

    def audio_came(self) -> None:
        """The tape has grown."""
        for following in self._followings.values():
            following.audio_came()

    def hear(self, command: Hear, tape: Tape) -> None:
        """Recognise what lies on the tape; of a turn that is followed, the rest."""
        command = self._in_usual_language(command)
        if command.follow is None:
            pcm = tape.read(command.start, command.end)
            self._start(command.job, self._hear(command, pcm))
            return
        following = self._followings[command.follow]
        following.take(command.end)
        work = self._hear_followed(command, following, self._told(command.follow))
        self._share(command.job, following, work)

    def judge(self, command: JudgeTurn, tape: Tape) -> None:
        """Judge whether a turn is complete, by as much of its end as the detector hears."""
        lease = self._pipeline.turn
        assert lease is not None, "the machine asks where there is one"
        heard_from = command.end - int(lease.engine.hears_s * INNER_RATE)
        pcm = tape.read(max(command.start, heard_from), command.end)
        self._start(command.job, self._judge(command.job, lease, pcm))

    def hear_clip(self, command: HearClip) -> None:
        """Recognise audio in a client's format."""
        self._start(command.job, self._hear_clip(self._in_usual_language(command)))

    def generate(self, command: Generate, recordings: Recordings) -> None:
        """Ask the language model."""
        question = Question(
            command.job, command.prompt, recordings.find(command.prompt), command.words
        )
        self._start(command.job, ask(self._pipeline.llm, question, self._report))

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
        """Stop a job, if it still runs.

        One that uses a turn's stream finishes what it has begun: the audio that it took must not
        be missing from what the next one hears. Its result finds no owner.
        """
        if job in self._followings:
            self._followings.pop(job).end()
        if job in self._sharing:
            return
        task = self._running.pop(job, None)
        if task is not None:
            task.cancel()

    def cancel_all(self) -> None:
        """Stop everything."""
        for task in tuple(self._running.values()):
            task.cancel()
        self._running.clear()

    def at_work(self, rests: Rests) -> list[asyncio.Task[None]]:
        """The jobs that are under way, without those that rest or wait for audio."""
        return [
            task
            for job, task in self._running.items()
            if task not in rests and job not in self._followings
        ]

    async def some_ended(self, rests: Rests) -> None:
        """Returns when one of the jobs at work has ended or begun to rest."""
        await asyncio.wait(
            [*self.at_work(rests), rests.next()], return_when=asyncio.FIRST_COMPLETED
        )

    def _share(self, job: int, following: Following, work: Coroutine[Any, Any, None]) -> None:
        """Start a job that uses the stream of a turn."""
        following.use()
        self._sharing.add(job)

        def ended(_: asyncio.Task[None]) -> None:
            self._sharing.discard(job)
            following.release()

        self._start(job, work).add_done_callback(ended)

    def _start(self, job: int, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._tasks.create_task(self._guarded(job, work), name=f"job {job}")
        self._running[job] = task

        def ended(_: asyncio.Task[None]) -> None:
            self._running.pop(job, None)
            work.close()  # a job that was cancelled before its first step has not begun it

        task.add_done_callback(ended)
        return task

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

    def _in_usual_language(self, command: R) -> R:
        """Where nothing else was said, the model that was named decides on the language."""
        language = self._pipeline.usual_language(command.model)
        if command.language or command.languages or language is None:
            return command
        return msgspec.structs.replace(command, language=language)

    def _recognizer(self, command: Recognize) -> EngineLease[SpeechRecognizer]:
        return self._pipeline.recognizer(command.model)

    async def _judge(self, job: int, lease: EngineLease[TurnDetector], pcm: bytes) -> None:
        async def judged(use: Use[TurnDetector]) -> float:
            heard, rate = pcm, use.engine.sample_rate
            if rate != INNER_RATE:
                heard = await asyncio.to_thread(convert, pcm, INNER_RATE, rate)
            return await use.engine.judge(heard)

        try:
            probability = await lease.run(judged)
        except EngineError as error:
            # The client is not told: its turn only ends later. The operator should know why.
            logger.warning("turn detection failed, and silence ends the turn: %s", error)
            raise
        self._report(TurnJudged(job, probability))

    async def _hear_clip(self, command: HearClip) -> None:
        decoder = input_decoder(command.format)
        pcm = await asyncio.to_thread(decoder.push, command.audio)
        await self._hear(command, pcm)

    async def _hear(self, command: Hear | HearClip, pcm: bytes) -> None:
        async def heard(use: Use[SpeechRecognizer]) -> Transcript:
            recognizer, audio = use.engine, pcm
            if recognizer.sample_rate != INNER_RATE:
                audio = await asyncio.to_thread(convert, pcm, INNER_RATE, recognizer.sample_rate)

            def told(text: str) -> None:
                use.alive()
                self._report(TranscriptDelta(command.job, text))

            return await recognizer.recognize(audio, hint_of(command), told)

        transcript = await self._recognizer(command).run(heard)
        self._report(transcribed(command, transcript))

    async def _hear_followed(
        self, command: Hear, following: Following, on_text: Callable[[str], None]
    ) -> None:
        self._report(transcribed(command, await following.transcript(on_text)))

    def _told(self, job: int) -> Callable[[str], None]:
        """Reports a job's pieces of a transcript."""
        return lambda text: self._report(TranscriptDelta(job, text))

    async def _speak(self, command: Speak) -> None:
        voice = Voice(name=command.voice, speed=command.speed, language=command.language)
        try:
            await self._spoken(command, voice)
        except UnspokenLanguageError as error:
            if not command.language_was_heard:
                raise
            logger.info("the voice keeps its own language: %s", error)
            await self._spoken(command, msgspec.structs.replace(voice, language=None))
        self._report(SpeechFinished(command.job))

    async def _spoken(self, command: Speak, voice: Voice) -> None:
        async def spoken(use: Use[SpeechSynthesizer]) -> None:
            resampler = Resampler(use.engine.sample_rate, INNER_RATE)
            async with aclosing(use.engine.synthesize(command.text, voice)) as chunks:
                async for chunk in chunks:
                    use.alive()
                    self._report_speech(command.job, resampler.push(chunk.audio), chunk)
            self._report_speech(command.job, resampler.flush(), SpeechChunk(b""))

        await self._pipeline.tts.run(spoken)

    def _report_speech(self, job: int, pcm: bytes, chunk: SpeechChunk) -> None:
        words = tuple(Word(word.text_end, word.start_ms) for word in chunk.words)
        for piece in pieces_of(pcm) if pcm or words else ():
            self._report(AudioSynthesized(job, piece, words))
            words = ()


def hint_of(command: Recognize) -> Hint:
    """What the client said about the speech."""
    return Hint(
        language=command.language,
        languages=command.languages,
        prompt=command.prompt,
        keywords=command.keywords,
        logprobs=command.logprobs,
    )


def transcribed(command: Recognize, transcript: Transcript) -> Transcribed:
    """A recogniser's answer as an input of the machine; it was in the language that was named,
    where the recogniser does not say."""
    logprobs = tuple(
        LogProb(one.token, one.logprob, tuple(one.token.encode())) for one in transcript.logprobs
    )
    language = transcript.language or command.language
    return Transcribed(command.job, transcript.text, logprobs, language)
