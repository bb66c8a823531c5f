"""Engines of a host as users have them: shared, let go of, bounded, and closed to strangers."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from support.remote_engines import MODEL, TOKEN, adapter, catalogue_of, hosted
from support.watched_engines import Batching, Endless, Plentiful, Watched
from vivavoce.engine_host import peer
from vivavoce.engine_host.server import hosting
from vivavoce.engines.base import (
    EngineError,
    Hint,
    MissingDependencyError,
    SpeechChunk,
    Transcript,
    UnspokenLanguageError,
    Voice,
)
from vivavoce.engines.registry import Slot
from vivavoce.engines.remote.address import Address, TcpAddress, UnixAddress
from vivavoce.engines.remote.description import Description
from vivavoce.engines.remote.failures import UNEXPECTED
from vivavoce.engines.remote.frames import Frames, encoded
from vivavoce.engines.remote.host import RemoteHost
from vivavoce.engines.remote.messages import (
    PROTOCOL,
    WINDOW,
    Begin,
    ByModel,
    Failed,
    Generate,
    Hello,
    Judge,
    Load,
    Recognize,
    Synthesize,
    Welcome,
    Work,
    to_user,
)
from vivavoce.engines.remote.named import NamedRecognizer, NamedSynthesizer, NamedTurnDetector
from vivavoce.engines.remote.recognizer import RemoteRecognizer
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.protocol.prompt import Prompt
from vivavoce.runtime.catalogue import EngineLimits
from vivavoce.runtime.models import Models
from vivavoce.runtime.remote_engines import with_remote_engines

PATIENCE_S = 30.0
FRAMES = "vivavoce.engines.remote.frames"

pytestmark = pytest.mark.timeout(60)


@contextlib.asynccontextmanager
async def user(slot: Slot, engine: Any, address: Address) -> AsyncIterator[Any]:
    """An adapter that is loaded, and closed at the end."""
    made = adapter(slot, lambda: engine, address)
    await asyncio.to_thread(made.load)
    try:
        yield made
    finally:
        await made.close()


@contextlib.asynccontextmanager
async def using(slot: Slot, engine: Any) -> AsyncIterator[Any]:
    """The same, on a host of its own."""
    async with (
        hosted(catalogue_of({slot: lambda: engine})) as address,
        user(slot, engine, address) as made,
    ):
        yield made


async def heard(recognizer: Any, audio: bytes) -> str:
    transcript: Transcript = await recognizer.recognize(audio, Hint(), lambda _: None)
    return transcript.text


async def test_two_users_share_one_load_and_one_batch() -> None:
    engine = Batching()
    async with (
        hosted(catalogue_of({"stt": lambda: engine})) as address,
        user("stt", engine, address) as one,
        user("stt", engine, address) as other,
        asyncio.TaskGroup() as tasks,
    ):
        first = tasks.create_task(heard(one, b"first"))
        await engine.asked.get()
        rest = [tasks.create_task(heard(*use)) for use in ((one, b"mine"), (other, b"yours"))]
        for _ in rest:
            await engine.asked.get()
        engine.allowed.release(2)
        assert [await first, *[await task for task in rest]] == ["first", "mine", "yours"]
    assert engine.loads == 1
    assert [sorted(batch) for batch in engine.batches] == [[b"first"], [b"mine", b"yours"]]


USES: dict[Slot, Callable[[Any], Any]] = {
    "stt": lambda engine: heard(engine, b"\0\0"),
    "turn": lambda engine: engine.judge(b"\0\0"),
    "llm": lambda engine: all_of(engine.generate(Prompt())),
    "tts": lambda engine: all_of(engine.synthesize("well", Voice())),
}


async def all_of(pieces: AsyncGenerator[Any, None]) -> list[Any]:
    async with aclosing(pieces):
        return [piece async for piece in pieces]


@pytest.mark.parametrize("slot", USES)
async def test_a_use_that_is_cancelled_stops_over_there(slot: Slot) -> None:
    engine = Endless()
    async with using(slot, engine) as remote, asyncio.timeout(PATIENCE_S):
        task = asyncio.ensure_future(USES[slot](remote))
        await engine.begun.wait()
        task.cancel()
        await engine.ended.wait()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_slow_reader_slows_its_engine_and_misses_nothing() -> None:
    engine, text = Plentiful(), "".join(chr(0x4E00 + n) for n in range(500))
    async with (
        hosted(catalogue_of({"tts": lambda: engine, "stt": lambda: engine})) as address,
        user("tts", engine, address) as voice,
        user("stt", engine, address) as other,
        aclosing(voice.synthesize(text, Voice())) as chunks,
    ):
        spoken = (await anext(chunks)).audio
        for _ in range(20):  # each goes to the host and back
            await heard(other, b"")
        assert engine.spoken <= WINDOW + 1
        async for chunk in chunks:
            spoken += chunk.audio
            assert engine.spoken <= len(spoken) // 2 + WINDOW + 1
    assert spoken.decode("utf-16-le") == text


class Failing(Watched):
    """Fails as it is told to."""

    def __init__(self, error: Exception, *, loads: bool = True) -> None:
        super().__init__()
        self._error = error
        self._loads = loads

    def load(self) -> None:
        if not self._loads:
            raise self._error

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk, None]:
        raise self._error
        yield


@pytest.mark.parametrize("loads", [True, False], ids=["used", "loaded"])
@pytest.mark.parametrize(
    "error",
    [
        EngineError("it is full", code="overloaded"),
        MissingDependencyError("install it"),
        UnspokenLanguageError("no voice for 'tlh'"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_an_error_arrives_as_it_was_raised(error: EngineError, loads: bool) -> None:
    with pytest.raises(type(error)) as raised:
        async with using("tts", Failing(error, loads=loads)) as remote:
            await all_of(remote.synthesize("a", Voice()))
    assert (str(raised.value), raised.value.code) == (str(error), error.code)


async def test_of_an_unexpected_failure_nothing_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async with using("tts", Failing(RuntimeError("the key is hunter2"))) as remote:
        with pytest.raises(EngineError) as raised:
            await all_of(remote.synthesize("a", Voice()))
    assert (str(raised.value), raised.value.code) == (UNEXPECTED, "engine_error")
    assert "hunter2" in caplog.text


async def test_what_is_no_text_in_an_error_ends_nobody_else() -> None:
    async with using("tts", Failing(EngineError("it said \ud800"))) as remote:
        for _ in range(2):
            with pytest.raises(EngineError, match=r"it said \?"):
                await all_of(remote.synthesize("a", Voice()))
        with pytest.raises(EngineError, match="lone surrogate") as raised:
            await all_of(remote.synthesize("\ud800", Voice()))
        assert raised.value.code == "invalid_text"


async def test_an_engine_that_hangs_is_the_hosts_to_replace() -> None:
    engine = Endless()
    limits = EngineLimits(0.05, load_s=None)
    async with (
        hosted(catalogue_of({"turn": lambda: engine}, limits)) as address,
        user("turn", engine, address) as remote,
    ):
        with pytest.raises(EngineError, match=r"gave nothing for 0.05 s") as raised:
            await remote.judge(b"\0\0")
        async with asyncio.timeout(PATIENCE_S):
            await engine.closed.wait()
    assert raised.value.code == "engine_timeout"


@pytest.mark.parametrize("token", [None, "", "a guess", TOKEN[:-1]])
async def test_without_the_token_nobody_gets_an_engine(token: str | None) -> None:
    engine = Endless()
    async with hosted(catalogue_of({"turn": lambda: engine})) as address:
        remote = adapter("turn", lambda: engine, address, token)
        with pytest.raises(EngineError, match="expects its token") as loading:
            await asyncio.to_thread(remote.load)
        with pytest.raises(EngineError, match="expects its token"):
            await remote.judge(b"")
        await remote.close()
    assert loading.value.code == "invalid_token"
    assert engine.loads == 0
    assert TOKEN not in str(loading.value)


async def test_a_port_without_a_token_is_not_opened() -> None:
    with pytest.raises(ValueError, match="need a token"):
        async with hosted(catalogue_of({}), token=None):
            pass


class Stranger:
    """Somebody who speaks in bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    @contextlib.asynccontextmanager
    async def at(cls, address: Address) -> "AsyncIterator[Stranger]":
        assert isinstance(address, TcpAddress)
        made = cls(*await asyncio.open_connection(address.host, address.port))
        try:
            yield made
        finally:
            made._writer.close()
            with contextlib.suppress(ConnectionError):
                await made._writer.wait_closed()

    def say(self, *data: bytes | bytearray) -> None:
        self._writer.writelines(data)

    async def answers(self) -> list[Any]:
        """What comes until the host hangs up."""
        frames, answers = Frames(), list[Any]()
        async with asyncio.timeout(PATIENCE_S):
            with contextlib.suppress(ConnectionResetError):
                while data := await self._reader.read(4096):
                    answers += [to_user.decode(body) for body in frames.feed(data)]
        return answers


