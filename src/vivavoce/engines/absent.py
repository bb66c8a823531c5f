"""Engines for slots that nothing fills: they say why, whenever they are asked.

A slot stays empty where the built-in engine is not to be had on a machine. Nothing is made up in
place of what was said: recognition fails, and the model is told that it could not hear.
"""

from collections.abc import AsyncGenerator, Callable
from typing import ClassVar

from vivavoce.audio.units import INNER_RATE
from vivavoce.engines.about import About
from vivavoce.engines.base import EngineError, Hint, SpeechChunk, Transcript, Voice


class Absent:
    """What both have: a reason, a sentence that says what to do."""

    name: ClassVar[str] = "absent"
    about: ClassVar[About] = About(what="says what is missing", light=True)

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def load(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to free."""


class AbsentRecognizer(Absent):
    """Fails every recognition."""

    sample_rate = INNER_RATE

    async def recognize(
        self,
        audio: bytes,  # noqa: ARG002
        hint: Hint,  # noqa: ARG002
        on_delta: Callable[[str], None],  # noqa: ARG002
    ) -> Transcript:
        """Raises `EngineError` with the reason."""
        raise EngineError(self.reason, code="no_speech_recognizer")


class AbsentSynthesizer(Absent):
    """Fails every synthesis."""

    sample_rate = INNER_RATE

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk, None]:  # noqa: ARG002
        """Raises `EngineError` with the reason."""
        raise EngineError(self.reason, code="no_speech_synthesizer")
        yield  # makes this a generator, as the slot's contract has it
