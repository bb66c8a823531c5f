"""`vivavoce check`: one recorded utterance through a model, engine by engine, with times."""

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import click
import numpy as np

from vivavoce.assembly import assemble
from vivavoce.audio.resample import convert
from vivavoce.audio.units import INNER_RATE
from vivavoce.config import Settings
from vivavoce.config.resolution import TITLES
from vivavoce.engines.base import (
    AudioDelta,
    EngineError,
    Hint,
    SpeechAbilities,
    TextDelta,
    Voice,
    speech_abilities_of,
)
from vivavoce.engines.registry import SLOTS, Slot
from vivavoce.protocol.prompt import AudioClip, Message, Prompt
from vivavoce.runtime.catalogue import ModelPlan, UnknownModelError
from vivavoce.runtime.models import Models
from vivavoce.runtime.pipeline import EngineLease, ModelLoadError
from vivavoce.speech import clip
from vivavoce.transports.rest.defaults import language_of

UTTERANCE = "sum"
WINDOW = 768
"""Samples that voice activity is judged by."""

INSTRUCTIONS = "Answer in one short sentence."


async def run(settings: Settings, name: str) -> None:
    """Load a model and let it hear, answer and speak, as far as it can.

    Raises `click.ClickException` with the reason why it cannot.
    """
    catalogue = assemble(settings)
    try:
        plan = catalogue.resolve(name)
    except UnknownModelError as error:
        raise click.ClickException(str(error)) from error
    async with Models(catalogue) as models:
        checking = Checking(plan)
        for slot in SLOTS:
            if slot in plan.engines:
                await checking.check(slot, models)
        for notice in models.notices:
            raise click.ClickException(f"{plan.name}: {notice}")
    click.secho(f"✓ {plan.name} works.", fg="green")


class Checking:
    """What one engine gave is what the next is given."""

    def __init__(self, plan: ModelPlan) -> None:
        self._plan = plan
        self._clip = clip(UTTERANCE)
        self._heard = self._clip.text
        self._answer: str | None = "Six times seven is forty-two."
        """What is to be spoken; None if the model has spoken it."""
        audio = plan.defaults.get("audio", {})
        self._voice = audio.get("output", {}).get("voice", "alloy")
        self._language = language_of(plan)

    async def check(self, slot: Slot, models: Models) -> None:
        """Load an engine and let it work once. Raises `click.ClickException`."""
        work: dict[Slot, Callable[[Any], Any]] = {
            "vad": self._listen,
            "stt": self._hear,
            "llm": self._think,
            "tts": self._speak,
        }
        if slot == "tts" and self._answer is None:
            return
        title, begin = TITLES[slot], time.monotonic()
        try:
            async with models.leased_engine(slot, self._plan.name) as lease:
                label = await self._named(lease)
                click.echo(f"{title:<15} {label} was loaded in {_ms(begin)} ms")
                told = await lease.run(lambda use: work[slot](use.engine))
                click.echo(f"{'':<15} {told}")
        except (EngineError, ModelLoadError) as error:
            raise click.ClickException(f"{self._plan.name}: {title}: {error}") from error

    async def _named(self, lease: EngineLease[Any]) -> str:
        instance = await lease.load()
        name: str = instance.engine.name
        return name

    async def _listen(self, engine: Any) -> str:
        samples = np.frombuffer(self._clip.pcm, np.int16)
        windows = samples[: len(samples) // WINDOW * WINDOW].reshape(-1, 1, WINDOW)
        begin = time.monotonic()
        scores = await asyncio.to_thread(self._scores, engine, windows)
        took = _ms(begin)
        speech_ms = sum(score >= 0.5 for score in scores) * 1000 * WINDOW // INNER_RATE
        if not speech_ms:
            raise EngineError("it found no speech in a recording of speech")
        return f"found {speech_ms} ms of speech in {took} ms"

    def _scores(self, engine: Any, windows: Any) -> list[float]:
        stream = engine.open_stream()
        try:
            return [engine.score([stream], window)[0] for window in windows]
        finally:
            engine.close_stream(stream)

    async def _hear(self, engine: Any) -> str:
        audio = convert(self._clip.pcm, INNER_RATE, engine.sample_rate)
        begin = time.monotonic()
        transcript = await engine.recognize(audio, Hint(language=self._language), lambda _: None)
        if not transcript.text.strip():
            raise EngineError("it heard no words in a recording of speech")
        self._heard = transcript.text
        return f"heard “{transcript.text}” in {_ms(begin)} ms; said was “{self._clip.text}”"

    async def _think(self, engine: Any) -> str:
        instructions = self._plan.defaults.get("instructions", INSTRUCTIONS)
        able = speech_abilities_of(engine)
        prompt = Prompt(
            instructions=instructions,
            messages=(self._question(able),),
            max_output_tokens=200,
            voice=self._voice if able.speaks else None,
        )
        begin, first, words, sound = time.monotonic(), 0, "", 0
        async with aclosing(engine.generate(prompt)) as outputs:
            async for output in outputs:
                first = first or _ms(begin)
                if isinstance(output, TextDelta):
                    words += output.text
                elif isinstance(output, AudioDelta):
                    words += output.transcript
                    sound += len(output.audio)
        if not words.strip():
            raise EngineError("it answered nothing")
        self._answer = None if able.speaks else words
        spoke = f", {sound / 2 / able.sample_rate:.1f} s of speech," if able.speaks else ""
        return f"answered “{words.strip()}”{spoke} in {_ms(begin)} ms, the first in {first} ms"

    def _question(self, able: SpeechAbilities) -> Message:
        """The utterance, as the model is given it."""
        if not able.hears:
            return Message(role="user", text=self._heard)
        pcm = convert(self._clip.pcm, INNER_RATE, able.sample_rate)
        end = len(self._clip.pcm) // 2
        recording = AudioClip(item_id=UTTERANCE, start=0, end=end, pcm=pcm)
        return Message(role="user", speech=(recording,))

    async def _speak(self, engine: Any) -> str:
        voice = Voice(name=self._voice, language=self._language)
        begin, first, length = time.monotonic(), 0, 0
        async with aclosing(engine.synthesize(self._answer or "", voice)) as chunks:
            async for chunk in chunks:
                first = first or _ms(begin)
                length += len(chunk.audio)
        if not length:
            raise EngineError("it made no sound")
        seconds = length / 2 / engine.sample_rate
        return f"spoke {seconds:.1f} s in {_ms(begin)} ms, the first sound in {first} ms"


def _ms(begin: float) -> int:
    return round(1000 * (time.monotonic() - begin))
