"""Which engines a host offers, by what its users call them."""

from collections import Counter
from typing import Any

from vivavoce.engines.base import EngineError
from vivavoce.engines.registry import Slot
from vivavoce.engines.remote.messages import ByKey, ByModel, Selector
from vivavoce.runtime.catalogue import Catalogue, EngineRef
from vivavoce.runtime.models import TASKS, Models
from vivavoce.runtime.pipeline import EngineLease
from vivavoce.runtime.remote_engines import digest_of


class Offer:
    """The engines of `models`, and those of earlier configurations that somebody still holds."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._catalogue: Catalogue | None = None
        self._by_digest: dict[bytes, EngineRef] = {}
        self._held: Counter[EngineRef] = Counter()

    def lease(self, engine: Selector) -> EngineLease[Any]:
        """A hold on an engine for one job; release it. Raises `EngineError` if there is none."""
        return self._models.lease(self._find(engine))

    def hold(self, engine: Selector) -> EngineLease[Any]:
        """A hold that keeps an engine on offer whatever is configured; `let_go` of it."""
        lease = self.lease(engine)
        self._held[lease.ref] += 1
        return lease

    def let_go(self, lease: EngineLease[Any]) -> None:
        """Release what `hold` gave."""
        self._held[lease.ref] -= 1
        if not self._held[lease.ref]:
            del self._held[lease.ref]
        lease.release()

    def _find(self, engine: Selector) -> EngineRef:
        match engine:
            case ByModel(slot, model):
                return self._of_model(slot, model)
            case ByKey(_, digest):
                return self._of_key(digest)

    def _of_key(self, digest: bytes) -> EngineRef:
        if self._models.catalogue is not self._catalogue:
            self._catalogue = self._models.catalogue
            refs = (ref for plan in self._catalogue.plans.values() for ref in plan.engines.values())
            self._by_digest = {digest_of(ref): ref for ref in refs}
        found = self._by_digest.get(digest)
        if found is None:
            found = next((ref for ref in self._held if digest_of(ref) == digest), None)
        if found is None:
            raise EngineError(
                "The engine process has no such engine: its configuration is another one, or it "
                "was started again and knows no earlier one. Begin a new session; if that fails, "
                "too, reload or restart the server.",
                code="unknown_engine",
            )
        return found

    def _of_model(self, slot: Slot, model: str) -> EngineRef:
        catalogue = self._models.catalogue
        plan = catalogue.named(model)
        if plan is None or slot not in plan.engines:
            having = [name for name in catalogue.names if slot in catalogue.resolve(name).engines]
            raise EngineError(
                f"The engine server has no {TASKS[slot]} under the name '{model}'. "
                f"It has: {', '.join(having) or 'none'}.",
                code="unknown_engine",
            )
        return plan.engines[slot]
