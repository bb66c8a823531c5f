"""Which engine is meant: by its name, with an argument, by a URL, or as another model's name."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from vivavoce.config.conversion import meant
from vivavoce.config.documents import HERE, NOWHERE, Place, Places
from vivavoce.config.models import PARTS, EngineSpec, ModelSpec
from vivavoce.config.settings import Settings
from vivavoce.engines.registry import ALL_SLOTS, SLOTS, Slot, engines

BUILT_IN: dict[Slot, str] = {
    "vad": "silero",
    "stt": "pocketsphinx",
    "llm": "scripted",
    "tts": "espeak",
}
"""What fills a slot where nothing was said."""

TITLES: dict[Slot, str] = {
    "vad": "voice activity",
    "stt": "recognition",
    "llm": "answers",
    "tts": "speech",
    "turn": "turn detection",
    "noise": "noise reduction",
}

NO_MODELS: Mapping[str, ModelSpec] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine that was named, with all that was said of it."""

    slot: Slot
    engine: str
    argument: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    hardware: Mapping[str, str] = field(default_factory=dict)
    """`device` and `compute_type` of the model, for what the options do not say."""
    memory_mb: int = 0
    """What it takes when it is loaded; 0 if nothing was said."""
    place: Place = field(default=HERE, compare=False, repr=False)
    """Where it was named."""

    def __str__(self) -> str:
        """The engine and what it loads, as `faster-whisper small`; keys are never shown."""
        shown = self.argument or str(
            self.options.get("model") or self.options.get("voice") or self.options.get("folder", "")
        )
        base = self.options.get("base_url")
        return " ".join(
            part for part in (self.engine, shown, f"at {shown_url(base)}" if base else "") if part
        )


def shown_url(url: str) -> str:
    """Scheme, host and path of a URL. What else it has may be a key."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


@dataclass(frozen=True, slots=True)
class Resolved:
    """A model and its engines.

    What a pipeline does not say of its sessions is said by the models that are its parts.
    """

    spec: ModelSpec
    engines: Mapping[Slot, Choice]
    parts: Mapping[Slot, ModelSpec] = field(default_factory=dict)

    @property
    def voice(self) -> str | None:
        """The voice of its sessions."""
        return self.spec.voice or self._of_part("tts").voice

    @property
    def language(self) -> str | None:
        """What is spoken in its sessions."""
        return self.spec.language or self._of_part("stt").language

    @property
    def instructions(self) -> str | None:
        """The instructions of its sessions."""
        own = self.spec.instructions
        return self._of_part("llm").instructions if own is None else own

    def _of_part(self, slot: Slot) -> ModelSpec:
        return self.parts.get(slot, self.spec)


def is_url(spec: str) -> bool:
    """Whether an engine was named by the URL of a server."""
    return spec.startswith(("http://", "https://"))


def chosen(slot: Slot, spec: EngineSpec, place: Place = HERE) -> Choice:
    """The engine of a slot that a specification names. Raises `ConfigError`."""
    if isinstance(spec, str) and is_url(spec):
        base_url, _, model = spec.partition("#")
        options = {"base_url": base_url.strip(), "model": model.strip()}
        return Choice(slot, "openai", options=options, place=place)
    if isinstance(spec, str):
        name, _, argument = spec.partition(":")
        return Choice(slot, name, argument, place=place)
    engine = spec.get("engine")
    if not isinstance(engine, str):
        raise place.error("expected a key `engine` with the engine's name.")
    options = {key: value for key, value in spec.items() if key != "engine"}
    return Choice(slot, engine, options=options, place=place)


def resolve(model: ModelSpec, settings: Settings, places: Places = NOWHERE) -> Resolved:
    """The engines of a model. Raises `ConfigError` for one that does not exist."""
    place = places.model(model.name)
    if model.engine is not None:
        slot = _slot_of(model, place)
        choice = _installed(chosen(slot, model.engine, place.at("engine")), place.at("engine"))
        found = {slot: set_up_by(model, choice)}
        return Resolved(model, with_answers(found, model, place))
    others = named(settings)
    found = {}
    parts: dict[Slot, ModelSpec] = {}
    if model.speech is not None:
        found["llm"] = _speech(model.speech, place.at("speech"), hardware(model))
    for key, slot in PARTS.items():
        if model.speech is not None and slot in ("llm", "tts"):
            continue
        part = getattr(model.pipeline, key, None)
        here = place.at("pipeline").at(key)
        if part is None:
            if (own := own_engine(settings, slot, places)) is not None:
                found[slot] = own
        elif isinstance(part, str) and part in others:
            found[slot] = _of_model(others[part], slot, here, places)
            parts[slot] = others[part]
        else:
            choice = _installed(chosen(slot, part, here), here, others)
            found[slot] = replace(choice, hardware=hardware(model))
    return Resolved(model, with_answers(found, model, place), parts)


def with_answers(found: dict[Slot, Choice], model: ModelSpec, place: Place) -> dict[Slot, Choice]:
    """The engines, where the language model is told what the model says of its answers."""
    told = {"thinking": model.thinking, "reasoning_effort": model.reasoning_effort}
    given = {key: value for key, value in told.items() if value is not None}
    if not given:
        return found
    choice = found.get("llm")
    if choice is None:
        raise place.at(next(iter(given))).error("this model has no language model.")
    if choice.argument:
        raise place.at(next(iter(given))).error(
            f"'{choice.engine}:{choice.argument}' has no place for it; write the language model "
            f"as {{engine: {choice.engine}, …}}."
        )
    return {**found, "llm": replace(choice, options={**choice.options, **given})}


def _speech(spec: EngineSpec, place: Place, options: Mapping[str, str]) -> Choice:
    """A model that hears and speaks by itself; of a server, one with audio."""
    choice = chosen("llm", spec, place)
    if isinstance(spec, str) and is_url(spec):
        choice = replace(choice, engine="openai-speech")
    return replace(_installed(choice, place), hardware=options)


def named(settings: Settings) -> dict[str, ModelSpec]:
    """The models by all their names. An alias of what is no model is left out."""
    found = {model.name: model for model in settings.models}
    for model in settings.models:
        found |= dict.fromkeys(model.aliases, model)
    return found | {alias: found[name] for alias, name in settings.aliases.items() if name in found}


def _of_model(other: ModelSpec, slot: Slot, place: Place, places: Places) -> Choice:
    """The engine of a model that a pipeline names."""
    if other.engine is None:
        raise place.error(f"'{other.name}' is a pipeline; name a model with one engine.")
    if (its := _slot_of(other, place)) != slot:
        raise place.error(f"'{other.name}' is for {TITLES[its]}, not for {TITLES[slot]}.")
    its_place = places.model(other.name).at("engine")
    return set_up_by(other, chosen(slot, other.engine, its_place))


def _slot_of(model: ModelSpec, place: Place) -> Slot:
    """What a model's one engine is for."""
    if model.slot is not None:
        return model.slot
    spec = model.engine
    name = spec.partition(":")[0] if isinstance(spec, str) else str((spec or {}).get("engine", ""))
    url = isinstance(spec, str) and is_url(spec)
    found = [slot for slot in ALL_SLOTS if not url and name in engines(slot)]
    if len(found) == 1:
        return found[0]
    if not found and not url:
        raise place.at("engine").error(_unknown(name, ALL_SLOTS))
    wanted = " or ".join(f"`slot: {slot}`" for slot in (found or SLOTS))
    raise place.at("engine").error(f"what this engine is for is not plain; add {wanted}.")


