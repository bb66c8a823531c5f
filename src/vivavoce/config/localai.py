"""LocalAI's own model files, read as they are.

A file of LocalAI is known by its keys (`backend`, `parameters`, …; `ModelConfig` in its
`core/config/model_config.go`). What has an effect here is put into our own shape, what has none is
named once, and a model whose backend does not exist here is left out, with the reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vivavoce.config.conversion import meant
from vivavoce.config.documents import Place
from vivavoce.config.localai_backends import BackendError, settle
from vivavoce.config.models import PARTS, ModelSpec
from vivavoce.config.weights import is_download

SIGNS = frozenset(
    {
        "alias",
        "backend",
        "context_size",
        "disabled",
        "f16",
        "function",
        "known_usecases",
        "parameters",
        "stopwords",
        "system_prompt",
        "template",
        "threads",
        "tts",
        "usage",
    }
)
"""Keys of LocalAI by which its files are known; a pipeline alone is written alike in both."""

_KEPT = frozenset({"name", "description", "download_files", "pipeline"})
"""Keys that mean the same in both."""

_READ = frozenset({"alias", "backend", "cuda", "disabled", "parameters", "system_prompt", "tts"})
_THINKING = frozenset({"disable_thinking", "reasoning_effort"})
"""How a language model thinks: `reasoning_effort` of its own, and both of a pipeline's."""
_OWN = frozenset(ModelSpec.__struct_fields__) - _KEPT - _THINKING
_SILENT = frozenset({"known_usecases", "usage", "step", "pinned"})
"""Keys that change nothing about how a model answers, and need no word."""

_PIPELINE_READ = frozenset({"turn_detection", "disable_warmup"}) | _THINKING
_PIPELINE_DEAD = frozenset(
    {
        "classifier",
        "compaction",
        "diarization",
        "max_history_items",
        "sound_detection",
        "sound_detection_hop_ms",
        "sound_detection_window_ms",
        "streaming",
        "voice_recognition",
    }
)


@dataclass(frozen=True, slots=True)
class Translation:
    """A model in our own shape, or why there is none."""

    value: dict[str, Any]
    notices: tuple[str, ...] = ()
    alias_of: str | None = None
    """The model that this one is another name of."""
    unusable: str | None = None
    """Why it cannot run here, a sentence."""


def translated(value: dict[str, Any], place: Place, folder: Path) -> Translation:
    """A model's mapping in our own shape; one that is in it already is given back.

    `folder` is where the file lies, and so the files that it names. Raises `ConfigError`.
    """
    pipeline = value.get("pipeline")
    extras = _PIPELINE_READ | _PIPELINE_DEAD
    of_pipeline = isinstance(pipeline, dict) and extras.intersection(pipeline)
    if not SIGNS.intersection(value) and not of_pipeline:
        return Translation(value)
    if isinstance(value.get("alias"), str):
        return Translation({}, alias_of=value["alias"])
    if value.get("disabled") is True:
        return Translation({}, unusable="Its file says `disabled: true`.")
    made = {key: value[key] for key in (_KEPT | _OWN).intersection(value)} | _session(value)
    if isinstance(pipeline, dict):
        made |= _pipeline(pipeline, place)
        dead = [f"pipeline.{key}" for key in pipeline if key in _PIPELINE_DEAD]
        return Translation(made, _notices(place, [*_without_effect(value), *dead]))
    try:
        settled = settle(value, folder)
    except BackendError as error:
        return Translation({}, (f"{place}: {error}",), unusable=str(error))
    made |= {"engine": settled.engine, "slot": settled.slot}
    thinks = _thinking(value) if settled.slot == "llm" else {}
    made |= thinks
    made["download_files"] = [*_downloads(value, place), *settled.downloads]
    if value.get("cuda") is True and settled.has_device:
        made["device"] = "cuda"
    read = settled.used | (_THINKING if thinks else frozenset())
    dead = [key for key in _without_effect(value) if key not in read]
    return Translation(made, _notices(place, dead, settled.notes))


def _without_effect(value: Mapping[str, Any]) -> list[str]:
    return [key for key in value if key not in _KEPT | _READ | _OWN | _SILENT]


def _notices(place: Place, dead: list[str], notes: Sequence[str] = ()) -> tuple[str, ...]:
    """What an operator should know; keys without an effect are in one line."""
    told = [f"{place}: {note}" for note in notes]
    if dead:
        known = _KEPT | _READ | _OWN
        hints = [hint for name in sorted(dead) if "mean" in (hint := meant(name, known))]
        told.append(f"{place}: without effect here: {', '.join(sorted(dead))}.{''.join(hints)}")
    return tuple(told)


def _pipeline(pipeline: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """A pipeline and what it says of its sessions."""
    extras = _PIPELINE_READ | _PIPELINE_DEAD
    made: dict[str, Any] = {
        "pipeline": {key: value for key, value in pipeline.items() if key not in extras}
    }
    if unknown := [key for key in made["pipeline"] if key not in PARTS]:
        here = place.at("pipeline").at(unknown[0])
        raise here.error(f"a pipeline has no such part.{meant(unknown[0], PARTS)}")
    if pipeline.get("disable_warmup") is True:
        made["load"] = "on_use"
    made |= _thinking(pipeline)
    turns = pipeline.get("turn_detection")
    if isinstance(turns, dict) and turns.get("type"):
        made["turn_detection"] = {
            key: turns[key] for key in ("type", "eagerness") if turns.get(key) is not None
        }
    return made


def _thinking(value: Mapping[str, Any]) -> dict[str, Any]:
    """How a language model thinks, in our words. An effort of `none` is no thinking."""
    made: dict[str, Any] = {}
    effort = value.get("reasoning_effort")
    if effort == "none":
        made["thinking"] = False
    elif isinstance(effort, str) and effort:
        made["reasoning_effort"] = effort
    if isinstance(value.get("disable_thinking"), bool):
        made["thinking"] = not value["disable_thinking"]
    return made


def _downloads(value: Mapping[str, Any], place: Place) -> list[Any]:
    """What a file wants to have downloaded, but for LocalAI's own kinds of addresses."""
    listed = value.get("download_files") or []
    if not isinstance(listed, list):
        raise place.at("download_files").error("expected a list of files.")
    return [
        each
        for each in listed
        if not isinstance(each, dict) or is_download(str(each.get("uri", "")))
    ]


def _language(parameters: Mapping[str, Any]) -> str | None:
    """`auto` is what a recogniser does where nothing is said."""
    language = parameters.get("language")
    return language if isinstance(language, str) and language != "auto" else None


def _session(value: Mapping[str, Any]) -> dict[str, Any]:
    """What a file of LocalAI says of a model's sessions, in our words."""
    parameters, speech = value.get("parameters"), value.get("tts")
    found = {
        "instructions": value.get("system_prompt"),
        "language": _language(parameters) if isinstance(parameters, dict) else None,
        "voice": speech.get("voice") if isinstance(speech, dict) else None,
    }
    return {key: each for key, each in found.items() if each and key not in value}
