"""Options that the neural voices have in common: files, processes, cores."""

import os

from vivavoce.engines.base import EngineError


def existing_file(path: str, what: str) -> str:
    """The path. Raises `EngineError` if there is no file; `what` says what it should be."""
    if not os.path.isfile(path):
        raise EngineError(
            f"there is no file {path}: it should be {what}", code="invalid_configuration"
        )
    return path


def usual_processes() -> int:
    """How many processes speak where nobody said: two if each can have two cores, else one."""
    return 2 if (os.cpu_count() or 1) >= 4 else 1


def cores_for_each(processes: int) -> int:
    """How many cores one of so many processes may use."""
    return max(1, (os.cpu_count() or 1) // processes)
