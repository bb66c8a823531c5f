"""Engines that hang: politely, until they are cancelled, or whatever anybody does."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any, ClassVar

from vivavoce.engines.base import ModelOutput
from vivavoce.engines.llm.scripted import ScriptedModel
from vivavoce.protocol.prompt import Prompt


class Hanging:
    """The first of its kind hangs; those made later do not."""

    made: ClassVar[int] = 0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        type(self).made += 1
        self.hangs = type(self).made == 1

    async def hang(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()


async def hold_on(released: asyncio.Event) -> None:
    """Ignores being cancelled."""
    while not released.is_set():
        with contextlib.suppress(asyncio.CancelledError):
            await released.wait()


class StubbornModel(Hanging, ScriptedModel):
    """Hangs, and lets nobody take it away. `prepare` it in the loop, and `let_go` at the end."""

    begun: ClassVar[asyncio.Event]
    released: ClassVar[asyncio.Event]
    ended: ClassVar[asyncio.Event]

    @classmethod
    def prepare(cls) -> None:
        """Nobody has asked yet."""
        cls.begun, cls.released, cls.ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @classmethod
    async def let_go(cls) -> None:
        """The test is over; fails if anything but its own task would keep the loop from ending."""
        assert not cls.ended.is_set(), "it did not hang until now"
        assert asyncio.all_tasks() == {asyncio.current_task()}
        cls.released.set()
        await cls.ended.wait()
        for _ in range(5):  # turns of the loop, in which its task ends
            await asyncio.sleep(0)

    async def generate(self, prompt: Prompt) -> AsyncGenerator[ModelOutput, None]:
        self.begun.set()
        if self.hangs:
            await hold_on(self.released)
            self.ended.set()
            return
        async for piece in super().generate(prompt):
            yield piece
