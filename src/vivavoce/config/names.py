"""The names of models: none twice, and none that leads nowhere."""

from collections.abc import Mapping, Set

from vivavoce.config.conversion import meant
from vivavoce.config.documents import Place, Places
from vivavoce.config.models import PARTS, ModelSpec
from vivavoce.config.resolution import resolve
from vivavoce.config.settings import Settings

UNNAMED = "vivavoce"
"""The model of a server for which none is configured, and what its clients may call it."""


def check_names(settings: Settings, places: Places, unusable: Mapping[str, str]) -> None:
    """Raises `ConfigError` for a name that two models have, or that is none's.

    `unusable` says why some models of the files are not among the settings'.
    """
    known = {model.name for model in settings.models}
    if has_unnamed(settings):
        known.add(UNNAMED)
    for model in settings.models:
        _check_aliases(model, settings, places)
        _check_parts(model, places.model(model.name), unusable)
        resolve(model, settings, places)
    _check_top_aliases(settings, places, known, unusable)
    _check_default(settings, places, known)


def has_unnamed(settings: Settings) -> bool:
    """Whether the model of the server's own engines is there, beside single engines."""
    return all(model.engine is not None for model in settings.models)


def _check_top_aliases(
    settings: Settings, places: Places, known: Set[str], unusable: Mapping[str, str]
) -> None:
    of_models = {alias: model.name for model in settings.models for alias in model.aliases}
    for alias, name in settings.aliases.items():
        here = places.aliases.get(alias) or places.server(f"aliases.{alias}")
        if name not in known:
            reason = unusable.get(name)
            why = f" {reason}" if reason else meant(name, known)
            raise here.error(f"there is no model '{name}'.{why}")
        if alias in known:
            raise here.error("a model has this name.")
        if of_models.get(alias, name) != name:
            raise here.error(f"'{alias}' is a name of the model '{of_models[alias]}' already.")


def _check_default(settings: Settings, places: Places, known: Set[str]) -> None:
    default, here = settings.default_model, places.server("default_model")
    if default is None:
        return
    if default not in known:
        if (name := aliases_of(settings).get(default)) is not None:
            raise here.error(f"'{default}' is another name of a model; write '{name}'.")
        raise here.error(f"there is no model '{default}'.{meant(default, known)}")
    if any(model.name == default and model.engine is not None for model in settings.models):
        raise here.error(
            f"'{default}' is a single engine, and cannot hold a conversation. Name a model with a "
            "`pipeline` or with `speech`."
        )


def aliases_of(settings: Settings) -> dict[str, str]:
    """What each alias stands for."""
    of_models = {alias: model.name for model in settings.models for alias in model.aliases}
    return of_models | settings.aliases


def _check_aliases(model: ModelSpec, settings: Settings, places: Places) -> None:
    place = places.model(model.name).at("aliases")
    reserved = f"'{UNNAMED}' is the name of the model that the server's own engines make."
    if has_unnamed(settings) and model.name == UNNAMED:
        raise places.model(model.name).at("name").error(reserved)
    for alias in model.aliases:
        if has_unnamed(settings) and alias == UNNAMED:
            raise place.error(reserved)
        owners = [
            other.name
            for other in settings.models
            if alias == other.name or (other is not model and alias in other.aliases)
        ]
        if owners:
            raise place.error(f"'{alias}' is a name of the model '{owners[0]}' already.")


def _check_parts(model: ModelSpec, place: Place, unusable: Mapping[str, str]) -> None:
    """A pipeline cannot have a part that cannot run."""
    for key in PARTS if model.pipeline is not None else ():
        part = getattr(model.pipeline, key)
        if isinstance(part, str) and part in unusable:
            here = place.at("pipeline").at(key)
            raise here.error(f"the model '{part}' cannot run here. {unusable[part]}")
