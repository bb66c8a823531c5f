"""A session's hold on the engines of its model.

Each engine is held by an `EngineLease`. Work asks it for the engine every time, because the one
that it was given before may have been replaced meanwhile.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import msgspec

from vivavoce.engines.base import (
    EngineError,
    LanguageModel,
    MissingDependencyError,
    NoiseReducer,
    SpeechRecognizer,
    SpeechSynthesizer,
    TurnDetector,
    VoiceActivityDetector,
    abilities_of,
    speech_abilities_of,
)
from vivavoce.engines.registry import ALL_SLOTS, Slot
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.runtime.attended_work import Silence, Watch, attended
from vivavoce.runtime.batching import SpeechScorer
from vivavoce.runtime.catalogue import EngineLimits, EngineRef, ModelPlan
from vivavoce.runtime.engine_pool import EnginePool
from vivavoce.runtime.loading import LOAD_FAILED, load_failed
from vivavoce.runtime.shared_engines import Instance, SharedEngine
from vivavoce.session.state import FOLLOWED

logger = logging.getLogger(__name__)

E = TypeVar("E")
T = TypeVar("T")

Named = Callable[[str], ModelPlan | None]
"""The model with a recogniser that a name stands for, if one is configured."""

NO_LIMITS: Mapping[str, Any] = MappingProxyType({})


class ModelLoadError(Exception):
    """A model cannot serve; the text says which engine failed, and what an operator can do.

    It may hold paths of the server, so clients are told `FOR_CLIENTS` instead.
    """

    FOR_CLIENTS = LOAD_FAILED

    def __init__(self, text: str) -> None:
        super().__init__(text)
        logger.error("a model cannot be loaded: %s", text)


@dataclass(frozen=True, slots=True)
class Use(Generic[E]):
    """One job's use of an engine. Each sign of life gives it the whole time limit again."""

    engine: E
    _watch: Watch

    def alive(self) -> None:
        """The engine gave something."""
        self._watch.alive()

    @contextlib.contextmanager
    def resting(self) -> Iterator[None]:
        """What is done in here is not the engine's work: its time limit rests meanwhile."""
        self._watch.rest()
        try:
            yield
        finally:
            self.alive()


Work = Callable[[Use[E]], Coroutine[Any, Any, T]]
"""What a job does with an engine."""


