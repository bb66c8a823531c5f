"""What models there are, as values: which engines a name stands for, and how its sessions begin.

Configuration is read into a `Catalogue` once, and again at each reload; nothing in here loads or
runs anything. `models` brings it to life.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from vivavoce.engines.base import (
    LanguageModel,
    NoiseReducer,
    SpeechRecognizer,
    SpeechSynthesizer,
    TurnDetector,
    VoiceActivityDetector,
)
from vivavoce.engines.registry import EXTRA_SLOTS, SLOTS, Slot

ONLY_MODEL = "vivavoce"
"""The name of the model of a server that has no others; it answers to any name."""

DAY_S = 86_400.0


class UnknownModelError(Exception):
    """No model has this name; the text says which names there are."""


class UnsuitableModelError(Exception):
    """A model has no engine for what it was asked to do; the text says which it lacks."""


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """How long an engine may give no sign of life, in seconds, before it counts as hung.

    `answer_s` is the longest silence of one job: until the first piece, between two pieces, and
    until the end. Work that waits for other work of the same engine counts, so leave room for
    it. `load_s` is how long a session waits for a load, None for as long as it takes; the load
    itself goes on.
    """

    answer_s: float
    load_s: float | None = 900.0


LIMITS: Mapping[Slot, EngineLimits] = MappingProxyType(
    {
        "vad": EngineLimits(10.0),
        "turn": EngineLimits(10.0),
        "noise": EngineLimits(10.0),
        "stt": EngineLimits(60.0),
        "llm": EngineLimits(180.0),
        "tts": EngineLimits(60.0),
    }
)
"""What holds where nothing else was set. Loads may include a download, and models that a server
loads at the first request take their time. Adapters of remote servers have shorter limits of
their own, which know more about what went wrong."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """What takes the place of an engine whose package is missing."""

    make: Callable[[str], Any]
    """Makes the engine, given the reason."""
    notice: str
    """What the operator should know then."""


@dataclass(frozen=True, slots=True)
class EngineRef:
    """One engine with its options, not made yet.

    Two with the same `slot` and `key` are the same engine, which is loaded once for all models
    that name it. So `key` holds all that makes a difference: the engine's name and its options,
    in a form that does not depend on their order.
    """

    slot: Slot
    key: str = field(repr=False)
    """Is never shown: options may hold keys of another kind."""
    make: Callable[[], Any] = field(compare=False, repr=False)
    """Makes the engine without loading it; called again after it was unloaded or has hung."""
    limits: EngineLimits | None = field(default=None, compare=False)
    """None takes those of the slot, `LIMITS`."""
    stand_in: StandIn | None = field(default=None, compare=False)
    memory_mb: int = field(default=0, compare=False)
    """What it takes when it is loaded, as its operator says; 0 if nothing was said."""
    elsewhere: bool = field(default=False, compare=False)
    """Another process hosts it, and keeps it loaded for a while after it was let go of here."""

    @property
    def held_to(self) -> EngineLimits:
        """The limits that hold."""
        return self.limits or LIMITS[self.slot]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPlan:
    """A model as it was configured.

    A pipeline has an engine for each of `SLOTS`, and may have others; a single engine has one,
    and serves what needs only that.
    """

    name: str
    engines: Mapping[Slot, EngineRef]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """How its sessions begin, as `session` of a `session.update` in GA vocabulary, without its
    `type`: `{"instructions": …, "audio": {"output": {"voice": …}}}`."""
    limits: Mapping[str, Any] = field(default_factory=dict)
    """What its sessions have otherwise than the server says, by the names of `Limits`."""
    load: Literal["at_start", "on_use"] = "at_start"
    unload_after_s: float | None = None
    """Seconds without a session after which its engines are freed; None keeps them."""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All models of a server. Names and aliases are told apart by nothing, so none is both."""

    plans: Mapping[str, ModelPlan]
    """By name, in the order in which they are shown."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """The name that each alias stands for."""
    default: str | None = None
    """The model that all other names mean; None refuses them."""
    memory_mb: int | None = None
    """What all engines may take together, of which it was said what each takes."""

    def __post_init__(self) -> None:
        """Raises `ValueError` for names that lead nowhere or to two models."""
        for alias, name in self.aliases.items():
            if name not in self.plans:
                raise ValueError(f"the alias '{alias}' stands for '{name}', which is no model")
            if alias in self.plans:
                raise ValueError(f"'{alias}' is both a model and an alias of '{name}'")
        if self.default is not None and self.default not in self.plans:
            raise ValueError(f"the default model '{self.default}' is not configured")

    @property
    def names(self) -> tuple[str, ...]:
        """All names that a client may ask for, models first."""
        return (*self.plans, *self.aliases)

    def named(self, name: str) -> ModelPlan | None:
        """The model of this name or alias, if there is one."""
        return self.plans.get(self.aliases.get(name, name))

    def hearing(self, name: str) -> ModelPlan | None:
        """The model of this name or alias, if there is one with a recogniser."""
        plan = self.named(name)
        return plan if plan is not None and "stt" in plan.engines else None

    def resolve(self, name: str) -> ModelPlan:
        """The model that this name means. Raises `UnknownModelError`."""
        plan = self.named(name)
        if plan is not None:
            return plan
        if self.default is None:
            known = ", ".join(f"'{one}'" for one in self.names) or "none"
            raise UnknownModelError(f"The model '{name}' does not exist. Configured are: {known}.")
        return self.plans[self.default]


@dataclass(frozen=True, slots=True)
class Engines:
    """Engines that are made already, one for each slot of a pipeline."""

    vad: VoiceActivityDetector
    stt: SpeechRecognizer
    llm: LanguageModel
    tts: SpeechSynthesizer
    turn: TurnDetector | None = None
    noise: NoiseReducer | None = None

    def catalogue(self) -> Catalogue:
        """One model of these engines, for any name. Where one is to be made anew it stays the
        same, closed and loaded again."""
        made = {slot: getattr(self, slot) for slot in (*SLOTS, *EXTRA_SLOTS)}
        engines = {slot: given(slot, one) for slot, one in made.items() if one is not None}
        plan = ModelPlan(name=ONLY_MODEL, engines=engines)
        return Catalogue(plans={ONLY_MODEL: plan}, default=ONLY_MODEL)


def given(slot: Slot, engine: Any) -> EngineRef:
    """An engine that is made already. Those are scripted ones, which pause and load for as long as
    their authors say."""
    return EngineRef(slot, engine.name, lambda: engine, EngineLimits(DAY_S, load_s=None))
