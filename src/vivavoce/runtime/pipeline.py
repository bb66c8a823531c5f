"""The engines behind a model's name, loaded once and shared by its sessions."""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass

from vivavoce.engines.base import (
    Engine,
    EngineError,
    LanguageModel,
    SpeechRecognizer,
    SpeechSynthesizer,
    VoiceActivityDetector,
)
from vivavoce.runtime.batching import SpeechScorer

logger = logging.getLogger(__name__)


class ModelLoadError(Exception):
    """A model cannot serve; the text says which engine failed, and what an operator can do."""


@dataclass(frozen=True, slots=True)
class Engines:
    """One engine for each slot of a pipeline."""

    vad: VoiceActivityDetector
    stt: SpeechRecognizer
    llm: LanguageModel
    tts: SpeechSynthesizer

    def __iter__(self) -> Iterator[Engine]:
        return iter([self.vad, self.stt, self.llm, self.tts])


class Pipeline:
    """The engines, and whether they are loaded.

    However many sessions ask, an engine is loaded once at a time, in a thread; a load that
    failed is tried again for the next session.
    """

    def __init__(self, engines: Engines) -> None:
        self.engines = engines
        self.scorer = SpeechScorer(engines.vad)
        self._loading = asyncio.Lock()
        self._loaded: set[int] = set()

    async def load(self) -> None:
        """Load what is not loaded yet. Raises `ModelLoadError`."""
        async with self._loading:
            for engine in self.engines:
                if id(engine) in self._loaded:
                    continue
                try:
                    await asyncio.to_thread(engine.load)
                except EngineError as error:
                    raise ModelLoadError(f"{engine.name}: {error}") from error
                except Exception as error:
                    logger.exception("an engine failed unexpectedly while it was loaded")
                    cause = f"{type(error).__name__}: {error}"
                    raise ModelLoadError(f"{engine.name}: {cause}") from error
                self._loaded.add(id(engine))

    async def close(self) -> None:
        """Free everything."""
        await self.scorer.close()
        for engine in self.engines:
            await engine.close()