class EngineLease(Generic[E]):
    """A hold on one engine, until `release`."""

    def __init__(self, ref: EngineRef, pool: EnginePool) -> None:
        self.ref = ref
        self._pool = pool
        self._shared: SharedEngine[E] = pool.hold(ref)
        self._released = False

    @property
    def engine(self) -> E:
        """The engine as it is now, loaded or not."""
        engine: E = self._shared.instance.engine
        return engine

    @property
    def limits(self) -> EngineLimits:
        """How long it may be silent."""
        return self.ref.held_to

    @property
    def scorer(self) -> SpeechScorer:
        """What all sessions share that listen with this detector."""
        scorer = self._shared.instance.scorer
        assert scorer is not None, "a detector has one"
        return scorer

    async def load(self) -> Instance[E]:
        """The engine, loaded, or its stand-in where its package is missing.

        Raises `EngineError`, with the code `engine_timeout` if it takes too long, and whatever
        else a load raises.
        """
        try:
            async with asyncio.timeout(self.limits.load_s) as patience:
                return await self._loaded()
        except TimeoutError as error:
            if not patience.expired():
                raise
            text = f"it was not loaded within {self.limits.load_s:g} s. Try again later."
            raise EngineError(text, code="engine_timeout") from error

    async def ready(self) -> Instance[E]:
        """The engine, loaded for a session's job.

        Raises `EngineError` with the code `model_load_error` and nothing of the server in its
        text; the cause is logged.
        """
        try:
            return await self.load()
        except Exception as error:
            logger.exception("the %s engine of a session cannot be loaded", self.ref.slot)
            failure = load_failed()
            self._pool.metrics.engine_failed(self.ref.slot, self._shared.name, failure.code)
            raise failure from error

    async def _loaded(self) -> Instance[E]:
        try:
            return await self._shared.loaded()
        except MissingDependencyError as error:
            if self.ref.stand_in is None or self._shared.ref != self.ref:
                raise
            self._take(self._pool.stand_in(self.ref, self.ref.stand_in, str(error)))
        return await self._shared.loaded()

    def _take(self, instead: SharedEngine[E]) -> None:
        """Hold another engine from now on, unless somebody has seen to that already."""
        if instead is not self._shared:
            instead.hold()
            self._shared.release()
            self._shared = instead

    async def run(self, work: Work[E, T]) -> T:
        """Do one job's work with the engine. Raises `EngineError` as `ready` and `run_on` do."""
        instance = await self.ready()
        with self.counted(instance):
            return await self.run_on(instance, work)

    @contextlib.contextmanager
    def counted(self, instance: Instance[E]) -> Iterator[None]:
        """One job of the engine, which is loaded: how long it takes is measured, or that it fails
        is counted. One that is cancelled does neither."""
        metrics, loop = self._pool.metrics, asyncio.get_running_loop()
        began = loop.time()
        try:
            yield
        except Exception as error:
            code = error.code if isinstance(error, EngineError) else "engine_error"
            metrics.engine_failed(self.ref.slot, instance.name, code)
            raise
        metrics.engine_job(self.ref.slot, instance.name, loop.time() - began)

    async def run_on(self, instance: Instance[E], work: Work[E, T]) -> T:
        """Do one job's work with an instance, and raise what that does.

        Raises `EngineError` when it gives no sign of life: at once, whether or not it can be
        cancelled. The instance is replaced then, and also when its work goes on although it was
        cancelled; whatever else works with it may end its work.
        """
        left = instance.left
        left.make_room()
        limit_s = self.limits.answer_s
        watch = Watch(limit_s)
        done = work(Use(instance.engine, watch))
        instance.job_begins()
        try:
            return await attended(done, watch, left, on_end=instance.job_ended)
        except Silence as silence:  # what is left behind has had the instance replaced
            raise hangs(self.ref.slot, limit_s) from silence

    @contextlib.asynccontextmanager
    async def use(self) -> AsyncIterator[Use[E]]:
        """The engine for work that hands on what the engine yields, as one job, which is counted.

        Raises `EngineError` as `run` does. One that gives no sign of life is replaced at once, but
        the caller is told only when its work has let itself be cancelled.
        """
        instance = await self.ready()
        with self.counted(instance):
            async with self._used(instance) as use:
                yield use

    @contextlib.asynccontextmanager
    async def _used(self, instance: Instance[E]) -> AsyncIterator[Use[E]]:
        task, watch = asyncio.current_task(), Watch(self.limits.answer_s)
        assert task is not None, "this is awaited"
        before = task.cancelling()

        def silent() -> None:
            self._shared.replace(instance)
            task.cancel()

        instance.job_begins()
        watch.begin(silent)
        try:
            yield Use(instance.engine, watch)
        except asyncio.CancelledError as cancelled:
            if watch.has_run_out and task.uncancel() <= before:
                raise hangs(self.ref.slot, self.limits.answer_s) from cancelled
            raise
        finally:
            watch.end()
            instance.job_ended()

    def release(self) -> None:
        """Let go of it; again does nothing."""
        if not self._released:
            self._released = True
            self._shared.release()


def hangs(slot: Slot, limit_s: float) -> EngineError:
    """What those are told whose engine gave nothing for so long."""
    text = f"The {slot} engine gave nothing for {limit_s:g} s. It is being replaced."
    return EngineError(text, code="engine_timeout")


