"""From what a file holds to typed values, with errors for the one who wrote it."""

import difflib
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec
from msgspec import inspect as types

from vivavoce.config.documents import Place
from vivavoce.config.errors import ConfigError
from vivavoce.protocol.validation import problems

T = TypeVar("T", bound=msgspec.Struct)


PlaceOf = Callable[[str], Place]
"""Gives the place of a key by its path; the empty one is the whole value's."""


def convert(value: Any, kind: type[T], place_of: PlaceOf) -> T:
    """`value` as a struct. Raises `ConfigError` with file, line, key and what would be right."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise explained(value, kind, place_of, error) from error


def explained(
    value: Any, kind: type[msgspec.Struct], place_of: PlaceOf, error: msgspec.ValidationError
) -> ConfigError:
    """The first thing in `value` that does not fit; `error` is what msgspec said of it."""
    for refusal in problems(value, types.type_info(kind), ""):
        path = refusal.detail.param or ""
        here = place_of(path)
        if refusal.detail.code != "unknown_parameter":
            text = refusal.detail.message
            return ConfigError(f"{here}: {text}") if f"'{path}'" in text else here.error(text)
        known = keys_beside(kind, path)
        name = path.rpartition(".")[2]
        return ConfigError(f"{here}: there is no key '{path}'.{meant(name, known)}")
    text, _, path = str(error).partition(" - at `$")
    return place_of(path.strip("`.").replace("[...]", "")).error(text)


def keys_beside(kind: type[msgspec.Struct], path: str) -> list[str]:
    """The keys that could stand where `path` does, as far as its parents are structs."""
    fields: list[types.Field] = _fields(types.type_info(kind))
    for step in path.split(".")[:-1]:
        name = step.partition("[")[0]
        fields = [
            below
            for field in fields
            if field.encode_name == name
            for member in _members(field.type)
            for below in _fields(member)
        ]
    return list(dict.fromkeys(field.encode_name for field in fields))


def _members(kind: types.Type) -> list[types.Type]:
    match kind:
        case types.UnionType():
            return [below for member in kind.types for below in _members(member)]
        case types.ListType() | types.VarTupleType():
            return _members(kind.item_type)
        case types.Metadata():
            return _members(kind.type)
        case _:
            return [kind]


def _fields(kind: types.Type) -> list[types.Field]:
    members = [member for member in _members(kind) if isinstance(member, types.StructType)]
    return [field for member in members for field in member.fields]


def meant(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'port'?`, or else what there is; empty if there is nothing."""
    choices = sorted(known)
    close = difflib.get_close_matches(name, choices, n=1, cutoff=0.6)
    if close:
        return f" Did you mean '{close[0]}'?"
    return f" There are: {', '.join(choices)}." if choices else ""
