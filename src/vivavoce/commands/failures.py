"""How a command ends when one of its tasks fails."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def first_failure() -> Iterator[None]:
    """Around a task group: raise the exception that ended it, out of its group."""
    try:
        yield
    except ExceptionGroup as group:
        raise group.exceptions[0] from group