async def test_another_version_is_told_what_to_do() -> None:
    async with hosted(catalogue_of({})) as address, Stranger.at(address) as stranger:
        stranger.say(encoded(Hello(PROTOCOL + 1, TOKEN)))
        (answer,) = await stranger.answers()
    assert isinstance(answer, Failed)
    assert answer.code == "protocol_mismatch"
    assert "Run the same version" in answer.text


HELLO = encoded(Hello(PROTOCOL, TOKEN))
JUDGE = Judge(b"\0\0")


@pytest.mark.parametrize(
    "data",
    [
        [b"GET / HTTP/1.1\r\n\r\n"],
        [encoded(Load(ByModel("turn", MODEL)))],
        [(4097).to_bytes(4, "little")],
        [HELLO, b"\x05\0\0\0stuff"],
        [HELLO, b"\xff\xff\xff\xff"],
        [HELLO, HELLO],
        [HELLO, encoded(Begin(0, ByModel("turn", MODEL), JUDGE))],
        [HELLO, *2 * [encoded(Begin(1, ByModel("turn", MODEL), JUDGE))]],
        [HELLO, *2 * [encoded(Load(ByModel("turn", MODEL)))]],
        [HELLO, encoded(Begin(1, ByModel("noise", MODEL), JUDGE)), encoded(["Grant", 1, -5])],
    ],
)
async def test_who_breaks_the_protocol_is_cut_off_alone(data: list[bytes]) -> None:
    engine = Endless()
    async with (
        hosted(catalogue_of({"turn": lambda: engine})) as address,
        user("turn", engine, address) as remote,
        Stranger.at(address) as stranger,
    ):
        task = asyncio.ensure_future(remote.judge(b"\0\0"))
        await engine.begun.wait()
        stranger.say(*data)
        answers = await stranger.answers()
        assert all(isinstance(answer, Welcome | Failed) for answer in answers)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_who_says_nothing_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "HELLO_S", 0.01)
    async with hosted(catalogue_of({})) as address, Stranger.at(address) as stranger:
        assert await stranger.answers() == []


