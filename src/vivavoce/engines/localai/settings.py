"""What an operator says about a backend, and the checks of it."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vivavoce.engines.base import EngineError
from vivavoce.engines.localai.schema import MESSAGES

_ADDRESS = re.compile(r"(\[[0-9a-fA-F:]+\]|[^\s:/\[\]]+):(\d{1,5})|unix:/\S+")

_PYTHON: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "bool": (bool,),
    "int32": (int,),
    "uint32": (int,),
    "float": (int, float),
}


def misconfigured(message: str) -> EngineError:
    """The error of a setting that cannot be right."""
    return EngineError(message, code="invalid_configuration")


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendTimeouts:
    """How long to wait for a backend, in seconds."""

    health: float = 10.0
    """Until it says that it is there."""
    load: float = 600.0
    """Until it has loaded a model."""
    first: float = 60.0
    """From a request to the first of its answer, or to all of it where it does not stream."""
    between: float = 30.0
    """From each part of an answer to the next."""
    window: float = 2.0
    """Until it has judged a window of audio."""
    retry_pauses: tuple[float, ...] = (0.25, 1.0)
    """Before each further attempt where it could not be reached."""


Limits = BackendTimeouts | Mapping[str, Any] | None
"""What an operator says about them."""


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """Where a backend is, and what it is to load.

    `address` is `HOST:PORT` or `unix:/PATH`. `load` are fields of the protocol's `ModelOptions`;
    without any the backend is taken to have a model. `api_key` is what the backend was started
    with as `LOCALAI_GRPC_AUTH_TOKEN`. Raises `EngineError` for what cannot be right.
    """

    address: str
    load: Mapping[str, Any] = field(default_factory=dict)
    api_key: str | None = field(default=None, repr=False)
    timeouts: BackendTimeouts = BackendTimeouts()

    def __post_init__(self) -> None:
        """Check them."""
        if not _ADDRESS.fullmatch(self.address):
            raise misconfigured(
                f"{self.address!r} is not the address of a backend: one is 127.0.0.1:50051, or "
                "unix:/run/backend.sock"
            )
        check_fields("load", "ModelOptions", self.load)


def check_fields(setting: str, message: str, fields: Mapping[str, Any]) -> None:
    """Raises `EngineError` for what is no field of a message, or of the wrong type."""
    known = MESSAGES[message]
    for name, value in fields.items():
        if name not in known:
            near = difflib.get_close_matches(name.lower(), map(str.lower, known), n=1)
            meant = next((each for each in known if [each.lower()] == near), None)
            hint = f"; did you mean {meant}?" if meant else ""
            raise misconfigured(f"{setting}: {message} has no field {name!r}{hint}")
        kind, _ = known[name]
        if not _fits(value, kind):
            raise misconfigured(f"{setting}: {name} is of type {kind}, not {value!r}")


def _fits(value: Any, kind: str) -> bool:
    label, _, of = kind.rpartition(" ")
    if label == "repeated":
        return isinstance(value, list | tuple) and all(_fits(each, of) for each in value)
    if of == "map":
        return isinstance(value, Mapping) and all(
            isinstance(text, str) for pair in value.items() for text in pair
        )
    if of not in _PYTHON:
        return False  # a message, which is made from the session
    return isinstance(value, _PYTHON[of]) and isinstance(value, bool) == (of == "bool")
