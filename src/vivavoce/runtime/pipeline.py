"""The engines behind a model's name, loaded once and shared by its sessions."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from vivavoce.engines.base import (
    EngineError,
    LanguageModel,
    MissingDependencyError,
    SpeechRecognizer,
    SpeechSynthesizer,
    VoiceActivityDetector,
)
from vivavoce.engines.registry import SLOTS, Slot
from vivavoce.runtime.batching import SpeechScorer
from vivavoce.runtime.loading import Loading

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


@dataclass(frozen=True, slots=True)
class StandIn:
    """What takes the place of an engine whose package is missing."""

    make: Callable[[str], Any]
    """Makes the engine, given the reason."""
    notice: str
    """What the operator should know then."""


class Pipeline:
    """The engines, and whether they are loaded.

    However many sessions ask, an engine is loaded once at a time; a load that failed is tried
    again for the next session. Where a package is missing and there is a stand-in, sessions get
    that, and `notices` says so.
    """

    def __init__(self, engines: Engines, stand_ins: Mapping[Slot, StandIn] | None = None) -> None:
        self.engines = engines
        self.scorer = SpeechScorer(engines.vad)
        self.notices: list[str] = []
        self._stand_ins = dict(stand_ins or {})
        self._loadings = {slot: Loading(getattr(engines, slot)) for slot in SLOTS}

    async def load(self) -> None:
        """Load what is not loaded yet. Raises `ModelLoadError` when all has been tried."""
        failures = [failure for slot in SLOTS if (failure := await self._load(slot)) is not None]
        if failures:
            raise ModelLoadError("; ".join(failures))

    async def _load(self, slot: Slot) -> str | None:
        """Load one engine; gives what keeps it from being loaded."""
        loading = self._loadings[slot]
        try:
            await loading.done()
        except EngineError as error:
            if isinstance(error, MissingDependencyError) and slot in self._stand_ins:
                self._stand_in(slot, str(error))
                return None
            return f"{loading.engine.name}: {error}"
        except Exception as error:
            logger.exception("an engine failed unexpectedly while it was loaded")
            return f"{loading.engine.name}: {type(error).__name__}: {error}"
        return None

    def _stand_in(self, slot: Slot, reason: str) -> None:
        """Replace an engine; no session is open before all are loaded."""
        stand_in = self._stand_ins.pop(slot)
        engine = stand_in.make(reason)
        self.notices.append(f"{stand_in.notice}: {reason}")
        self.engines = replace(self.engines, **{slot: engine})
        self.scorer = SpeechScorer(self.engines.vad)
        self._loadings[slot] = Loading(engine)

    async def close(self) -> None:
        """Free everything."""
        await self.scorer.close()
        for loading in self._loadings.values():
            await loading.close()
