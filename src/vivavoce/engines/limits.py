"""Time limits as an operator writes them."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

import msgspec

from vivavoce.engines.base import EngineError

T = TypeVar("T")


def limits_of(kind: type[T], settings: Mapping[str, Any] | T | None) -> T:
    """The limits, a dataclass, with these settings changed, such as `{answer: 5}`.

    Raises `EngineError` naming a wrong one.
    """
    if isinstance(settings, kind):
        return settings
    given = dict(settings) if isinstance(settings, Mapping) else {}
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for name in given:
        if name not in known:
            raise _wrong(f"there is no {name!r}, only {', '.join(known)}")
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise _wrong(str(error)) from error


def _wrong(reason: str) -> EngineError:
    return EngineError(f"timeouts: {reason}", code="invalid_configuration")
