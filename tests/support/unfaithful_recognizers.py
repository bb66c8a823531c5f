"""Recognisers that each break one rule of the contract; see `support.unfaithful`."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, ClassVar

from support.unfaithful import Invented
from vivavoce.engines.base import (
    EngineError,
    Hint,
    Transcript,
)


class Recognizer(Invented):
    """Says how long the audio was, piece by piece."""

    sample_rate = 16_000

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        words = self.words(audio)
        for word in words:
            await asyncio.sleep(0.001)
            on_delta(word)
        return Transcript(text="".join(words), language="en")

    def words(self, audio: bytes) -> list[str]:
        ms = len(audio) // 2 * 1000 // self.sample_rate
        return ["I", " heard", f" {ms}", " ms", *[" and"] * (ms // 100), " no more"]


class BadlyNamed(Recognizer):
    name = "My Engine"
    caught_by = "test_it_has_a_name"


class ClosesOnlyWhatIsLoaded(Recognizer):
    caught_by = "test_it_can_be_closed_without"

    def load(self) -> None:
        self.model: list[str] = []

    async def close(self) -> None:
        self.model.clear()


class ClosesOnce(Recognizer):
    caught_by = "test_it_can_be_closed_twice"

    def __init__(self) -> None:
        self.model: list[str] | None = []

    async def close(self) -> None:
        assert self.model is not None
        self.model = None


class LearnsItsRateLate(Recognizer):
    caught_by = "test_its_rate_and_abilities_are_known"
    sample_rate = 8_000

    def load(self) -> None:
        self.sample_rate = 16_000


class HasAnOddRate(Recognizer):
    caught_by = "test_its_sample_rate_is_one_of_speech"
    sample_rate = 96_000


class Mixes(Recognizer):
    caught_by = "test_uses_at_the_same_time_do_not_mix"

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        self.audio = audio
        await asyncio.sleep(0.001)
        return await super().recognize(self.audio, hint, on_delta)


class SwallowsCancellation(Recognizer):
    caught_by = "test_a_cancelled_use"

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        try:
            return await super().recognize(audio, hint, on_delta)
        except asyncio.CancelledError:
            return Transcript(text="")


class TalksOn(Recognizer):
    caught_by = "test_a_cancelled_use"

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        try:
            return await super().recognize(audio, hint, on_delta)
        except asyncio.CancelledError:
            asyncio.get_running_loop().call_later(0.01, on_delta, " still")
            raise


class IsBrokenByCancellation(Recognizer):
    caught_by = "test_a_cancelled_use"

    def __init__(self) -> None:
        self.lock = asyncio.Lock()

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        await self.lock.acquire()
        transcript = await super().recognize(audio, hint, on_delta)
        self.lock.release()
        return transcript


class HoldsUpTheLoop(Recognizer):
    caught_by = "test_a_use_does_not_hold_up"

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        if len(audio) < 200_000:
            time.sleep(0.3)  # noqa: ASYNC251 (that is what is wrong with it)
        return await super().recognize(audio, hint, on_delta)


class CancelsWhenClosed(Recognizer):
    caught_by = "test_closing_the_engine_ends"

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[Any]] = set()

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            return await super().recognize(audio, hint, on_delta)
        finally:
            self.tasks.discard(task)

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()


class CrashesWhenClosed(Recognizer):
    caught_by = "test_a_use_of_a_closed_engine"
    model: dict[str, str] | None = None

    def load(self) -> None:
        self.model = {}

    async def close(self) -> None:
        self.model = None

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        if self.model is None:
            raise TypeError("'NoneType' object is not subscriptable")
        return await super().recognize(audio, hint, on_delta)


class Fails(Recognizer):
    """There is one of it that cannot work, and says so."""

    error: ClassVar[Exception] = EngineError("The model file is not there.", code="model_not_found")

    @classmethod
    def broken(cls) -> Recognizer:
        class Broken(Recognizer):
            def load(self) -> None:
                raise cls.error

        return Broken()


class FailsReadably(Fails):
    """Its error is as it should be."""


class FailsUnwrapped(Fails):
    caught_by = "test_an_engine_that_cannot_work"
    error = KeyError("model")


class FailsWithoutCode(Fails):
    caught_by = "test_an_engine_that_cannot_work"
    error = EngineError("The model file is not there.", code="Error 17!")


class FailsWithoutWords(Fails):
    caught_by = "test_an_engine_that_cannot_work"
    error = EngineError("ENOENT")


class FailsWithItsInside(Fails):
    caught_by = "test_an_engine_that_cannot_work"
    error = EngineError("failed: <Model object at 0x7f>")


class DoesNotFail(Recognizer):
    caught_by = "test_an_engine_that_cannot_work"

    @classmethod
    def broken(cls) -> Recognizer:
        return cls()