async def test_more_jobs_than_there_may_be_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "MOST_JOBS", 1)
    engine = Endless()
    async with using("turn", engine) as remote:
        first = asyncio.ensure_future(remote.judge(b"\0\0"))
        await engine.begun.wait()
        with pytest.raises(EngineError, match="does 1 jobs") as refused:
            await remote.judge(b"\0\0")
        assert refused.value.code == "overloaded"
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first


async def test_what_a_user_holds_stays_on_offer_when_the_configuration_changes(
    tmp_path: Path,
) -> None:
    engine = Plentiful()
    before, after = catalogue_of({"stt": lambda: engine}), catalogue_of({"stt": Plentiful})
    where = UnixAddress(str(tmp_path / "engines"))
    async with Models(before) as models, hosting(models, where) as address:
        remote = with_remote_engines(before, RemoteHost(address)).plans[MODEL].engines["stt"]
        held = remote.make()
        await asyncio.to_thread(held.load)
        await models.reload(after)
        assert await heard(held, b"\0\0") == ""
        await held.close()
        with pytest.raises(EngineError, match="is another one, or it was started again") as raised:
            await asyncio.to_thread(remote.make().load)
        assert raised.value.code == "unknown_engine"


async def test_who_does_not_stream_is_not_followed() -> None:
    engine = Plentiful()
    async with hosted(catalogue_of({"stt": lambda: engine})) as address:
        known = Description(name="x", sample_rate=16_000, abilities=HearingAbilities(streams=True))
        selector = ByModel("stt", MODEL)
        stream = RemoteRecognizer(RemoteHost(address, TOKEN), selector, known)
        following = stream.open_stream(Hint())
        with pytest.raises(EngineError, match="does not hear while somebody speaks"):
            await following.accept(b"\0\0")
        with pytest.raises(EngineError, match="is closed"):
            await following.flush()
        await stream.close()


WORKS: dict[Slot, Work] = {
    "stt": Recognize(b"\0\0", Hint()),
    "turn": JUDGE,
    "llm": Generate(Prompt()),
    "tts": Synthesize("well", Voice()),
}


