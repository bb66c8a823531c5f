"""Engines that each break one rule of their slot's contract, and the test that is to notice it.

Those without a rule to break (`caught_by` is None) are faithful.
"""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import pytest

from vivavoce.engines.contract.language_model import TIMER, said
from vivavoce.protocol.prompt import Prompt


class Invented:
    """What they all have."""

    name: ClassVar[str] = "invented"
    caught_by: ClassVar[str | None] = None
    """The beginning of the name of a test of the contract."""

    def load(self) -> None: ...
    async def close(self) -> None: ...

    @classmethod
    def broken(cls) -> "Invented | None":
        return None


def cases(contract: type[Any], engines: Iterable[type[Invented]]) -> dict[str, type[Any]]:
    """A test class for each engine."""
    return {f"Test{engine.__name__}": case(contract, engine) for engine in engines}


def case(contract: type[Any], engine: type[Invented]) -> type[Any]:
    """The contract on one engine, impatient because some never end.

    Of the tests there are those that are to notice what is wrong with it, if anything is.
    """
    others = [
        name
        for name in dir(contract)
        if name.startswith("test_") and not name.startswith(engine.caught_by or "test_")
    ]
    return type(
        f"Test{engine.__name__}",
        (contract,),
        {
            **dict.fromkeys(others),
            "make_engine": pytest.fixture(scope="class")(staticmethod(lambda: engine)),
            "make_broken_engine": lambda self: engine.broken(),
            "patience_s": 2.0,
            "long_s": 5,
            "tool_prompt": lambda self: Prompt(messages=said("Timer!").messages, tools=(TIMER,)),
        },
    )


def kinds(first: type[Invented]) -> list[type[Invented]]:
    """A class, which is faithful, and those that inherit from it and have no heirs themselves."""

    def leaves(kind: type[Invented]) -> Iterator[type[Invented]]:
        heirs = kind.__subclasses__()
        yield from (leaf for heir in heirs for leaf in leaves(heir)) if heirs else (kind,)

    return [first, *leaves(first)]