def _installed(choice: Choice, place: Place, models: Mapping[str, ModelSpec] = NO_MODELS) -> Choice:
    """The choice. Raises `ConfigError` if there is no such engine; nothing is imported."""
    if choice.engine not in engines(choice.slot):
        raise place.error(_unknown(choice.engine, (choice.slot,), models))
    return choice


def _unknown(
    name: str, slots: tuple[Slot, ...], models: Mapping[str, ModelSpec] = NO_MODELS
) -> str:
    known = {name for slot in slots for name in engines(slot)} | set(models)
    what = f"{slots[0]} engine" if len(slots) == 1 else "engine"
    also = "model and no " if models else ""
    return f"there is no {also}{what} named '{name}'.{meant(name, known)}"


def own_engines(settings: Settings, places: Places = NOWHERE) -> dict[Slot, Choice]:
    """The server's own engines."""
    found = {slot: own_engine(settings, slot, places) for slot in ALL_SLOTS}
    return {slot: choice for slot, choice in found.items() if choice is not None}


def own_engine(settings: Settings, slot: Slot, places: Places = NOWHERE) -> Choice | None:
    """The server's own engine of a slot; None for one that stays empty."""
    spec = getattr(settings, slot) or BUILT_IN.get(slot)
    if spec is None:
        return None
    choice = chosen(slot, spec, places.server(slot))
    if slot != "llm" or settings.llm_url is None:
        return choice
    told = {
        "api_key": settings.llm_api_key,
        "temperature": settings.llm_temperature,
        "extra_body": settings.llm_extra_body or None,
    }
    given = {key: value for key, value in told.items() if value is not None}
    return replace(choice, options={**choice.options, **given})


def set_up_by(model: ModelSpec, choice: Choice) -> Choice:
    """The one engine of a model, with what that says of it."""
    return replace(choice, hardware=hardware(model), memory_mb=model.memory_mb or 0)


def hardware(model: ModelSpec) -> dict[str, str]:
    """Where and how a model's engines are to compute."""
    told = {"device": model.device, "compute_type": model.compute_type}
    return {key: value for key, value in told.items() if value is not None}