@pytest.mark.parametrize("slot", WORKS)
async def test_a_user_that_is_gone_leaves_nothing_at_work(slot: Slot) -> None:
    engine = Endless()
    async with hosted(catalogue_of({slot: lambda: engine})) as address:
        async with Stranger.at(address) as stranger, asyncio.timeout(PATIENCE_S):
            stranger.say(HELLO, encoded(Begin(1, ByModel(slot, MODEL), WORKS[slot])))
            await engine.begun.wait()
        async with asyncio.timeout(PATIENCE_S):
            await engine.ended.wait()


async def test_a_lost_connection_fails_its_jobs_and_the_next_one_works(tmp_path: Path) -> None:
    engine = Endless()
    catalogue = catalogue_of({"turn": lambda: engine, "tts": Plentiful})
    where = UnixAddress(str(tmp_path / "engines"))
    remote, voice = adapter("turn", lambda: engine, where), adapter("tts", Plentiful, where)
    async with hosted(catalogue, tmp_path):
        await asyncio.to_thread(voice.load)
        task = asyncio.ensure_future(remote.judge(b"\0\0"))
        await engine.begun.wait()
        assert len(await all_of(voice.synthesize("one", Voice()))) == 3
    with pytest.raises(EngineError, match="ended; it is being started again") as lost:
        await task
    assert lost.value.code == "engine_unavailable"
    with pytest.raises(EngineError, match="cannot be reached"):
        await all_of(voice.synthesize("two", Voice()))
    async with hosted(catalogue, tmp_path):
        assert len(await all_of(voice.synthesize("three", Voice()))) == 5
        await voice.close()
        await remote.close()


async def test_an_engine_stays_loaded_as_long_as_a_user_holds_it() -> None:
    engine = Endless()
    catalogue = catalogue_of({"turn": lambda: engine}, unload_after_s=0.0)
    async with hosted(catalogue) as address, user("turn", engine, address) as one:
        async with user("turn", engine, address):
            pass
        other = NamedTurnDetector(str(address), MODEL, token=TOKEN)
        await asyncio.to_thread(other.load)
        await other.close()
        assert not engine.closed.is_set()
        await one.close()
        async with asyncio.timeout(PATIENCE_S):
            await engine.closed.wait()
    assert engine.loads == 1


async def test_what_was_written_down_wrongly_fails_the_load() -> None:
    engine = Plentiful()
    async with hosted(catalogue_of({"tts": lambda: engine, "stt": lambda: engine})) as address:
        where = str(address)
        with pytest.raises(EngineError, match="`sample_rate` is 16000, not 24000"):
            await asyncio.to_thread(NamedSynthesizer(where, MODEL, token=TOKEN).load)
        with pytest.raises(EngineError, match="it has no `streams`"):
            await asyncio.to_thread(NamedRecognizer(where, MODEL, streams=True, token=TOKEN).load)
        with pytest.raises(EngineError, match=r"no speech synthesis under the name 'n'.* has: m\."):
            await asyncio.to_thread(NamedSynthesizer(where, "n", token=TOKEN).load)


async def test_a_request_that_is_too_large_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Plentiful()
    async with using("stt", engine) as remote:
        monkeypatch.setattr(f"{FRAMES}.MAX_FRAME", 1000)
        with pytest.raises(EngineError, match="too much for one request") as raised:
            await heard(remote, bytes(2000))
        assert raised.value.code == "too_large"
        assert await heard(remote, b"\0\0") == ""


class Loud(Watched):
    """Speaks more in one piece than may be sent in the test."""

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk, None]:
        yield SpeechChunk(bytes(2000))


async def test_a_piece_that_is_too_large_is_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with using("tts", Loud()) as remote:
        monkeypatch.setattr(f"{FRAMES}.MAX_FRAME", 1000)
        with pytest.raises(EngineError, match="The log of the process that hosts it says why"):
            await all_of(remote.synthesize("a", Voice()))
    assert "more than can be sent: a message of" in caplog.text


class Wrong(Watched):
    """Gives what no engine gives."""

    async def recognize(self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]) -> Any:
        on_delta("well")
        return 5

    async def judge(self, audio: bytes) -> Any:
        return "complete"

    async def generate(self, prompt: Prompt) -> AsyncGenerator[Any, None]:
        yield 5

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[Any, None]:
        yield 5


@pytest.mark.parametrize("slot", USES)
async def test_an_answer_of_another_kind_is_an_error_of_the_engine(slot: Slot) -> None:
    async with using(slot, Wrong()) as remote:
        with pytest.raises(EngineError, match="answered what its job never gives: Expected"):
            await USES[slot](remote)
