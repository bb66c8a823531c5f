"""An engine that hangs fails the job that waits for it, and is replaced. Nobody else notices."""

import asyncio
import base64
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt
import pytest

from support.named_models import Workshop, catalogue_of
from support.stubborn_engines import Hanging, StubbornModel, hold_on
from support.virtual_time import run_in_virtual_time
from vivavoce.engines.base import (
    EngineError,
    Hint,
    ModelOutput,
    SpeechChunk,
    TextDelta,
    Transcript,
    Voice,
)
from vivavoce.engines.llm.scripted import ScriptedModel
from vivavoce.engines.stt.scripted import ScriptedRecognizer
from vivavoce.engines.tts.scripted import ScriptedSynthesizer
from vivavoce.engines.vad.scripted import ScriptedDetector
from vivavoce.protocol.client_events import (
    ConversationItemCreate,
    InputAudioBufferAppend,
    ResponseCreate,
)
from vivavoce.protocol.items import InputAudio, MessageItem
from vivavoce.protocol.prompt import Prompt
from vivavoce.protocol.server_events import (
    Error,
    ResponseDone,
    ResponseError,
    ServerEvent,
    SpeechStarted,
    SpeechStopped,
    TranscriptionFailed,
)
from vivavoce.protocol.session_config import merge
from vivavoce.runtime.attended_work import GRACE_S, MOST_LEFT, MOST_LEFT_IN_ALL
from vivavoce.runtime.batching import WINDOW_BYTES, SpeechScorer
from vivavoce.runtime.catalogue import EngineLimits
from vivavoce.runtime.clock import Clock
from vivavoce.runtime.driver import SessionDriver
from vivavoce.runtime.models import Models
from vivavoce.runtime.pipeline import ModelLoadError
from vivavoce.runtime.sessions import SessionPolicy, Sessions
from vivavoce.session.state import Limits

E = TypeVar("E")


class HangingModel(Hanging, ScriptedModel):
    async def generate(self, prompt: Prompt) -> AsyncGenerator[ModelOutput, None]:
        if self.hangs:
            for _ in range(3):
                await asyncio.sleep(50)
                yield TextDelta("Wait ")
        await self.hang()
        async for piece in super().generate(prompt):
            yield piece


class HangingVoice(Hanging, ScriptedSynthesizer):
    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk, None]:
        await self.hang()
        async for chunk in super().synthesize(text, voice):
            yield chunk


class HangingRecognizer(Hanging, ScriptedRecognizer):
    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        await self.hang()
        return await super().recognize(audio, hint, on_delta)


class StubbornStream:
    """Gets stuck in the first audio."""

    def __init__(self, released: asyncio.Event) -> None:
        self._released = released
        self.closed = False

    async def accept(self, audio: bytes) -> str:
        await hold_on(self._released)
        return ""

    async def flush(self) -> Transcript:
        return Transcript(text="")

    def close(self) -> None:
        self.closed = True


class StubbornStreams(ScriptedRecognizer):
    """A recogniser that streams, if it ever does."""

    released: ClassVar[asyncio.Event]
    streams: ClassVar[list[StubbornStream]]

    def open_stream(self, hint: Hint) -> StubbornStream:
        self.streams.append(StubbornStream(self.released))
        return self.streams[-1]


class Talk:
    """A session, and what its client was sent."""

    def __init__(self, driver: SessionDriver) -> None:
        self.driver = driver
        self._events: asyncio.Queue[ServerEvent] = asyncio.Queue()

    def send(self, event: ServerEvent) -> None:
        self._events.put_nowait(event)

    def close(self, code: int, reason: str) -> None: ...

    async def until(self, kind: type[E]) -> E:
        async with asyncio.timeout(10_000):
            while not isinstance(event := await self._events.get(), kind):
                pass
        return event

    async def respond(self) -> tuple[str, str | None]:
        """Status and error code of a response."""
        await self.driver.receive(1, ResponseCreate())
        response = (await self.until(ResponseDone)).response
        details = response.status_details
        error = None if details is None else details.error
        return response.status, error.code if isinstance(error, ResponseError) else None


class LoopClock(Clock):
    def now(self) -> float:
        return asyncio.get_running_loop().time()


Play = Callable[[Callable[[str], Coroutine[Any, Any, Talk]]], Coroutine[Any, Any, None]]


def play(
    models: Models,
    scene: Play,
    patch: dict[str, Any] | None = None,
    run_all: Callable[[Coroutine[Any, Any, None]], None] = run_in_virtual_time,
) -> None:
    """A scene, in virtual time, which is given what begins a session."""
    patch = patch or PLAIN

    async def run() -> None:
        sessions = Sessions(
            models, SessionPolicy(limits=Limits(lifetime_s=None)), clock=LoopClock()
        )
        async with models, asyncio.TaskGroup() as tasks:
            drivers = []

            async def begin(name: str) -> Talk:
                start = sessions.defaults(name, transcription=False)
                driver = await sessions.open(merge(start, patch), tasks)
                drivers.append(driver)
                talk = Talk(driver)
                driver.join(1, talk)
                return talk

            await scene(begin)
            for driver in drivers:
                sessions.closed(driver)

    run_all(run())


