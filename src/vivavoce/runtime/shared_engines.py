"""Engines that are shared by all models that name them: made, held, replaced, unloaded, closed.

One `SharedEngine` stands for one key. What it stands for comes and goes: an `Instance` is made
and loaded when somebody needs it, and retired when nobody has held it for a while, when the
configuration no longer names it, or when it has hung. Retired, it takes no new work, and is
closed in the background once its last job has ended.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from vivavoce.engines.base import VoiceActivityDetector
from vivavoce.runtime.attended_work import GRACE_S, LeftBehind
from vivavoce.runtime.batching import SpeechScorer
from vivavoce.runtime.catalogue import EngineRef
from vivavoce.runtime.loading import Loading
from vivavoce.runtime.memory_budget import MemoryBudget
from vivavoce.runtime.metrics import Metrics

logger = logging.getLogger(__name__)

E = TypeVar("E")

MOST_STUCK = 8
"""So many detectors are replaced whose threads do not come back; each takes memory to the end."""

Spawn = Callable[[Coroutine[Any, Any, None]], object]
"""Starts a task that outlives its caller."""


class Instance(Generic[E]):
    """An engine as it was made once. A detector comes with the one scorer that all share."""

    def __init__(
        self,
        engine: E,
        scorer: SpeechScorer | None,
        close: Spawn,
        ending: asyncio.Event,
        budget: MemoryBudget,
        left: LeftBehind,
    ) -> None:
        self.engine = engine
        self.scorer = scorer
        self.left = left
        self.loading = Loading(engine)  # type: ignore[arg-type]  # every slot's is an Engine
        self._jobs = 0
        self._retired = False
        self._close = close
        self._ending = ending
        self._budget = budget
        self._given_up: asyncio.TimerHandle | None = None
        """Set for when work that is still under way in a retired instance counts as stuck."""

    @property
    def name(self) -> str:
        """The engine's name."""
        return self.loading.engine.name

    def job_begins(self) -> None:
        """Work is under way; call `job_ended` once for it."""
        self._jobs += 1

    def job_ended(self) -> None:
        """It is over."""
        self._jobs -= 1
        self._close_if_free()

    def retire(self) -> None:
        """Nothing new; close it behind what is under way. Work that does not end within `GRACE_S`
        takes no memory of the budget any more, as nobody may wait for it."""
        if self._retired:
            return
        self._retired = True
        self._budget.closing(self)
        if self._jobs:
            loop = asyncio.get_running_loop()
            self._given_up = loop.call_later(GRACE_S, self._budget.give_back, self)
        self._close_if_free()

    def free_if_failed(self) -> None:
        """A load has ended, whoever waits for it: one that failed takes no memory."""
        if self.loading.has_failed:
            self._budget.give_back(self)

    def _close_if_free(self) -> None:
        if self._retired and self._jobs == 0:
            if self._given_up is not None:
                self._given_up.cancel()
            self._close(self._closed())

    async def _closed(self) -> None:
        """Free everything. What an engine raises then, or waits for in vain, is only logged."""
        try:
            if self.scorer is not None:
                await self.scorer.close()
            await self.loading.close(self._ending)
        except TimeoutError:
            logger.warning("the engine %s does not close; it is left to itself", self.name)
        except Exception:
            logger.exception("the engine %s failed while it was closed", self.name)
        finally:
            self._budget.give_back(self)