class Pipeline:
    """The engines of a session, held until `release`; `turn` and `noise` may be missing."""

    def __init__(
        self,
        engines: Mapping[Slot, EngineRef],
        named: Named,
        pool: EnginePool,
        limits: Mapping[str, Any] = NO_LIMITS,
        *,
        model: str,
    ) -> None:
        """`named` finds the recogniser that a client may ask for by name; `model` is the configured
        name of what this is the pipeline of.

        `limits` is what the sessions of the model have otherwise than the server says.
        """
        self.model = model
        self.limits = limits
        self.vad: EngineLease[VoiceActivityDetector] = EngineLease(engines["vad"], pool)
        self.stt: EngineLease[SpeechRecognizer] = EngineLease(engines["stt"], pool)
        self.llm: EngineLease[LanguageModel] = EngineLease(engines["llm"], pool)
        self.tts: EngineLease[SpeechSynthesizer] = EngineLease(engines["tts"], pool)
        self.turn: EngineLease[TurnDetector] | None = optional("turn", engines, pool)
        self.noise: EngineLease[NoiseReducer] | None = optional("noise", engines, pool)
        self._named = named
        self._pool = pool
        self._others: dict[EngineRef, EngineLease[SpeechRecognizer]] = {}
        """Recognisers that the client has named besides."""

    def recognizer(self, name: str) -> EngineLease[SpeechRecognizer]:
        """The recogniser that `transcription.model` names; the pipeline's own for other names."""
        plan = self._named(name)
        ref = self.stt.ref if plan is None else plan.engines["stt"]
        if ref == self.stt.ref:
            return self.stt
        if ref not in self._others:
            self._others[ref] = EngineLease(ref, self._pool)
        return self._others[ref]

    def usual_language(self, name: str) -> str | None:
        """The language of the model that `transcription.model` names, where it says one."""
        plan = self._named(name)
        language: str | None = None if plan is None else plan.limits.get("language")
        return None if language == FOLLOWED else language

    @property
    def abilities(self) -> HearingAbilities:
        """What it can do beyond what every pipeline can."""
        leases = {slot: self.lease(slot) for slot in ALL_SLOTS}
        return abilities_of_engines(
            {slot: lease.engine for slot, lease in leases.items() if lease is not None}
        )

    async def load(self, slots: Iterable[Slot] = ALL_SLOTS) -> None:
        """Load what is not loaded yet. Raises `ModelLoadError` when all has been tried."""
        leases = [lease for slot in slots if (lease := self.lease(slot)) is not None]
        tried = [await failure_of(lease) for lease in leases]
        failures = [failure for failure in tried if failure is not None]
        if failures:
            raise ModelLoadError("; ".join(failures))

    def lease(self, slot: Slot) -> EngineLease[Any] | None:
        """The engine of a slot; None for one that is empty."""
        lease: EngineLease[Any] | None = getattr(self, slot)
        return lease

    def release(self) -> None:
        """Let go of all engines."""
        for lease in (*(self.lease(slot) for slot in ALL_SLOTS), *self._others.values()):
            if lease is not None:
                lease.release()


def abilities_of_engines(engines: Mapping[Slot, Any]) -> HearingAbilities:
    """What the engines of a pipeline can do together, loaded or not."""
    speech = speech_abilities_of(engines["llm"])
    return msgspec.structs.replace(
        abilities_of(engines["stt"]),
        hears=speech.hears,
        speaks=speech.speaks,
        judges_turns="turn" in engines,
        reduces_noise="noise" in engines,
    )


def optional(
    slot: Slot, engines: Mapping[Slot, EngineRef], pool: EnginePool
) -> EngineLease[Any] | None:
    """The engine of a slot that may be empty."""
    return EngineLease(engines[slot], pool) if slot in engines else None


async def failure_of(lease: EngineLease[Any]) -> str | None:
    """Load one engine; gives what keeps it from being loaded."""
    what = f"{lease.ref.slot} engine"
    try:
        what = f"{what} '{lease.engine.name}'"
        await lease.load()
    except EngineError as error:
        return f"{what}: {error}"
    except Exception as error:
        logger.exception("an engine failed unexpectedly while it was loaded")
        return f"{what}: {type(error).__name__}: {error}"
    return None
