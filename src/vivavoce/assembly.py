"""From settings to engines: which engine fills which slot, and what to say where none does."""

import os
from typing import Any
from urllib.parse import urlsplit

from vivavoce.config import ConfigError, EngineSpec, Settings
from vivavoce.engines.absent import AbsentRecognizer, AbsentSynthesizer
from vivavoce.engines.base import EngineError
from vivavoce.engines.llm.openai_compatible import OpenAICompatibleModel
from vivavoce.engines.registry import Slot, engine_class
from vivavoce.engines.vad.scripted import ScriptedDetector
from vivavoce.runtime.pipeline import Engines, Pipeline, StandIn

BUILT_IN: dict[Slot, str] = {
    "vad": "silero",
    "stt": "pocketsphinx",
    "llm": "scripted",
    "tts": "espeak",
}


def assemble(settings: Settings) -> Pipeline:
    """The engines that the settings name, not loaded. Raises `ConfigError` for what cannot be.

    A built-in engine that is not to be had on this machine gets a stand-in, with a notice; one
    that the operator named is taken at their word, and its sessions are told if it fails.
    """
    engines = Engines(
        vad=named("vad", settings.vad or BUILT_IN["vad"]),
        stt=named("stt", settings.stt or BUILT_IN["stt"]),
        llm=language_model(settings),
        tts=named("tts", settings.tts or BUILT_IN["tts"]),
    )
    given = {"vad": settings.vad, "stt": settings.stt, "tts": settings.tts}
    return Pipeline(engines, {slot: one for slot, one in STAND_INS.items() if not given[slot]})


def energy_detector(_: str) -> ScriptedDetector:
    """Loudness instead of a model."""
    return ScriptedDetector()


STAND_INS: dict[Slot, StandIn] = {
    "vad": StandIn(energy_detector, "Speech is told from silence by its loudness only"),
    "stt": StandIn(AbsentRecognizer, "Speech is not recognised"),
    "tts": StandIn(AbsentSynthesizer, "Answers are not spoken"),
}


def named(slot: Slot, spec: EngineSpec) -> Any:
    """The engine that a specification names. Raises `ConfigError`."""
    name, argument, options = parts(slot, spec)
    try:
        kind = engine_class(slot, name)
        if argument:
            return from_argument(slot, kind, argument)
        return kind(**options)
    except (EngineError, TypeError, ValueError) as error:
        raise ConfigError(f"{slot} engine '{name}': {error}") from error


def parts(slot: Slot, spec: EngineSpec) -> tuple[str, str, dict[str, Any]]:
    """Name, argument and options of a specification."""
    if isinstance(spec, str):
        name, _, argument = spec.partition(":")
        return name, argument, {}
    options = dict(spec)
    name = options.pop("engine", None)
    if not isinstance(name, str):
        raise ConfigError(f"{slot}: expected a key 'engine' with the engine's name, got {spec}.")
    return name, "", options


def from_argument(slot: Slot, kind: Any, argument: str) -> Any:
    """The engine `NAME:ARGUMENT`, if it takes one."""
    if not hasattr(kind, "from_spec"):
        raise ConfigError(f"{slot} engine '{kind.name}' takes no argument, but got '{argument}'.")
    return kind.from_spec(argument)


def language_model(settings: Settings) -> Any:
    """A server by its URL, an engine by its name, or the built-in reply script."""
    url = settings.llm_url
    if url is None:
        refuse_server_settings(settings)
        return named("llm", settings.llm or BUILT_IN["llm"])
    try:
        return OpenAICompatibleModel.from_spec(
            url,
            api_key=settings.llm_api_key or openai_key(url),
            temperature=settings.llm_temperature,
            extra_body=settings.llm_extra_body,
        )
    except (EngineError, ValueError) as error:
        raise ConfigError(f"llm {url}: {error}") from error


def refuse_server_settings(settings: Settings) -> None:
    """Raises `ConfigError` for a setting that only a server named by its URL would get."""
    for key in ("llm_api_key", "llm_temperature", "llm_extra_body"):
        if getattr(settings, key) not in (None, {}):
            raise ConfigError(
                f"{key} is for a server, and there is none: name one by its URL, as in "
                "llm: http://localhost:11434/v1#qwen3. An engine has options of its own."
            )


def openai_key(spec: str) -> str | None:
    """OPENAI_API_KEY, for OpenAI's own servers only: other servers get the key meant for them."""
    host = urlsplit(spec).hostname or ""
    own = host == "openai.com" or host.endswith(".openai.com")
    return os.environ.get("OPENAI_API_KEY") if own else None
