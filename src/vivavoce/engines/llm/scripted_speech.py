"""The scripted model that hears and speaks by itself: a reply script, set texts and a hum.

It stands for a native speech-to-speech model in tests of clients, and weighs nothing.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from msgspec.structs import replace

from vivavoce.audio.units import BYTES_PER_SAMPLE, INNER_RATE
from vivavoce.engines.base import (
    AudioDelta,
    Generated,
    ModelOutput,
    Sleep,
    SpeechAbilities,
    TextDelta,
    Voice,
)
from vivavoce.engines.llm.reply_rules import ReplyScript
from vivavoce.engines.llm.scripted import ScriptedModel
from vivavoce.engines.tts.scripted import ScriptedSynthesizer
from vivavoce.protocol.prompt import INAUDIBLE, Message, Prompt

MS_PER_TOKEN = 100, 50
"""Milliseconds of the user's speech, and of its own, that it counts as a token, as OpenAI does."""


class ScriptedSpeechModel:
    """Hears what it is told, answers as `ScriptedModel` does, and hums the answer word by word.

    `hears` is one text or several, taken in turn by the recordings of a conversation; in one,
    `{ms}` stands for the length of the recording in milliseconds and `{number}` for its number,
    from 1. None is speech that cannot be made out. The rest is as in `ScriptedModel`, and as in
    `ScriptedSynthesizer`.
    """

    name: ClassVar[str] = "scripted-speech"

    speech = SpeechAbilities(hears=True, speaks=True, sample_rate=INNER_RATE)

    def __init__(
        self,
        script: ReplyScript | Path | str | None = None,
        *,
        hears: str | Sequence[str | None] = "{ms} milliseconds of speech",
        ms_per_char: float = 60,
        realtime: bool = False,
        clock: Callable[[], datetime] = datetime.now,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._hears = (hears,) if isinstance(hears, str) else tuple(hears)
        self._model = ScriptedModel(script, clock=clock, sleep=sleep)
        self._voice = ScriptedSynthesizer(ms_per_char, realtime=realtime, sleep=sleep)

    def load(self) -> None:
        """Read and check the script; raises `ReplyScriptError`."""
        self._model.load()

    async def close(self) -> None:
        """Nothing is held."""

    async def generate(self, prompt: Prompt) -> AsyncGenerator[ModelOutput, None]:
        """Answer by the first rule that fits, in speech where a voice is named."""
        clips = (clip for message in prompt.messages for clip in message.speech)
        heard_ms, spoken_ms = sum(milliseconds(clip.pcm) for clip in clips), 0
        async with aclosing(self._model.generate(self._read(prompt))) as pieces:
            async for piece in pieces:
                if isinstance(piece, TextDelta) and prompt.voice is not None:
                    async for sound in self._spoken(piece.text, prompt.voice):
                        spoken_ms += milliseconds(sound.audio)
                        yield sound
                elif isinstance(piece, Generated):
                    yield counted(piece, heard_ms, spoken_ms)
                else:
                    yield piece

    async def _spoken(self, text: str, voice: str) -> AsyncGenerator[AudioDelta, None]:
        """The text with the first of its sound."""
        async with aclosing(self._voice.synthesize(text, Voice(name=voice))) as chunks:
            async for chunk in chunks:
                yield AudioDelta(chunk.audio, text)
                text = ""

    def _read(self, prompt: Prompt) -> Prompt:
        """The prompt in words."""
        number = 0
        messages: list[Message] = []
        for message in prompt.messages:
            texts = [message.text] if message.text else []
            for clip in message.speech:
                texts.append(self._heard(number, milliseconds(clip.pcm)))
                number += 1
            messages.append(replace(message, text=" ".join(texts), speech=()))
        return replace(prompt, messages=tuple(messages), voice=None)

    def _heard(self, number: int, ms: int) -> str:
        text = self._hears[number % len(self._hears)]
        if text is None:
            return INAUDIBLE
        return text.replace("{ms}", str(ms)).replace("{number}", str(number + 1))


def counted(end: Generated, heard_ms: int, spoken_ms: int) -> Generated:
    """The end of an answer with the tokens of what was heard and spoken."""
    heard, spoken = heard_ms // MS_PER_TOKEN[0], spoken_ms // MS_PER_TOKEN[1]
    return replace(
        end,
        input_tokens=(end.input_tokens or 0) + heard,
        output_tokens=(end.output_tokens or 0) + spoken,
        input_audio_tokens=heard,
        output_audio_tokens=spoken,
    )


def milliseconds(pcm: bytes) -> int:
    """How long it lasts."""
    return len(pcm) * 1000 // (BYTES_PER_SAMPLE * INNER_RATE)
