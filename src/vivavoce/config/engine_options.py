"""The options of an engine, checked against the signature of its class before it is made."""

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from vivavoce.config.conversion import convert, meant
from vivavoce.config.documents import Place

PLAIN = frozenset({str, int, float, bool, NoneType})
COLLECTIONS = frozenset({list, tuple, dict, Sequence, Mapping})


def check_options(what: str, kind: Any, options: Mapping[str, Any], place: Place) -> None:
    """Raises `ConfigError` for an option that the engine does not have, that has the wrong type,
    or that is missing. What a class does not annotate is left to the class.

    `what` is what the engine is called in an error.
    """
    known = options_of_kind(kind)
    if known.__struct_config__.forbid_unknown_fields:
        for name in options:
            if name not in known.__struct_fields__:
                also = meant(name, known.__struct_fields__)
                raise place.at(name).error(f"{what} has no option '{name}'.{also}")
    convert(dict(options), known, place.at)


def options_of_kind(kind: Any) -> type[msgspec.Struct]:
    """The options that a file can give to an engine's class, as a struct."""
    hints = get_type_hints(kind.__init__ if inspect.isclass(kind) else kind, include_extras=True)
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    takes_others = False
    for name, parameter in inspect.signature(kind).parameters.items():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            takes_others = takes_others or parameter.kind is parameter.VAR_KEYWORD
            continue
        written = as_written(hints.get(name, Any))
        if written is None:
            continue
        required = parameter.default is parameter.empty
        fields.append((name, written) if required else (name, written, None))
    return msgspec.defstruct(
        getattr(kind, "__name__", "Options"),
        fields,
        forbid_unknown_fields=not takes_others,
        kw_only=True,
    )


def as_written(hint: Any) -> Any:
    """What of a type can stand in a file; None for nothing, as of a function."""
    origin = get_origin(hint)
    if hint is Any or hint in PLAIN or origin in (Annotated, Literal):
        return hint
    if hint is Path:
        return str
    if origin in (Union, UnionType):
        members = [below for each in get_args(hint) if (below := as_written(each)) is not None]
        return Union[tuple(members)] if members else None  # noqa: UP007 - made of a list
    return hint if (origin or hint) in COLLECTIONS else None