PLAIN: dict[str, Any] = {
    "type": "realtime",
    "audio": {"input": {"turn_detection": None, "transcription": {"model": "any"}}},
}


@pytest.mark.parametrize(("slot", "kind"), [("llm", HangingModel), ("tts", HangingVoice)])
def test_a_response_fails_and_the_next_one_has_a_fresh_engine(slot: Any, kind: type[Any]) -> None:
    workshop = Workshop()
    models = Models(catalogue_of(workshop.pipeline("a", workshop.ref(slot, kind=kind))))

    async def scene(begin: Callable[[str], Coroutine[Any, Any, Talk]]) -> None:
        talk = await begin("a")
        assert await talk.respond() == ("failed", "engine_timeout")
        await workshop.closed[slot].wait()
        async with models.leased("a"):  # no time passes while the fresh engine is loaded
            pass
        assert await talk.respond() == ("completed", None)
        assert len(workshop.made[slot]) == 2

    play(models, scene)


def test_a_recogniser_that_hangs_fails_the_transcription() -> None:
    workshop = Workshop()
    hanging = workshop.ref("stt", kind=HangingRecognizer)
    models = Models(catalogue_of(workshop.pipeline("a", hanging)))
    audio = base64.b64encode(bytes(9600)).decode()
    said = MessageItem(role="user", content=(InputAudio(audio=audio),))

    async def scene(begin: Callable[[str], Coroutine[Any, Any, Talk]]) -> None:
        talk = await begin("a")
        await talk.driver.receive(1, ConversationItemCreate(item=said))
        failed = await talk.until(TranscriptionFailed)
        assert failed.error.code == "engine_timeout"
        assert failed.error.message == (
            "The stt engine gave nothing for 60 s. It is being replaced."
        )
        assert len(workshop.made["stt"]) == 2

    play(models, scene)


def test_sessions_on_other_engines_go_on() -> None:
    workshop = Workshop()
    hanging = workshop.ref("llm", "hanging", kind=HangingModel)
    models = Models(catalogue_of(workshop.pipeline("a", hanging), workshop.pipeline("b")))

    async def scene(begin: Callable[[str], Coroutine[Any, Any, Talk]]) -> None:
        stuck, well = await begin("a"), await begin("b")
        async with asyncio.TaskGroup() as tasks:
            failing = tasks.create_task(stuck.respond())
            assert await well.respond() == ("completed", None)
            assert not failing.done()
        assert failing.result() == ("failed", "engine_timeout")

    play(models, scene)


def test_one_that_ignores_its_cancellation_is_reported_at_its_limit_and_replaced() -> None:
    workshop = Workshop()
    stubborn = workshop.ref("llm", kind=StubbornModel)
    models = Models(catalogue_of(workshop.pipeline("a", stubborn)))

    async def scene(begin: Callable[[str], Coroutine[Any, Any, Talk]]) -> None:
        StubbornModel.prepare()
        now = asyncio.get_running_loop().time
        talk, asked_at = await begin("a"), now()
        assert await talk.respond() == ("failed", "engine_timeout")
        assert now() - asked_at == 60
        async with models.leased("a"):  # no time passes while the fresh engine is loaded
            pass
        assert await talk.respond() == ("completed", None)
        assert "close llm" not in workshop.news()  # it is in the middle of something
        StubbornModel.released.set()
        await workshop.closed["llm"].wait()

    play(models, scene)


def test_a_session_ends_whose_engine_never_lets_go(caplog: pytest.LogCaptureFixture) -> None:
    workshop = Workshop()
    models = Models(catalogue_of(workshop.pipeline("a", workshop.ref("llm", kind=StubbornModel))))

    async def scene(begin: Callable[[str], Coroutine[Any, Any, Talk]]) -> None:
        StubbornModel.prepare()
        talk = await begin("a")
        await talk.driver.receive(1, ResponseCreate())
        await StubbornModel.begun.wait()
        talk.driver.close()
        await asyncio.sleep(3 * GRACE_S)

    async def and_then_let_go(main: Coroutine[Any, Any, None]) -> None:
        await main  # the session has ended, and the server has stopped
        await StubbornModel.let_go()

    play(models, scene, run_all=lambda main: run_in_virtual_time(and_then_let_go(main)))
    assert "work of the llm engine was cancelled and does not end" in caplog.text


