"""Reading a file, or a folder of files, with the server's settings and its models."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from vivavoce.config.conversion import PlaceOf, convert
from vivavoce.config.documents import NOWHERE, Document, Place, Places, read_document
from vivavoce.config.errors import ConfigError
from vivavoce.config.localai import Translation, translated
from vivavoce.config.models import ModelSpec
from vivavoce.config.names import check_names
from vivavoce.config.paths import located, with_script
from vivavoce.config.profiles import Profile, profile
from vivavoce.config.settings import Settings
from vivavoce.config.weights import cache_folder

MAIN_FILES = ("vivavoce.yaml", "vivavoce.yml")
"""In a folder, the file with the server's settings."""

OPTIONS = Place("the options")


@dataclass(frozen=True, slots=True)
class Configuration:
    """What was read, and what the one who wrote it should know about it."""

    settings: Settings
    notices: tuple[str, ...] = ()
    places: Places = NOWHERE


@dataclass(frozen=True, slots=True)
class Entry:
    """What a file says of one model, not checked yet."""

    value: Any
    place: Place
    folder: Path


def read_settings(path: Path | None, overrides: dict[str, Any]) -> Settings:
    """The settings in a file or folder, with `overrides` laid over. Raises `ConfigError`."""
    return read_configuration(path, overrides).settings


def read_configuration(
    path: Path | None, overrides: dict[str, Any], ready_made: Profile | None = None
) -> Configuration:
    """The settings in a file or a folder, with `overrides` that are not None laid over them.

    With `ready_made` there is the model of a profile besides, and is the default one.

    A file holds settings, or a model (it has a `name`), or a list of models. A folder holds
    settings in `vivavoce.yaml`, if there is one, and models in every other `*.yaml` and `*.yml`
    whose name does not begin with a dot. Raises `ConfigError`.
    """
    given = {key: value for key, value in overrides.items() if value is not None}
    documents = [] if path is None else list(_documents(path))
    server, place, entries = _sorted(documents)
    if ready_made is not None:
        made = profile(ready_made, server | given, os.environ, cache_folder())
        entries.append(Entry(made, Place(f"--profile {ready_made}"), cache_folder()))
        server.setdefault("default_model", ready_made)
    reader = _Models()
    for entry in entries:
        reader.read(entry)
    places = Places(_server_places(given, place), reader.places, reader.alias_places)
    settings = convert(server | given, Settings, places.server)
    reader.check_aliases(settings)
    aliases = reader.aliases | settings.aliases
    settings = msgspec.structs.replace(settings, models=tuple(reader.models), aliases=aliases)
    check_names(settings, places, reader.unusable)
    if reader.unusable and not reader.models:
        reasons = " ".join(f"{name}: {why}" for name, why in reader.unusable.items())
        raise ConfigError(f"{path}: none of the models can run here. {reasons}")
    return Configuration(settings, tuple(reader.notices), places)


def _documents(path: Path) -> Iterator[Document]:
    """The settings first, then models in the order of their files' names."""
    if not path.is_dir():
        yield read_document(path)
        return
    files = [
        file
        for file in sorted(path.iterdir())
        if file.suffix in (".yaml", ".yml") and not file.name.startswith(".") and file.is_file()
    ]
    if not files:
        raise ConfigError(
            f"{path}: there is no *.yaml in this folder; vivavoce.yaml holds the settings of the "
            "server, and every other file a model."
        )
    for file in sorted(files, key=lambda file: file.name not in MAIN_FILES):
        yield read_document(file)


def _sorted(documents: list[Document]) -> tuple[dict[str, Any], Place, list[Entry]]:
    """The server's settings, where they stand, and the models of all files."""
    server: dict[str, Any] = {}
    place = documents[0].place if documents else OPTIONS
    entries: list[Entry] = []
    for number, document in enumerate(documents):
        value, folder = document.value, document.path.absolute().parent
        if isinstance(value, list):
            entries += _listed(value, document.place, folder)
        elif isinstance(value, dict) and ("name" in value or number > 0):
            entries.append(Entry(value, document.place, folder))
        elif isinstance(value, dict):
            server, place = dict(value), document.place
            server["llm"] = with_script(server.get("llm"), folder)
            models = server.pop("models", None) or []
            if not isinstance(models, list):
                raise place.at("models").error("expected a list of models, each with a `name`.")
            entries += _listed(models, place.at("models"), folder)
        elif value is not None:
            raise document.place.error(
                "expected a mapping of settings, such as 'port: 8080', or a list of models."
            )
    return server, place, entries


def _listed(values: list[Any], place: Place, folder: Path) -> list[Entry]:
    return [Entry(value, place.at(f"[{n}]"), folder) for n, value in enumerate(values)]


def _server_places(given: Mapping[str, Any], place: Place) -> PlaceOf:
    """Where the server's keys are. What an option said wrongly is not blamed on the file."""

    def place_of(path: str) -> Place:
        by_option = re.split(r"[.\[]", path)[0] in given
        return OPTIONS.at(path) if by_option else place.at(path)

    return place_of


class _Models:
    """The models of all files, in the order in which they came."""

    def __init__(self) -> None:
        self.models: list[ModelSpec] = []
        self.places: dict[str, Place] = {}
        self.aliases: dict[str, str] = {}
        self.notices: list[str] = []
        self.unusable: dict[str, str] = {}
        """Models of LocalAI that cannot run here, and why."""
        self.alias_places: dict[str, Place] = {}

    def read(self, entry: Entry) -> None:
        """Take in one model."""
        if not isinstance(entry.value, dict) or not isinstance(entry.value.get("name"), str):
            raise entry.place.error("expected a model: a mapping with a `name`.")
        found = translated(entry.value, entry.place, entry.folder)
        self.notices += found.notices
        if found.alias_of is not None:
            self._add_alias(entry.value["name"], found.alias_of, entry.place)
        elif found.unusable is not None:
            self.unusable[entry.value["name"]] = found.unusable
        else:
            self._add(found, entry)

    def _add_alias(self, alias: str, name: str, place: Place) -> None:
        if self.aliases.setdefault(alias, name) != name:
            there = self.alias_places[alias].at("name")
            raise place.at("name").error(f"'{alias}' is another name already, in {there}.")
        self.alias_places[alias] = place

    def check_aliases(self, settings: Settings) -> None:
        """Raises `ConfigError` for a name that files of models and the settings both give."""
        for alias, place in self.alias_places.items():
            if settings.aliases.get(alias, self.aliases[alias]) != self.aliases[alias]:
                raise place.at("name").error(f"'{alias}' is an alias of the settings, too.")

    def _add(self, found: Translation, entry: Entry) -> None:
        spec = located(convert(found.value, ModelSpec, entry.place.at), entry.folder)
        if spec.name in self.places:
            raise entry.place.at("name").error(
                f"there is a model '{spec.name}' in {self.places[spec.name].at('name')} already."
            )
        self.models.append(spec)
        self.places[spec.name] = entry.place
