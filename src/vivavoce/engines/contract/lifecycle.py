"""What every engine keeps, whatever its slot: it is made, loaded once and closed."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from typing import Generic, TypeVar

import pytest
import pytest_asyncio

from vivavoce.engines.base import Engine

Made = TypeVar("Made", bound=Engine)

_NAME = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")


class EngineContract(Generic[Made]):
    """Loading and closing. The tests of a class share one loaded engine and one event loop.

    `make_engine` is a fixture of the author's, of a scope wider than `function`. If it is
    asynchronous, its loop scope is `class`: that of the tests.
    """

    pytestmark = pytest.mark.asyncio(loop_scope="class")

    @pytest_asyncio.fixture(scope="class", loop_scope="class")
    @classmethod
    async def engine(cls, make_engine: Callable[[], Made]) -> AsyncIterator[Made]:
        """A loaded engine, for all tests of the class."""
        engine = make_engine()
        await asyncio.to_thread(engine.load)
        yield engine
        await engine.close()

    def make_broken_engine(self) -> Made | None:
        """An engine that cannot load, or fails when it is used; None if there is no such."""
        return None

    async def test_it_has_a_name_that_can_be_written_in_a_configuration(self, engine: Made) -> None:
        """As `faster-whisper`."""
        assert _NAME.fullmatch(engine.name), (
            f"a name is lower-case letters and digits, joined by '-', '_' or '.': {engine.name!r}"
        )
        assert getattr(type(engine), "name", None) == engine.name, "the name is the class's"

    async def test_it_can_be_closed_without_having_been_loaded(
        self, make_engine: Callable[[], Made]
    ) -> None:
        """A server may end before anybody has asked for the engine, or after a failed load."""
        await make_engine().close()

    async def test_it_can_be_closed_twice(self, make_engine: Callable[[], Made]) -> None:
        """Closing what is closed does nothing."""
        engine = make_engine()
        await asyncio.to_thread(engine.load)
        await engine.close()
        await engine.close()
