"""Opening sessions, and what becomes of one whose machine or whose trace fails."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.virtual_time import run_in_virtual_time
from vivavoce.engines.llm.scripted import ScriptedModel
from vivavoce.engines.stt.scripted import ScriptedRecognizer
from vivavoce.engines.tts.scripted import ScriptedSynthesizer
from vivavoce.engines.vad.scripted import ScriptedDetector
from vivavoce.protocol.client_events import ResponseCancel
from vivavoce.protocol.server_events import ServerEvent
from vivavoce.runtime import sessions as runtime_sessions
from vivavoce.runtime.catalogue import Engines
from vivavoce.runtime.clock import Clock
from vivavoce.runtime.driver import SessionDriver
from vivavoce.runtime.models import Models
from vivavoce.runtime.sessions import SessionPolicy, Sessions, TooManySessionsError
from vivavoce.runtime.trace import ReplayError, TraceWriter, replay
from vivavoce.session.inputs import AnyInput, EventReceived, LoadChanged, TimerFired
from vivavoce.session.machine import Session
from vivavoce.session.outputs import AnyOutput
from vivavoce.session.state import Limits


class Peer:
    """A connection that notes what is done with it."""

    def __init__(self) -> None:
        self.events: list[ServerEvent] = []
        self.closed = asyncio.Event()
        self.code = 0

    def send(self, event: ServerEvent) -> None:
        self.events.append(event)

    def close(self, code: int, reason: str) -> None:
        self.code = code
        self.closed.set()


class SlowModel(ScriptedModel):
    """Is loaded when it may be."""

    def __init__(self) -> None:
        super().__init__()
        self.may_load = threading.Event()

    def load(self) -> None:
        self.may_load.wait()
        super().load()


def models_with(llm: ScriptedModel) -> Models:
    engines = Engines(ScriptedDetector(), ScriptedRecognizer(), llm, ScriptedSynthesizer())
    return Models(engines.catalogue())


@pytest.fixture
async def models() -> AsyncIterator[Models]:
    async with models_with(ScriptedModel()) as models:
        yield models


async def test_sessions_that_wait_for_their_engines_count() -> None:
    model = SlowModel()
    models = models_with(model)
    sessions = Sessions(models, SessionPolicy(limits=Limits(), max_sessions=1), clock=Clock())
    async with models, asyncio.TaskGroup() as tasks:
        first = tasks.create_task(sessions.open(sessions.defaults("m", transcription=False), tasks))
        await asyncio.sleep(0)
        with pytest.raises(TooManySessionsError):
            await sessions.open(sessions.defaults("m", transcription=False), tasks)
        model.may_load.set()
        sessions.closed(await first)
        sessions.closed(await sessions.open(sessions.defaults("m", transcription=False), tasks))


class FastClock(Clock):
    """Is a thousand seconds ahead of the loop."""

    def now(self) -> float:
        return asyncio.get_running_loop().time() + 1000


def test_a_timer_is_right_whatever_the_clock_begins_with() -> None:
    async def lifetime() -> float:
        models, peer = models_with(ScriptedModel()), Peer()
        policy = SessionPolicy(limits=Limits(lifetime_s=3.0))
        sessions = Sessions(models, policy, clock=FastClock())
        async with models, asyncio.TaskGroup() as tasks:
            driver = await sessions.open(sessions.defaults("m", transcription=False), tasks)
            begin = asyncio.get_running_loop().time()
            driver.join(1, peer)
            await peer.closed.wait()
            end = asyncio.get_running_loop().time()
            sessions.closed(driver)
        return end - begin

    assert run_in_virtual_time(lifetime()) == pytest.approx(3.0)


def fail_at_cancel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a bug into the machine."""
    sound = Session.receive

    def receive(self: Session, happened: AnyInput, now: float) -> tuple[AnyOutput, ...]:
        if isinstance(happened, EventReceived) and isinstance(happened.event, ResponseCancel):
            raise LookupError("a bug")
        return sound(self, happened, now)

    monkeypatch.setattr(Session, "receive", receive)


async def session_in(
    folder: Path, models: Models, tasks: asyncio.TaskGroup, peer: Peer
) -> SessionDriver:
    """A session that is traced in a folder."""
    policy = SessionPolicy(limits=Limits(), trace_folder=folder)
    sessions = Sessions(models, policy, clock=Clock())
    driver = await sessions.open(sessions.defaults("m", transcription=False), tasks)
    driver.join(1, peer)
    return driver


def only_trace(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


async def test_the_input_that_breaks_a_session_is_the_last_of_its_trace(
    models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = Peer()
    with monkeypatch.context() as patch:
        fail_at_cancel(patch)
        async with asyncio.TaskGroup() as tasks:
            driver = await session_in(tmp_path, models, tasks, peer)
            await driver.receive(1, ResponseCancel(event_id="culprit"))
            driver.step(TimerFired())
        assert peer.code == 1011
        path = only_trace(tmp_path)
        assert b"culprit" in path.read_bytes().splitlines()[-1]
        with pytest.raises(ReplayError, match=r"line 3: .* fails here: LookupError: a bug") as now:
            list(replay(path))
        assert isinstance(now.value.__cause__, LookupError)
    with pytest.raises(ReplayError, match=r"line 3: .*\(LookupError: a bug\), and does not now"):
        list(replay(path))


async def test_what_comes_after_the_end_is_not_kept(models: Models, tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as tasks:
        driver = await session_in(tmp_path, models, tasks, Peer())
        driver.close()
        driver.step(TimerFired())
    assert not driver._waiting


async def test_a_session_whose_trace_cannot_be_made_goes_without(
    models: Models, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    peer = Peer()
    async with asyncio.TaskGroup() as tasks:
        driver = await session_in(tmp_path / "gone", models, tasks, peer)
        driver.close()
    assert peer.events
    assert "has no trace" in caplog.text


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, as Linux has it")
async def test_a_session_outlives_a_full_disk(
    models: Models,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    full = Path("/dev/full")
    monkeypatch.setattr(
        runtime_sessions, "TraceWriter", lambda _, origin: TraceWriter(full, origin)
    )
    peer = Peer()
    async with asyncio.TaskGroup() as tasks:
        driver = await session_in(tmp_path, models, tasks, peer)
        for _ in range(100):  # more than a file's buffer holds
            await driver.receive(1, ResponseCancel(event_id="x" * 500))
        driver.close()
    assert peer.code == 0
    assert len(peer.events) > 100
    assert caplog.text.count("No space left on device") == 1


def all_replayed(folder: Path) -> list[list[AnyInput]]:
    """What happened in each session that has a trace here."""
    return [[step.happened for step in replay(trace)] for trace in folder.iterdir()]


async def test_all_sessions_know_how_busy_the_server_is_and_so_do_their_traces(
    models: Models, tmp_path: Path
) -> None:
    policy = SessionPolicy(limits=Limits(), trace_folder=tmp_path)
    sessions = Sessions(models, policy, clock=Clock())
    async with asyncio.TaskGroup() as tasks:
        start = sessions.defaults("m", transcription=False)
        early = await sessions.open(start, tasks)
        sessions.load_changed("high")
        sessions.load_changed("high")
        late = await sessions.open(start, tasks)
        sessions.load_changed("normal")
        for driver in (early, late):
            sessions.closed(driver)
    told = [LoadChanged("high"), LoadChanged("normal")]
    assert all_replayed(tmp_path) == [told, told]
