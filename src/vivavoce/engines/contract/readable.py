"""What an error of an engine has to be, for whoever reads it in a client."""

import re
from collections.abc import Awaitable
from typing import TypeVar

from vivavoce.engines.base import EngineError

Result = TypeVar("Result")

_CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_INTERNAL = re.compile(r"Traceback \(most recent|<[\w.<> ]+ at 0x")


def check_readable(error: EngineError) -> None:
    """Fails unless the error has a code that programs can compare and a text for people."""
    assert _CODE.fullmatch(error.code), (
        f"the code of an error is words joined by underscores, as 'model_not_found', "
        f"not {error.code!r}"
    )
    text = str(error)
    assert len(text.split()) > 1, f"an error says in words what was wrong, not {text!r}"
    assert not _INTERNAL.search(text), f"an error shows nothing of the program's inside: {text!r}"


async def or_error(use: Awaitable[Result]) -> Result | EngineError:
    """The result, or a readable `EngineError`; whatever else is raised goes on."""
    try:
        return await use
    except EngineError as error:
        check_readable(error)
        return error
