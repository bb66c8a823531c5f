"""Errors of engines on their way from one process to another."""

from collections.abc import Mapping

from vivavoce.engines.base import EngineError, MissingDependencyError, UnspokenLanguageError
from vivavoce.engines.remote.messages import Failed, Kind

UNEXPECTED = "The engine failed unexpectedly. The log of the process that hosts it says why."

KINDS: Mapping[type[EngineError], Kind] = {
    MissingDependencyError: "missing_dependency",
    UnspokenLanguageError: "unspoken_language",
}
"""The errors on which something depends besides their text and code."""


def failed(job: int, error: Exception) -> Failed:
    """What is told of an error. Of one that is not the engine's own words, only that there is."""
    if not isinstance(error, EngineError):
        return Failed(job, "engine", "engine_error", UNEXPECTED)
    special = (kind for of, kind in KINDS.items() if isinstance(error, of))
    kind: Kind = next(special, "engine")
    text = str(error).encode(errors="replace").decode()  # what is no text cannot be sent
    return Failed(job, kind, error.code, text)


def raised(failure: Failed) -> EngineError:
    """The error as its engine raised it."""
    if failure.kind == "missing_dependency":
        return MissingDependencyError(failure.text)
    if failure.kind == "unspoken_language":
        return UnspokenLanguageError(failure.text)
    return EngineError(failure.text, code=failure.code)
