"""Models for tests: catalogues of scripted engines that can be counted, gated and hung."""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from vivavoce.engines.llm.scripted import ScriptedModel
from vivavoce.engines.registry import Slot
from vivavoce.engines.stt.scripted import ScriptedRecognizer
from vivavoce.engines.tts.scripted import ScriptedSynthesizer
from vivavoce.engines.vad.scripted import ScriptedDetector
from vivavoce.runtime.catalogue import Catalogue, EngineLimits, EngineRef, ModelPlan

KINDS: Mapping[Slot, type[Any]] = {
    "vad": ScriptedDetector,
    "stt": ScriptedRecognizer,
    "llm": ScriptedModel,
    "tts": ScriptedSynthesizer,
}

AT_LEISURE = EngineLimits(60.0, load_s=None)
"""Virtual time must not pass while a thread loads."""


class Workshop:
    """Makes engines, and notes what becomes of each."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.made: dict[str, list[Any]] = {}
        self.may_load: dict[str, threading.Event] = {}
        """Gates before the loads of some engines."""
        self.closed: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        """Set when an engine of this key is closed."""

    def ref(
        self,
        slot: Slot,
        key: str | None = None,
        kind: type[Any] | None = None,
        limits: EngineLimits = AT_LEISURE,
        memory_mb: int = 0,
        **options: Any,
    ) -> EngineRef:
        """An engine of a slot, a scripted one unless a test brings another."""
        named = key or slot
        base = kind or KINDS[slot]
        workshop = self

        class Noted(base):  # type: ignore[misc, valid-type]
            def load(self) -> None:
                if named in workshop.may_load:
                    workshop.may_load[named].wait(30)
                workshop.log.append(f"load {named}")
                super().load()

            async def close(self) -> None:
                workshop.log.append(f"close {named}")
                await super().close()
                workshop.closed[named].set()

        def make() -> Any:
            engine = Noted(**options)
            self.made.setdefault(named, []).append(engine)
            return engine

        return EngineRef(slot, named, make, limits, memory_mb=memory_mb)

    def pipeline(self, name: str, *refs: EngineRef, **plan: Any) -> ModelPlan:
        """A model with these engines, and common scripted ones in the other slots."""
        engines = {slot: self.ref(slot) for slot in KINDS} | {ref.slot: ref for ref in refs}
        return ModelPlan(name=name, engines=engines, **plan)

    def news(self) -> list[str]:
        """What became of engines since the last call."""
        log, self.log = self.log, []
        return log


def catalogue_of(*plans: ModelPlan, **rest: Any) -> Catalogue:
    """These models."""
    return Catalogue(plans={plan.name: plan for plan in plans}, **rest)
