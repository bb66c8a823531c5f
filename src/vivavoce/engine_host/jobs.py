"""What is done for a user, with an engine that is held to its limits as in a server."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from vivavoce.engine_host.answers import Answers
from vivavoce.engines.base import (
    EngineError,
    LanguageModel,
    SpeechRecognizer,
    SpeechSynthesizer,
    StreamingRecognizer,
    Transcript,
    TurnDetector,
)
from vivavoce.engines.remote.messages import (
    Accept,
    Flush,
    Follow,
    Generate,
    Judge,
    Recognize,
    Synthesize,
    Work,
)
from vivavoce.runtime.leased_streams import LeasedStreams
from vivavoce.runtime.pipeline import EngineLease, Use

Steps = asyncio.Queue[Accept | Flush]
"""What a `Follow` is asked; one at a time."""


async def do(work: Work, lease: EngineLease[Any], answers: Answers, steps: Steps) -> None:
    """Do a job. Raises `EngineError`, and whatever an engine raises."""
    match work:
        case Recognize():
            await recognize(work, lease, answers)
        case Follow():
            await follow(work, lease, answers, steps)
        case Generate(prompt):
            models: EngineLease[LanguageModel] = lease
            await hand_on(models, lambda model: model.generate(prompt), answers)
        case Synthesize(text, voice):
            voices: EngineLease[SpeechSynthesizer] = lease
            await hand_on(voices, lambda speaker: speaker.synthesize(text, voice), answers)
        case Judge():
            await judge(work, lease, answers)


async def recognize(
    work: Recognize, lease: EngineLease[SpeechRecognizer], answers: Answers
) -> None:
    """Recognise one utterance."""

    async def recognized(use: Use[SpeechRecognizer]) -> Transcript:
        def told(text: str) -> None:
            use.alive()
            answers.part(text)

        return await use.engine.recognize(work.audio, work.hint, told)

    answers.end(await lease.run(recognized))


async def judge(work: Judge, lease: EngineLease[TurnDetector], answers: Answers) -> None:
    """Judge whether a turn is complete."""

    async def judged(use: Use[TurnDetector]) -> float:
        return await use.engine.judge(work.audio)

    answers.end(await lease.run(judged))


async def follow(
    work: Follow, lease: EngineLease[SpeechRecognizer], answers: Answers, steps: Steps
) -> None:
    """Recognise an utterance while it is spoken, until this is cancelled."""
    if not isinstance((await lease.ready()).engine, StreamingRecognizer):
        raise EngineError(f"{lease.engine.name} does not hear while somebody speaks")
    stream = LeasedStreams(lease).open_stream(work.hint)
    try:
        while True:
            match await steps.get():
                case Accept(_, audio):
                    answers.part(await stream.accept(audio))
                case Flush():
                    answers.part(await stream.flush())
    finally:
        stream.close()


async def hand_on(
    lease: EngineLease[Any],
    begin: Callable[[Any], AsyncGenerator[Any, None]],
    answers: Answers,
) -> None:
    """Hand on what an engine yields, at the pace of the user, which is not the engine's fault."""

    async def handed_on(use: Use[Any]) -> None:
        async with aclosing(begin(use.engine)) as pieces:
            async for piece in pieces:
                use.alive()
                if not answers.has_room:
                    with use.resting():
                        await answers.room()
                answers.paced_part(piece)

    await lease.run(handed_on)
    answers.end()
