"""The recogniser against a service of the protocol's own server, which fails on demand."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from wyoming.asr import TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.error import Error
from wyoming.info import Info

from support.wyoming_service import (
    Answer,
    WyomingService,
    hears,
    running_wyoming_service,
    speaks,
    streamed,
    transcript,
)
from vivavoce.audio.pcm import to_pcm
from vivavoce.engines.base import EngineError, Hint, Transcript
from vivavoce.engines.limits import limits_of
from vivavoce.engines.stt.wyoming import WyomingRecognizer
from vivavoce.engines.wyoming.service import WyomingTimeouts

AT_ONCE = WyomingTimeouts(retry_pauses=())
TONE = to_pcm(8_000 * np.sin(np.arange(16_000) / 10))
"""A second at 16 kHz."""


@asynccontextmanager
async def listening(
    info: Info, *answers: Answer, timeouts: WyomingTimeouts = AT_ONCE, **options: Any
) -> AsyncIterator[tuple[WyomingRecognizer, WyomingService]]:
    async with running_wyoming_service(info, *answers) as service:
        recognizer = WyomingRecognizer(service.uri, timeouts=timeouts, **options)
        await asyncio.to_thread(recognizer.load)
        yield recognizer, service
        await recognizer.close()


async def heard(
    recognizer: WyomingRecognizer, hint: Hint | None = None, audio: bytes = TONE
) -> tuple[Transcript, list[str]]:
    deltas: list[str] = []
    return await recognizer.recognize(audio, hint or Hint(), deltas.append), deltas


async def failure_of(answer: Answer, **options: Any) -> EngineError:
    async with listening(hears("en"), answer, **options) as (recognizer, service):
        with pytest.raises(EngineError) as caught:
            await heard(recognizer)
        assert service.uri in str(caught.value)
    return caught.value


# --- what is asked for ---------------------------------------------------------------------------


async def test_it_sends_the_audio_and_gives_the_transcript() -> None:
    async with listening(hears("en"), transcript(" Hello. ", "en_GB")) as (recognizer, service):
        assert await heard(recognizer) == (Transcript(text="Hello.", language="en"), ["Hello."])
    first, start, *chunks, stop = service.requests[0]
    assert (first.type, start.type, stop.type) == ("transcribe", "audio-start", "audio-stop")
    assert {(each.data["rate"], each.data["width"], each.data["channels"]) for each in chunks} == {
        (16_000, 2, 1)
    }
    assert b"".join(each.payload or b"" for each in chunks) == TONE


async def test_model_language_and_keywords_are_sent_as_the_service_writes_them() -> None:
    info = hears("de_DE", "en_GB", models=["tiny", "large"])
    async with listening(info, transcript("Hi."), model="large") as (recognizer, service):
        await heard(recognizer, Hint(language="en-US", keywords=("Vivavoce",)))
    assert service.requests[0][0].data == {
        "name": "large",
        "language": "en_GB",
        "transcript_terms": ["Vivavoce"],
    }


async def test_a_language_that_the_service_does_not_know_is_refused() -> None:
    async with listening(hears("de", "en")) as (recognizer, service):
        with pytest.raises(EngineError, match=r"does not know the language 'fr'.*de, en"):
            await heard(recognizer, Hint(language="fr"))
    assert service.requests == []


async def test_silence_is_not_sent() -> None:
    async with listening(hears("en")) as (recognizer, service):
        assert await heard(recognizer, audio=bytes(32_000)) == (Transcript(text=""), [])
    assert service.requests == []


async def test_sessions_are_heard_at_the_same_time() -> None:
    answers = [transcript(f"Number {n}.") for n in range(5)]
    async with listening(hears("en"), *answers) as (recognizer, service):
        async with asyncio.TaskGroup() as tasks:
            turns = [tasks.create_task(heard(recognizer)) for _ in range(5)]
        texts = {turn.result()[0].text for turn in turns}
    assert texts == {f"Number {n}." for n in range(5)}
    assert len(service.requests) == 5


# --- what comes ----------------------------------------------------------------------------------


async def test_a_streamed_transcript_is_handed_on_in_pieces() -> None:
    async with listening(hears("en"), streamed("What is ", "the ", "time?")) as (recognizer, _):
        text, deltas = await heard(recognizer)
    assert (text.text, "".join(deltas)) == ("What is the time?", "What is the time?")
    assert len(deltas) == 3


async def test_pieces_alone_are_a_transcript() -> None:
    pieces = [TranscriptStart(), TranscriptChunk(text="Hello. "), TranscriptStop()]
    async with listening(hears("en"), Answer("audio-stop", pieces)) as (recognizer, _):
        assert await heard(recognizer) == (Transcript(text="Hello."), ["Hello."])


async def test_what_was_handed_on_is_not_taken_back() -> None:
    answer = streamed("Wreck a nice ", "beach.", whole="Recognise speech.")
    async with listening(hears("en"), answer) as (recognizer, _):
        text, deltas = await heard(recognizer)
    assert text.text == "".join(deltas) == "Wreck a nice beach."


async def test_an_invented_phrase_is_noise() -> None:
    async with listening(hears("en"), transcript("Thanks for watching!")) as (recognizer, _):
        assert await heard(recognizer) == (Transcript(text=""), [])


# --- leaving early -------------------------------------------------------------------------------


async def test_cancelling_closes_the_connection() -> None:
    async with listening(hears("en"), Answer("audio-stop")) as (recognizer, service):
        await service.left.acquire()  # the one that asked what it can do
        async with asyncio.TaskGroup() as tasks:
            turn = tasks.create_task(heard(recognizer))
            await service.asked.wait()
            turn.cancel()
        await service.left.acquire()


# --- faults --------------------------------------------------------------------------------------


async def test_an_error_event_is_repeated() -> None:
    answer = Answer("audio-stop", [Error(text="out of memory", code="oom")])
    error = await failure_of(answer)
    assert str(error).endswith("reported an error (oom): out of memory")
    assert error.code == "server_error"


@pytest.mark.parametrize(
    "raw", [b"", b'{"type": "transcript", "data_length": 80}\n{"te', b'{"type":'], ids=str
)
async def test_a_connection_that_is_cut_off(raw: bytes) -> None:
    error = await failure_of(Answer("audio-stop", raw=raw, closes=True))
    assert error.code == "connection_lost"


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"[1, 2]\n",
        b'{"data": {}}\n',
        b'{"type": "transcript", "data": {"text": 5}}\n',
        b'{"type": "transcript", "payload_length": 99999999999}\n',
        b'{"type": "transcript", "data_length": 3}\nabc',
    ],
    ids=lambda raw: raw[:40].decode(),
)
async def test_what_is_no_event_is_said(raw: bytes) -> None:
    error = await failure_of(Answer("audio-stop", raw=raw))
    assert error.code == "invalid_response"


async def test_a_service_that_does_not_answer_is_late() -> None:
    limits = WyomingTimeouts(answer=0.05, retry_pauses=())
    error = await failure_of(Answer("never"), timeouts=limits)
    assert error.code == "timeout"
    assert "did not answer for 0.05 s" in str(error)


async def test_a_failed_request_leaves_the_next_alone() -> None:
    answers = (Answer("audio-stop", closes=True), transcript("Hello."))
    async with listening(hears("en"), *answers) as (recognizer, _):
        with pytest.raises(EngineError):
            await heard(recognizer)
        assert (await heard(recognizer))[0].text == "Hello."


# --- loading -------------------------------------------------------------------------------------


def test_a_service_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    recognizer = WyomingRecognizer(f"tcp://127.0.0.1:{port}", timeouts=AT_ONCE)
    with pytest.raises(EngineError, match="cannot be reached: connection refused") as error:
        recognizer.load()
    assert error.value.code == "connection_failed"


async def test_a_service_that_only_speaks_is_none() -> None:
    with pytest.raises(EngineError, match=r"does not recognise speech \(it speaks\)"):
        async with listening(speaks({"lessac": "en_US"})):
            raise AssertionError("unreachable")


async def test_a_model_that_is_not_there_is_named() -> None:
    with pytest.raises(EngineError, match="has no model 'huge'; it has tiny"):
        async with listening(hears("en"), model="huge"):
            raise AssertionError("unreachable")


def test_limits_are_read_from_a_configuration() -> None:
    assert limits_of(WyomingTimeouts, {"answer": 5}) == WyomingTimeouts(answer=5.0)
    with pytest.raises(EngineError, match="timeouts: there is no 'anser', only connect, answer"):
        WyomingRecognizer("tcp://localhost:1", timeouts={"anser": 5})


@pytest.mark.parametrize(
    "uri", ["", "localhost:10300", "tcp://localhost", "http://localhost:1", "tcp://x:port", "unix:"]
)
def test_what_is_no_uri_is_refused(uri: str) -> None:
    with pytest.raises(EngineError, match="is not the URI of a Wyoming service") as error:
        WyomingRecognizer(uri)
    assert error.value.code == "invalid_configuration"
