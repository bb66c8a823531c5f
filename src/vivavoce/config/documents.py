"""YAML files that remember where each of their values stands."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from vivavoce.config.errors import ConfigError
from vivavoce.protocol.validation import join

TEXT_TAGS = frozenset({"tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value of the configuration was written: a file and the path of a key in it.

    `source` is what an error begins with where there is no file, such as `the options`.
    """

    source: str
    path: str = ""
    lines: Mapping[str, int] | None = None
    """The line of each key of the file, counted from 1."""

    def at(self, key: str) -> "Place":
        """The place of a key, of `[0]`, or of a path of them, below this one."""
        path = f"{self.path}{key}" if not key or key.startswith("[") else join(self.path, key)
        return Place(self.source, path, self.lines)

    def __str__(self) -> str:
        """`models/chat.yaml:7`, the line of the key or of the nearest one around it."""
        lines, path = self.lines or {}, self.path
        while path and path not in lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return f"{self.source}:{lines[path]}" if path in lines else self.source

    def error(self, text: str) -> ConfigError:
        """An error at this place; it names the key, too."""
        field = f"{self.path}: " if self.path else ""
        return ConfigError(f"{self}: {field}{text}")


HERE = Place("the settings")
"""Where there is no file."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a configuration was written."""

    server: Callable[[str], Place] = HERE.at
    """Gives the place of a key of the server's settings."""
    models: Mapping[str, Place] = field(default_factory=dict)
    """Of each model, by its name."""
    aliases: Mapping[str, Place] = field(default_factory=dict)
    """Of each alias that is a file of its own, as LocalAI has them."""

    def model(self, name: str) -> Place:
        """The place of a model."""
        return self.models.get(name) or HERE.at(f"models.{name}")


NOWHERE = Places()


@dataclass(frozen=True, slots=True)
class Document:
    """What a YAML file holds, and where."""

    path: Path
    value: Any
    place: Place


def read_document(path: Path) -> Document:
    """Read a YAML file. Raises `ConfigError` for what is none, and for a key that stands twice."""
    try:
        text = path.read_text(encoding="utf-8")
        loader = yaml.SafeLoader(text)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: this is not UTF-8: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: this is not YAML: {error}") from error
    try:
        node = loader.get_single_node()
        # The constructor resolves merge keys in the nodes themselves, so lines come first.
        lines = {} if node is None else dict(_lines(node, "", set(), (), path))
        value = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigError(f"{path}{line}: this is not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: this is not YAML: {error}") from error
    finally:
        loader.dispose()
    return Document(path, value, Place(str(path), "", lines))


def _lines(
    node: yaml.Node, path: str, seen: set[yaml.Node], around: tuple[yaml.Node, ...], file: Path
) -> Iterator[tuple[str, int]]:
    """The line of each key below a node. What an alias repeats keeps its first place."""
    if node in around:
        raise ConfigError(f"{file}:{node.start_mark.line + 1}: this value contains itself.")
    if node in seen:
        return
    seen.add(node)
    around = (*around, node)
    if isinstance(node, yaml.MappingNode):
        names: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            name = _key(key, f"{file}:{line}")
            if name in names and name != "<<":
                raise ConfigError(f"{file}:{line}: the key '{name}' stands here a second time.")
            names.add(name)
            yield join(path, name), line
            yield from _lines(value, join(path, name), seen, around, file)
    elif isinstance(node, yaml.SequenceNode):
        for index, element in enumerate(node.value):
            yield f"{path}[{index}]", element.start_mark.line + 1
            yield from _lines(element, f"{path}[{index}]", seen, around, file)


def _key(node: yaml.Node, where: str) -> str:
    """The text of a key. Raises `ConfigError` for what YAML takes for something else."""
    if isinstance(node, yaml.ScalarNode) and node.tag in TEXT_TAGS:
        return str(node.value)
    if isinstance(node, yaml.ScalarNode):
        kind = node.tag.rpartition(":")[2]
        raise ConfigError(
            f"{where}: a key is text, and YAML takes '{node.value}' for a value of the type "
            f"{kind}. Put it in quotes."
        )
    raise ConfigError(f"{where}: a key is text, not a list or a mapping.")