def test_too_much_work_that_does_not_end_is_not_added_to() -> None:
    workshop = Workshop()
    models = Models(catalogue_of(workshop.pipeline("a")))

    async def fails(work: Coroutine[Any, Any, None]) -> None:
        with pytest.raises(EngineError, match="gave nothing for 60 s"):
            await work

    async def run() -> None:
        released = asyncio.Event()
        async with models:
            lease = models.hold_engine("llm", "a")
            stuck = await lease.load()
            async with asyncio.TaskGroup() as tasks:
                for _ in range(MOST_LEFT):
                    tasks.create_task(fails(lease.run_on(stuck, lambda _: hold_on(released))))
            with pytest.raises(EngineError, match="32 jobs of this engine were cancelled"):
                await lease.run_on(stuck, lambda _: hold_on(released))
            for _ in range(MOST_LEFT, MOST_LEFT_IN_ALL):  # each on an instance of its own
                await fails(lease.run(lambda _: hold_on(released)))
            with pytest.raises(EngineError, match="256 jobs of the server's engines were"):
                await lease.run(lambda _: hold_on(released))
            released.set()
            for _ in range(5):  # turns of the loop: they end, and are told of
                await asyncio.sleep(0)
            await lease.run(lambda _: hold_on(released))
            lease.release()

    run_in_virtual_time(run())


def test_a_turn_that_is_followed_fails_with_its_stream() -> None:
    # In real time, as threads score.
    workshop = Workshop()
    brief = EngineLimits(0.3, load_s=None)
    stubborn = workshop.ref("stt", kind=StubbornStreams, limits=brief)
    models = Models(catalogue_of(workshop.pipeline("a", stubborn)))
    voiced = np.full(24_000, 8000, np.int16).tobytes()

    async def scene(begin: Callable[[str], Coroutine[Any, Any, Talk]]) -> None:
        StubbornStreams.released, StubbornStreams.streams = asyncio.Event(), []
        talk = await begin("a")
        for pcm in (voiced, bytes(2 * 24_000)):
            audio = base64.b64encode(pcm).decode()
            await talk.driver.receive(1, InputAudioBufferAppend(audio=audio))
        failed = await talk.until(TranscriptionFailed)
        assert failed.error.code == "engine_timeout"
        assert (await talk.until(ResponseDone)).response.status == "completed"
        (stuck,) = StubbornStreams.streams
        assert not stuck.closed
        StubbornStreams.released.set()
        await workshop.closed["stt"].wait()

    listening = {"type": "realtime", "audio": {"input": {"transcription": {"model": "any"}}}}
    play(models, scene, listening, asyncio.run)


async def test_an_engine_that_cancels_itself_has_failed() -> None:
    async def gives_up(_: Any) -> None:
        raise asyncio.CancelledError

    workshop = Workshop()
    models = Models(catalogue_of(workshop.pipeline("a")))
    async with models, models.leased_engine("llm", "a") as lease:
        with pytest.raises(EngineError, match="nobody had cancelled"):
            await lease.run(gives_up)


async def test_a_load_that_hangs_fails_who_waits_for_it_and_goes_on() -> None:
    workshop = Workshop()
    gate = workshop.may_load["llm"] = threading.Event()
    slow = workshop.ref("llm", limits=EngineLimits(60.0, load_s=0.001))
    async with Models(catalogue_of(workshop.pipeline("a", slow))) as models:
        lease = models.hold_engine("llm", "a")
        with pytest.raises(EngineError, match=r"not loaded within 0\.001 s") as failure:
            await lease.load()
        assert failure.value.code == "engine_timeout"
        lease.release()
        gate.set()


class StuckDetector(Hanging, ScriptedDetector):
    """Its worker thread never comes back, until the test ends."""

    released: ClassVar[threading.Event] = threading.Event()

    def score(self, streams: Sequence[int], windows: npt.NDArray[np.int16]) -> list[float]:
        if self.hangs:
            self.released.wait(30)
        return super().score(streams, windows)


class Ear:
    """Notes what a stream of a scorer brings."""

    def __init__(self) -> None:
        self.heard: asyncio.Future[EngineError | float] = asyncio.Future()

    def open(self, scorer: SpeechScorer) -> None:
        self.stream = scorer.open(0, self._scored, self._failed)
        self.stream.push(bytes(WINDOW_BYTES))

    def _scored(self, position: int, probability: float) -> None:
        self.heard.set_result(probability)

    def _failed(self, error: EngineError) -> None:
        self.stream.close()
        self.heard.set_result(error)