class SharedEngine(Generic[E]):
    """All that is known of one engine. Made by `EnginePool`."""

    def __init__(
        self,
        ref: EngineRef,
        spawn: Spawn,
        ending: asyncio.Event,
        budget: MemoryBudget,
        left: set[asyncio.Task[Any]],
        metrics: Metrics,
    ) -> None:
        """`left` is the work of all engines that was cancelled and goes on."""
        self.ref = ref
        self._spawn = spawn
        self._ending = ending
        self._budget = budget
        self._left = left
        self._metrics = metrics
        self._keep_s: float | None = None
        self._holders = 0
        self._instance: Instance[E] | None = None
        self.name: str = ref.slot
        """The engine's name, once one was made."""
        self._idle: asyncio.TimerHandle | None = None
        self._stuck = 0
        """Detectors that did not come back from a batch."""

    @property
    def is_held(self) -> bool:
        """Whether anybody holds it."""
        return self._holders > 0

    @property
    def instance(self) -> Instance[E]:
        """The one that new work goes to, loaded or not."""
        if self._instance is None:
            self._instance = self._made()
        return self._instance

    def _made(self) -> Instance[E]:
        engine = self.ref.make()
        left = LeftBehind(f"the {self.ref.slot} engine", self._left, lambda: self.replace(made))
        made = Instance(engine, self._scorer(engine), self._spawn, self._ending, self._budget, left)
        self.name = made.name
        return made

    async def loaded(self) -> Instance[E]:
        """The same, loaded; raises what its `load` raised, and as `MemoryBudget.take`."""
        instance = self.instance
        await self._budget.take(instance, self.ref.memory_mb)
        if instance is not self._instance:  # it was retired while it waited for room
            self._budget.give_back(instance)
            return await self.loaded()
        load = instance.loading.begin()
        if not load.done():
            load.add_done_callback(lambda _: instance.free_if_failed())
        await instance.loading.done()
        return instance

    def unload_if_idle(self) -> bool:
        """Unload it if nobody holds it and memory was declared for it; False otherwise."""
        if self.is_held or self._instance not in self._budget:
            return False
        self.unload()
        return True

    def backlog_s(self) -> float:
        """How long a typical caller's sound has waited for its score by it, in seconds."""
        scorer = None if self._instance is None else self._instance.scorer
        return 0.0 if scorer is None else scorer.backlog_s()

    def hold(self) -> None:
        """Keep it loaded, once it is; call `release` once."""
        self._holders += 1
        self._stop_waiting()

    def release(self) -> None:
        """One holder less."""
        self._holders -= 1
        self._reconsider()

    def keep(self, seconds: float | None) -> None:
        """Unload it after so many seconds without a holder; None keeps it, and 0 does not."""
        self._keep_s = seconds
        self._reconsider()

    def unload(self) -> None:
        """Retire the instance there is; the next use makes another one."""
        self._stop_waiting()
        retired, self._instance = self._instance, None
        if retired is not None:
            retired.retire()

    def replace(self, hung: Instance[E]) -> None:
        """An instance hangs: load a fresh one, unless somebody has done so already. What nobody
        holds is made anew when it is needed."""
        if hung is not self._instance:
            return
        if not self.is_held:
            self.unload()
            return
        logger.warning("the %s engine %s hangs, and is replaced", self.ref.slot, hung.name)
        self._instance = None
        fresh = self.instance
        self._budget.hand_over(hung, fresh)
        hung.retire()
        load = fresh.loading.begin()
        if fresh.scorer is not None:
            fresh.scorer.wait_for(load)

    def _reconsider(self) -> None:
        self._stop_waiting()
        if self.is_held or self._instance is None or self._keep_s is None:
            return
        if self._keep_s == 0:
            self.unload()
        else:
            self._idle = asyncio.get_running_loop().call_later(self._keep_s, self.unload)

    def _stop_waiting(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _scorer(self, engine: E) -> SpeechScorer | None:
        if self.ref.slot != "vad":
            return None
        detector: VoiceActivityDetector = engine  # type: ignore[assignment]

        def hung() -> bool:
            self._stuck += 1
            if self._stuck > MOST_STUCK:
                return False
            if self._instance is not None and self._instance.scorer is scorer:
                self.replace(self._instance)
            return True

        scorer = SpeechScorer(
            detector,
            limit_s=self.ref.held_to.answer_s,
            on_hung=hung,
            on_batch=self._metrics.batch_scored,
            on_failure=lambda code: self._metrics.engine_failed("vad", detector.name, code),
        )
        return scorer
