"""Finding engines by name: entry points, for the built-in ones and everybody else's alike.

Nothing is imported before it is asked for, so an engine whose packages are missing costs nothing
and is named only when somebody wants it.
"""

from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from vivavoce.engines.base import EngineError

Slot = Literal["vad", "turn", "noise", "stt", "llm", "tts"]
SLOTS: tuple[Slot, ...] = ("vad", "stt", "llm", "tts")
"""Those that a pipeline has to fill, in the order in which they are loaded."""

EXTRA_SLOTS: tuple[Slot, ...] = ("turn", "noise")
"""Those that it may leave empty: turns then end by silence alone, and noise stays."""

ALL_SLOTS = (*SLOTS, *EXTRA_SLOTS)


def engines(slot: Slot) -> dict[str, EntryPoint]:
    """The engines installed for a slot, by name."""
    return {entry.name: entry for entry in entry_points(group=f"vivavoce.{slot}")}


def engine_class(slot: Slot, name: str) -> Any:
    """The class of an engine. Raises `EngineError` naming what there is, or what it lacks."""
    found = engines(slot)
    if name not in found:
        known = ", ".join(sorted(found)) or "none"
        raise EngineError(
            f"there is no {slot} engine named '{name}'. Installed are: {known}.",
            code="unknown_engine",
        )
    try:
        return found[name].load()
    except (ImportError, AttributeError) as error:
        raise EngineError(
            f"it is installed, but cannot be imported: {error}.", code="broken_engine"
        ) from error
