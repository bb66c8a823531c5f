"""From settings to a catalogue of models: which engine fills which slot, and what takes its place.

Engines are made here and not loaded; that, and sharing them, is the runtime's part.
"""

import inspect
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from vivavoce.config import ConfigError, Settings
from vivavoce.config.documents import NOWHERE, Place, Places
from vivavoce.config.engine_options import check_options
from vivavoce.config.names import UNNAMED, aliases_of, has_unnamed
from vivavoce.config.resolution import BUILT_IN, Choice, Resolved, own_engines, resolve
from vivavoce.config.speculation_level import level_of
from vivavoce.engines.absent import AbsentRecognizer, AbsentSynthesizer
from vivavoce.engines.base import EngineError, HasVoices, speech_abilities_of
from vivavoce.engines.registry import SLOTS, Slot, engine_class
from vivavoce.engines.vad.scripted import ScriptedDetector
from vivavoce.protocol.errors import Refusal
from vivavoce.runtime.catalogue import Catalogue, EngineRef, ModelPlan, StandIn
from vivavoce.runtime.pipeline import abilities_of_engines
from vivavoce.runtime.session_defaults import realtime_session

SESSION_KEYS = (
    "turn_detection",
    "noise_reduction",
    "voice",
    "instructions",
    "tools",
    "max_output_tokens",
)
"""The keys of a model that say how its sessions begin."""


def assemble(settings: Settings, places: Places = NOWHERE) -> Catalogue:
    """The models that the settings describe, not loaded. Raises `ConfigError` for what cannot be.

    Without named models there is one, made of the server's own engines, and every name means it.
    Where all named models are single engines, it is there under its name. `places` is where all
    this was written.
    """
    refuse_server_settings(settings, places)
    plans = [
        plan_of(resolve(model, settings, places), settings, places.model(model.name))
        for model in settings.models
    ]
    if has_unnamed(settings):
        own = own_engines(settings, places)
        engines = {slot: engine_ref(choice, settings) for slot, choice in own.items()}
        plans.append(ModelPlan(name=UNNAMED, engines=engines))
    default = settings.default_model if settings.models else UNNAMED
    try:
        return Catalogue(
            plans={plan.name: plan for plan in plans},
            aliases=aliases_of(settings),
            default=default,
            memory_mb=settings.memory_mb,
        )
    except ValueError as error:
        raise ConfigError(str(error)) from error


def plan_of(model: Resolved, settings: Settings, place: Place) -> ModelPlan:
    """A model as the runtime has it."""
    spec = model.spec
    check_hardware(model, place)
    minutes = spec.unload_after_minutes
    plan = ModelPlan(
        name=spec.name,
        engines=engines_of(model, settings, place),
        defaults=session_defaults(model),
        limits=session_limits(model),
        load=spec.load,
        unload_after_s=None if minutes is None else 60 * minutes,
        description=spec.description,
    )
    check_defaults(plan, place)
    return plan


def check_defaults(plan: ModelPlan, place: Place) -> None:
    """Raises `ConfigError` for session defaults that the model's engines cannot follow.

    Engines that know their voices only when they are loaded take any.
    """
    engines = {slot: ref.make() for slot, ref in plan.engines.items()}
    try:
        if all(slot in engines for slot in SLOTS):
            realtime_session(plan.name, plan, "", abilities_of_engines(engines))
        speaker = engines.get("tts")
        if "llm" in engines and speech_abilities_of(engines["llm"]).speaks:
            speaker = engines["llm"]
        voice = plan.defaults.get("audio", {}).get("output", {}).get("voice")
        if voice is not None and isinstance(speaker, HasVoices):
            speaker.voices.check(voice, "voice")
    except Refusal as refusal:
        raise refused_default(refusal, place) from refusal


def refused_default(refusal: Refusal, place: Place) -> ConfigError:
    """What a client would be told, for the operator: with the key of the model in question."""
    param = refusal.detail.param or ""
    key = next((key for key in SESSION_KEYS if key in param.split(".")), "")
    return place.at(key).error(refusal.detail.message)


def engines_of(model: Resolved, settings: Settings, place: Place) -> dict[Slot, EngineRef]:
    """The engines of a model. Raises `ConfigError`."""
    engines = {slot: engine_ref(choice, settings) for slot, choice in model.engines.items()}
    if model.spec.speech is None:
        return engines
    able = speech_abilities_of(engines["llm"].make())
    if not (able.hears and able.speaks):
        raise place.at("speech").error(
            f"the engine '{model.engines['llm'].engine}' does not hear and speak by itself. "
            "`speech` names one that does, as openai-speech; all others go into a `pipeline`."
        )
    return engines | {"tts": NO_SYNTHESIZER}


def session_defaults(model: Resolved) -> dict[str, Any]:
    """How the model's sessions begin, in the vocabulary of `session.update`."""
    spec = model.spec
    hearing = {
        "turn_detection": spec.turn_detection,
        "noise_reduction": spec.noise_reduction,
    }
    heard = {key: value for key, value in hearing.items() if value is not msgspec.UNSET}
    session = {
        "instructions": model.instructions,
        "tools": spec.tools or None,
        "max_output_tokens": spec.max_output_tokens,
    }
    audio = {
        "input": heard or None,
        "output": None if model.voice is None else {"voice": model.voice},
    }
    said = {key: value for key, value in session.items() if value is not None}
    sound = {key: value for key, value in audio.items() if value is not None}
    defaults: dict[str, Any] = msgspec.to_builtins(said | ({"audio": sound} if sound else {}))
    return defaults


