"""From settings to engines: which engine fills which slot, and what to say where none does."""

import asyncio
import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from vivavoce.config import ConfigError, EngineSpec, Settings
from vivavoce.engines.absent import AbsentRecognizer, AbsentSynthesizer
from vivavoce.engines.base import EngineError, MissingDependencyError
from vivavoce.engines.llm.openai_compatible import OpenAICompatibleModel
from vivavoce.engines.registry import Slot, engine_class
from vivavoce.engines.vad.scripted import ScriptedDetector
from vivavoce.runtime.pipeline import Engines

BUILT_IN: dict[Slot, str] = {
    "vad": "silero",
    "stt": "pocketsphinx",
    "llm": "scripted",
    "tts": "espeak",
}


@dataclass(frozen=True, slots=True)
class Assembly:
    """The engines, and what the operator should know about those that are missing."""

    engines: Engines
    notices: tuple[str, ...]


async def assemble(settings: Settings) -> Assembly:
    """The engines that the settings name. Raises `ConfigError` for one that does not exist.

    A built-in engine that is not to be had on this machine leaves its slot empty, with a notice;
    one that the operator named is taken at their word, and its sessions are told if it fails.
    """
    notices: list[str] = []
    vad = settings.vad and named("vad", settings.vad)
    stt = settings.stt and named("stt", settings.stt)
    tts = settings.tts and named("tts", settings.tts)
    engines = Engines(
        vad=vad or await built_in("vad", energy_detector, notices),
        stt=stt or await built_in("stt", AbsentRecognizer, notices),
        llm=language_model(settings),
        tts=tts or await built_in("tts", AbsentSynthesizer, notices),
    )
    return Assembly(engines, tuple(notices))


async def built_in(slot: Slot, stand_in: Any, notices: list[str]) -> Any:
    """The built-in engine of a slot, or its stand-in where a package is missing."""
    engine = named(slot, BUILT_IN[slot])
    try:
        await asyncio.to_thread(engine.load)
    except MissingDependencyError as error:
        notices.append(f"{MISSING[slot]}: {error}")
        return stand_in(str(error))
    return engine


MISSING: dict[Slot, str] = {
    "vad": "Speech is told from silence by its loudness only",
    "stt": "Speech is not recognised",
    "tts": "Answers are not spoken",
}


def energy_detector(_: str) -> ScriptedDetector:
    """Loudness instead of a model."""
    return ScriptedDetector()


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
    spec = settings.llm or BUILT_IN["llm"]
    if not isinstance(spec, str) or not spec.startswith(("http://", "https://")):
        return named("llm", spec)
    try:
        return OpenAICompatibleModel.from_spec(
            spec,
            api_key=settings.llm_api_key or openai_key(spec),
            temperature=settings.llm_temperature,
            extra_body=settings.llm_extra_body,
        )
    except (EngineError, ValueError) as error:
        raise ConfigError(f"llm {spec}: {error}") from error


def openai_key(spec: str) -> str | None:
    """OPENAI_API_KEY, for OpenAI's own servers only: other servers get the key meant for them."""
    host = urlsplit(spec).hostname or ""
    own = host == "openai.com" or host.endswith(".openai.com")
    return os.environ.get("OPENAI_API_KEY") if own else None