def test_a_detector_that_hangs_tells_all_who_listen_and_is_replaced() -> None:
    workshop = Workshop()
    stuck = workshop.ref("vad", kind=StuckDetector)
    models = Models(catalogue_of(workshop.pipeline("a", stuck)))

    async def run() -> None:
        async with models:
            lease = models.hold_engine("vad", "a")
            await lease.load()
            first, second = Ear(), Ear()
            for ear in (first, second):
                ear.open(lease.scorer)
            for ear in (first, second):
                told = await ear.heard
                assert isinstance(told, EngineError)
                assert told.code == "engine_timeout"
            _, fresh = workshop.made["vad"]
            assert (await lease.load()).engine is fresh
            lease.release()

    try:
        run_in_virtual_time(run())
    finally:
        StuckDetector.released.set()


def test_a_session_is_told_and_the_fresh_detector_goes_on_with_what_was_not_heard() -> None:
    # In real time, as threads score. If it is short for the fresh one too, the next one goes on.
    workshop = Workshop()
    stuck = workshop.ref("vad", kind=StuckDetector, limits=EngineLimits(0.5, load_s=None))
    models = Models(catalogue_of(workshop.pipeline("a", stuck)))
    voiced = np.full(24_000, 8000, np.int16).tobytes()

    async def scene(begin: Callable[[str], Coroutine[Any, Any, Talk]]) -> None:
        talk = await begin("a")
        for pcm in (voiced, bytes(2 * 24_000)):
            audio = base64.b64encode(pcm).decode()
            await talk.driver.receive(1, InputAudioBufferAppend(audio=audio))
            if pcm is voiced:
                error = (await talk.until(Error)).error
                assert (error.type, error.code) == ("server_error", "engine_timeout")
                assert error.message == (
                    "voice activity detection gave nothing for 0.5 s. It is being replaced."
                )
        assert (await talk.until(SpeechStarted)).audio_start_ms == 0
        assert (await talk.until(SpeechStopped)).audio_end_ms == 1524
        assert (await talk.until(ResponseDone)).response.status == "completed"

    StuckDetector.released.clear()
    try:
        play(models, scene, {"type": "realtime"}, asyncio.run)
    finally:
        StuckDetector.released.set()


def test_who_comes_to_a_detector_that_was_given_up_is_told_too() -> None:
    async def run() -> None:
        scorer = SpeechScorer(StuckDetector())
        for _ in range(2):
            ear = Ear()
            ear.open(scorer)
            told = await ear.heard
            assert isinstance(told, EngineError)
            assert told.code == "engine_timeout"
            assert str(told).endswith("It is not replaced any more.")
        await scorer.close()

    StuckDetector.made = 0
    StuckDetector.released.clear()
    try:
        run_in_virtual_time(run())
    finally:
        StuckDetector.released.set()


class Elsewhere(ScriptedModel):
    """Its file is not where it should be."""

    def load(self) -> None:
        raise EngineError("there is no file /srv/model.bin.", code="invalid_configuration")


async def test_a_load_that_fails_in_a_session_tells_its_client_nothing_of_the_server(
    caplog: pytest.LogCaptureFixture,
) -> None:
    workshop = Workshop()
    models = Models(catalogue_of(workshop.pipeline("a", workshop.ref("llm", kind=Elsewhere))))
    async with models:
        lease = models.hold_engine("llm", "a")
        with pytest.raises(EngineError) as told:
            await lease.run(lambda _: asyncio.sleep(0))
        with pytest.raises(EngineError) as told_too:
            async with lease.use():
                raise AssertionError
        lease.release()
    for error in (told.value, told_too.value):
        assert (str(error), error.code) == (ModelLoadError.FOR_CLIENTS, "model_load_error")
    assert "there is no file /srv/model.bin." in caplog.text


def test_one_whose_callers_always_cancel_first_is_replaced() -> None:
    workshop = Workshop()
    models = Models(catalogue_of(workshop.pipeline("a")))

    async def run() -> None:
        released = asyncio.Event()
        async with models:
            lease = models.hold_engine("llm", "a")
            stuck = await lease.load()
            async with asyncio.TaskGroup() as tasks:
                job = tasks.create_task(lease.run(lambda _: hold_on(released)))
                await asyncio.sleep(1)
                assert (await lease.load()) is stuck
                job.cancel()
            assert (await lease.load()) is not stuck
            released.set()
            await workshop.closed["llm"].wait()
            lease.release()

    run_in_virtual_time(run())


async def test_who_listens_is_told_if_the_fresh_detector_cannot_be_loaded(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scorer = SpeechScorer(ScriptedDetector())
    load: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    scorer.wait_for(load)
    ear = Ear()
    ear.open(scorer)
    load.set_exception(EngineError("its file is gone"))
    told = await ear.heard
    assert isinstance(told, EngineError)
    assert (str(told), told.code) == (ModelLoadError.FOR_CLIENTS, "model_load_error")
    assert "its file is gone" in caplog.text
    await scorer.close()
