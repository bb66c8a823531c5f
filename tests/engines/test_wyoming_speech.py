"""The voice against a service of the protocol's own server, which fails on demand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from wyoming.audio import AudioStop
from wyoming.error import Error
from wyoming.info import Info
from wyoming.server import AsyncEventHandler, AsyncUnixServer

from support.wyoming_service import (
    Answer,
    WyomingService,
    audio,
    hears,
    running_wyoming_service,
    says,
    says_sentences,
    speaks,
)
from vivavoce.audio.pcm import to_pcm
from vivavoce.engines.base import EngineError, Voice
from vivavoce.engines.tts.wyoming import WyomingSynthesizer
from vivavoce.engines.wyoming.events import Event
from vivavoce.engines.wyoming.service import Service, WyomingTimeouts

AT_ONCE = WyomingTimeouts(retry_pauses=())
TONE = to_pcm(8_000 * np.sin(np.arange(4_800) / 10))
VOICES = speaks({"lessac": "en_US", "thorsten": "de_DE"})


@asynccontextmanager
async def speaking(
    info: Info, *answers: Answer, timeouts: WyomingTimeouts = AT_ONCE, **options: Any
) -> AsyncIterator[tuple[WyomingSynthesizer, WyomingService]]:
    async with running_wyoming_service(info, *answers) as service:
        synthesizer = WyomingSynthesizer(service.uri, timeouts=timeouts, **options)
        await asyncio.to_thread(synthesizer.load)
        yield synthesizer, service
        await synthesizer.close()


async def speak(
    synthesizer: WyomingSynthesizer, voice: Voice | None = None, text: str = "Hello."
) -> bytes:
    async with aclosing(synthesizer.synthesize(text, voice or Voice())) as chunks:
        return b"".join([chunk.audio async for chunk in chunks])


async def spoken(answer: Answer, info: Info = VOICES) -> bytes:
    async with speaking(info, answer) as (synthesizer, _):
        return await speak(synthesizer)


async def voice_asked_for(asked: Voice, info: Info = VOICES, **options: Any) -> Any:
    """What a request for this voice says to the service."""
    async with speaking(info, says(TONE), **options) as (synthesizer, service):
        await speak(synthesizer, asked)
    return service.requests[0][0].data.get("voice")


async def failure_of(answer: Answer, **options: Any) -> EngineError:
    async with speaking(VOICES, answer, **options) as (synthesizer, service):
        with pytest.raises(EngineError) as caught:
            await speak(synthesizer)
        assert service.uri in str(caught.value)
    return caught.value


# --- what is asked for ---------------------------------------------------------------------------


async def test_it_sends_the_text_and_gives_the_audio() -> None:
    async with speaking(VOICES, says(TONE[:1_000], TONE[1_000:])) as (synthesizer, service):
        assert await speak(synthesizer) == TONE
    [request] = service.requests[0]
    assert (request.type, request.data) == ("synthesize", {"text": "Hello."})


async def test_a_service_that_streams_is_sent_pieces() -> None:
    info = speaks({"lessac": "en_US"}, streams=True)
    async with speaking(info, says_sentences(TONE, TONE), voice="lessac") as (synthesizer, service):
        assert await speak(synthesizer) == TONE + TONE
    start, chunk, whole, stop = service.requests[0]
    assert (start.type, start.data) == ("synthesize-start", {"voice": {"name": "lessac"}})
    assert (chunk.type, chunk.data) == ("synthesize-chunk", {"text": "Hello."})
    assert (whole.type, stop.type) == ("synthesize", "synthesize-stop")


@pytest.mark.parametrize(
    ("voice", "asked"),
    [
        (Voice(), None),
        (Voice(name="thorsten"), {"name": "thorsten"}),
        (Voice(name="marin"), {"name": "lessac"}),
        (Voice(name="marin", language="de"), {"language": "de_DE"}),
        (Voice(language="de"), {"language": "de_DE"}),
    ],
    ids=str,
)
async def test_voices_by_name_by_alias_and_by_language(voice: Voice, asked: Any) -> None:
    assert await voice_asked_for(voice, voices={"marin": "lessac"}) == asked


async def test_openais_voices_are_the_usual_one() -> None:
    assert await voice_asked_for(Voice(), voice="thorsten") == {"name": "thorsten"}


async def test_a_speaker_of_a_voice() -> None:
    info = speaks({"vctk": "en_GB"}, speakers=["p225", "p226"])
    asked = await voice_asked_for(Voice(name="vctk#p226"), info)
    assert asked == {"name": "vctk", "speaker": "p226"}
    with pytest.raises(EngineError, match="no speaker 'p1'; it has p225, p226"):
        await voice_asked_for(Voice(name="vctk#p1"), info)


@pytest.mark.parametrize(
    ("voice", "reason"),
    [
        (Voice(name="nobody"), "has no voice 'nobody'; it has lessac, thorsten"),
        (Voice(language="fr"), "no voice for the language 'fr'; it speaks de_DE, en_US"),
    ],
    ids=str,
)
async def test_a_voice_that_is_not_there_is_refused(voice: Voice, reason: str) -> None:
    async with speaking(VOICES) as (synthesizer, service):
        with pytest.raises(EngineError, match=reason):
            await speak(synthesizer, voice)
    assert service.requests == []


async def test_clients_are_told_of_the_voices() -> None:
    async with speaking(VOICES) as (synthesizer, _):
        assert {"alloy", "lessac", "thorsten"} <= set(synthesizer.voices.names)


async def test_nothing_to_say_is_not_asked_for() -> None:
    async with speaking(VOICES) as (synthesizer, service):
        assert await speak(synthesizer, text=" \n") == b""
    assert service.requests == []


async def test_clauses_are_spoken_at_the_same_time() -> None:
    async with speaking(VOICES, *[says(TONE)] * 5) as (synthesizer, _):
        async with asyncio.TaskGroup() as tasks:
            clauses = [tasks.create_task(speak(synthesizer)) for _ in range(5)]
        assert {clause.result() for clause in clauses} == {TONE}


# --- what comes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 999])
async def test_two_channels_in_pieces_of_any_size_are_mixed(size: int) -> None:
    stereo = np.repeat(np.frombuffer(TONE, "<i2"), 2).tobytes()
    pieces = [stereo[:6_000][start : start + size] for start in range(0, 6_000, size)]
    assert await spoken(says(*pieces, stereo[6_000:], channels=2)) == TONE


async def test_another_rate_is_converted() -> None:
    assert len(await spoken(says(TONE, rate=12_000))) == pytest.approx(2 * len(TONE), rel=0.02)


@pytest.mark.parametrize("form", [{"width": 4}, {"channels": 6}, {"rate": 0}], ids=str)
async def test_audio_of_another_kind_is_refused(form: dict[str, int]) -> None:
    error = await failure_of(says(TONE, **form))
    assert "16 bits in one or two channels are needed" in str(error)


async def test_an_answer_without_audio_is_an_error() -> None:
    error = await failure_of(Answer("synthesize", [AudioStop()]))
    assert str(error).endswith("answered without any audio")


# --- leaving early, and faults -------------------------------------------------------------------


async def test_closing_the_speech_closes_the_connection() -> None:
    hangs = Answer("synthesize", audio(TONE)[:-1])
    async with speaking(VOICES, hangs, says(TONE)) as (synthesizer, service):
        await service.left.acquire()  # the one that asked what it can do
        async with aclosing(synthesizer.synthesize("Hello.", Voice())) as chunks:
            assert (await anext(chunks)).audio == TONE
        await service.left.acquire()
        assert await speak(synthesizer) == TONE


@pytest.mark.parametrize("begun", [False, True], ids=["before", "after"])
async def test_cancelling_the_task_closes_the_connection(begun: bool) -> None:
    hangs = Answer("synthesize", audio(TONE)[:-1] if begun else ())
    async with speaking(VOICES, hangs) as (synthesizer, service):
        await service.left.acquire()
        async with asyncio.TaskGroup() as tasks:
            clause = tasks.create_task(speak(synthesizer))
            await service.asked.wait()
            clause.cancel()
        await service.left.acquire()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer("synthesize", [Error(text="no such file")]), "server_error"),
        (Answer("synthesize", audio(TONE)[:-1], closes=True), "connection_lost"),
        (Answer("synthesize", raw=b"\x00\xff\n"), "invalid_response"),
        (Answer("synthesize", raw=b'{"type": "audio-start"}\n'), "invalid_response"),
    ],
    ids=["error", "cut off", "garbage", "no format"],
)
async def test_what_goes_wrong_is_said(answer: Answer, code: str) -> None:
    assert (await failure_of(answer)).code == code


async def test_a_service_that_stops_midway_is_late() -> None:
    limits = WyomingTimeouts(between=0.05, retry_pauses=())
    error = await failure_of(Answer("synthesize", audio(TONE)[:-1]), timeouts=limits)
    assert "stopped: nothing came for 0.05 s" in str(error)


async def test_a_service_that_only_hears_is_none() -> None:
    with pytest.raises(EngineError, match=r"does not speak \(it recognises speech\)"):
        async with speaking(hears("en")):
            raise AssertionError("unreachable")


@pytest.mark.parametrize("options", [{"voice": "nobody"}, {"voices": {"marin": "nobody"}}], ids=str)
async def test_a_setting_with_a_voice_that_is_not_there_fails_the_load(options: Any) -> None:
    with pytest.raises(EngineError, match="has no voice 'nobody'"):
        async with speaking(VOICES, **options):
            raise AssertionError("unreachable")


async def test_a_socket_in_the_file_system(tmp_path: Path) -> None:
    class Echo(AsyncEventHandler):
        async def handle_event(self, event: Any) -> bool:
            await self.write_event(event)
            return True

    server = AsyncUnixServer(tmp_path / "voice.sock")
    await server.start(Echo)
    async with Service(f"unix://{tmp_path}/voice.sock").connection() as connection:
        connection.send([Event("ping", {"text": "Grüße"}, TONE)])
        assert await connection.receive() == Event("ping", {"text": "Grüße"}, TONE)
    await server.stop()