def session_limits(model: Resolved) -> dict[str, Any]:
    """What the model's sessions have otherwise than the server says, by the names of `Limits`."""
    spec = model.spec
    said = {
        "barge_in": spec.barge_in,
        "speculate": None if spec.speculate is None else level_of(spec.speculate),
        "language": model.language,
    }
    return {key: value for key, value in said.items() if value is not None}


def engine_ref(choice: Choice, settings: Settings) -> EngineRef:
    """An engine, made once to see that it can be. Raises `ConfigError`."""
    kind = kind_of(choice)
    options = options_of(choice, kind, settings)

    def make() -> Any:
        try:
            if choice.argument:
                return from_argument(choice, kind)
            return kind(**options)
        except (EngineError, ValueError) as error:
            raise refused_engine(choice, str(error)) from error
        except ConfigError:
            raise
        except Exception as error:  # an engine may be anybody's plug-in
            raise refused_engine(choice, f"{type(error).__name__}: {error}") from error

    make()
    named = [choice.engine, choice.argument, options]
    built_in = not getattr(settings, choice.slot) and choice.engine == BUILT_IN.get(choice.slot)
    return EngineRef(
        choice.slot,
        msgspec.json.encode(named, order="deterministic").decode(),
        make,
        stand_in=STAND_INS.get(choice.slot) if built_in else None,
        memory_mb=choice.memory_mb,
    )


def refused_engine(choice: Choice, why: str) -> ConfigError:
    """Names the engine, and where it was named."""
    return choice.place.error(f"{choice.slot} engine '{choice.engine}': {why}")


def kind_of(choice: Choice) -> Any:
    """The engine's class. Raises `ConfigError`."""
    try:
        return engine_class(choice.slot, choice.engine)
    except EngineError as error:
        raise refused_engine(choice, str(error)) from error


def from_argument(choice: Choice, kind: Any) -> Any:
    """The engine `NAME:ARGUMENT`, if it takes one."""
    if not hasattr(kind, "from_spec"):
        raise choice.place.error(
            f"{choice.slot} engine '{kind.name}' takes no argument, but got '{choice.argument}'."
        )
    return kind.from_spec(choice.argument)


def options_of(choice: Choice, kind: Any, settings: Settings) -> dict[str, Any]:
    """The arguments of an engine's class: its options, and what the settings add to them."""
    known = inspect.signature(kind).parameters
    if not choice.argument:
        check_options(f"{choice.slot} engine '{choice.engine}'", kind, choice.options, choice.place)
    added: dict[str, Any] = {
        key: hardware_word(choice.engine, value)
        for key, value in choice.hardware.items()
        if key in known
    }
    if settings.offline and "offline" in known:
        added["offline"] = True
    if "api_key" in known and (key := openai_key(str(choice.options.get("base_url", "")))):
        added["api_key"] = key
    if choice.argument and choice.hardware and added:
        raise choice.place.error(
            f"'{choice.engine}:{choice.argument}' has no place for {' and '.join(added)}; write "
            f"{{engine: {choice.engine}, …}} with the engine's options."
        )
    return {**added, **choice.options}


def hardware_word(engine: str, value: str) -> str:
    """What an engine calls a device; llama.cpp is built for one kind of GPU, and says `gpu`."""
    return "gpu" if engine == "xllamacpp" and value == "cuda" else value


def check_hardware(model: Resolved, place: Place) -> None:
    """Raises `ConfigError` for a device that no engine of the model would hear of."""
    known = {
        name
        for choice in model.engines.values()
        if choice.hardware
        for name in inspect.signature(kind_of(choice)).parameters
    }
    for key in ("device", "compute_type"):
        if getattr(model.spec, key) is not None and key not in known:
            raise place.at(key).error(f"none of the engines of this model has the option '{key}'.")


def energy_detector(_: str) -> ScriptedDetector:
    """Loudness instead of a model."""
    return ScriptedDetector()


NO_SYNTHESIZER = EngineRef(
    "tts", '["none"]', lambda: AbsentSynthesizer("This model speaks by itself, and only answers.")
)
"""What is in the place of a voice where the model speaks."""

STAND_INS: Mapping[Slot, StandIn] = {
    "vad": StandIn(energy_detector, "Speech is told from silence by its loudness only"),
    "stt": StandIn(AbsentRecognizer, "Speech is not recognised"),
    "tts": StandIn(AbsentSynthesizer, "Answers are not spoken"),
}
"""For the built-in engines where nobody named another: one that the operator named is taken at
their word, and its sessions are told if it fails."""


def refuse_server_settings(settings: Settings, places: Places) -> None:
    """Raises `ConfigError` for a setting that only a server named by its URL would get."""
    for key in ("llm_api_key", "llm_temperature", "llm_extra_body"):
        if settings.llm_url is None and getattr(settings, key) not in (None, {}):
            raise places.server(key).error(
                "this is for a server, and there is none: name one by its URL, as in "
                "llm: http://localhost:11434/v1#qwen3. An engine has options of its own."
            )


def openai_key(base_url: str) -> str | None:
    """OPENAI_API_KEY, for OpenAI's own servers only: other servers get the key meant for them."""
    host = urlsplit(base_url).hostname or ""
    own = host == "openai.com" or host.endswith(".openai.com")
    return os.environ.get("OPENAI_API_KEY") if own else None
