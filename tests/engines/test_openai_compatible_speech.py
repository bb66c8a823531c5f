"""The engine against a server that fails on demand."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import numpy as np
import pytest

from support.chat_server import Behaviour, ChatServer, refuses, speaks_no_http
from support.speech_server import falls_silent, is_cut_off, running_speech_server, speaks
from vivavoce.audio.pcm import to_pcm
from vivavoce.audio.wav import wav_bytes
from vivavoce.engines.base import EngineError, Voice
from vivavoce.engines.tts.openai_compatible import OpenAICompatibleSynthesizer
from vivavoce.engines.tts.speech_client import SpeechTimeouts

KEY = "sk-not-to-be-seen-anywhere"
AT_ONCE = SpeechTimeouts(retry_pauses=(0.0, 0.0))
TONE = to_pcm(8_000 * np.sin(np.arange(4_800) / 10))
HUMS = speaks(TONE)


@asynccontextmanager
async def using(
    base_url: str, *, timeouts: SpeechTimeouts = AT_ONCE, **options: Any
) -> AsyncIterator[OpenAICompatibleSynthesizer]:
    voice = OpenAICompatibleSynthesizer(base_url, "tiny", timeouts=timeouts, **options)
    try:
        yield voice
    finally:
        await voice.close()


async def speak(
    synthesizer: OpenAICompatibleSynthesizer, voice: Voice | None = None, text: str = "Hello."
) -> bytes:
    async with aclosing(synthesizer.synthesize(text, voice or Voice())) as chunks:
        return b"".join([chunk.audio async for chunk in chunks])


async def spoken(behaviour: Behaviour, **options: Any) -> bytes:
    """The speech that comes of one answer of a server."""
    async with running_speech_server(behaviour) as server, using(server.base_url, **options) as tts:
        return await speak(tts)


async def failure_of(*behaviours: Behaviour, **options: Any) -> tuple[EngineError, ChatServer]:
    """The error of one clause from a server that behaves like this."""
    async with (
        running_speech_server(*behaviours) as server,
        using(server.base_url, **options) as tts,
    ):
        with pytest.raises(EngineError) as caught:
            await speak(tts)
    assert server.base_url in str(caught.value)
    return caught.value, server


# --- what is asked for ---------------------------------------------------------------------------


async def test_it_posts_the_text_and_gives_the_audio() -> None:
    async with running_speech_server(HUMS) as server, using(server.base_url) as tts:
        assert tts.sample_rate == 24_000
        assert await speak(tts) == TONE
    assert server.requests == [
        {"model": "tiny", "response_format": "pcm", "input": "Hello.", "voice": "alloy"}
    ]
    assert "Authorization" not in server.headers[0]


async def test_it_sends_key_voice_speed_instructions_and_extra_body() -> None:
    options: dict[str, Any] = {
        "api_key": KEY,
        "voices": {"marin": "af_heart"},
        "instructions": "Whisper.",
        "extra_body": {"language": "de"},
    }
    async with running_speech_server(HUMS) as server, using(server.base_url, **options) as tts:
        await speak(tts, Voice(name="marin", speed=1.25))
    request = server.requests[0]
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert (request["voice"], request["speed"]) == ("af_heart", 1.25)
    assert (request["instructions"], request["language"]) == ("Whisper.", "de")


async def test_nothing_to_say_is_not_asked_for() -> None:
    async with running_speech_server() as server, using(server.base_url) as tts:
        assert await speak(tts, text=" \n") == b""
    assert server.requests == []


async def test_clauses_in_a_row_share_a_connection() -> None:
    async with running_speech_server(HUMS, HUMS) as server, using(server.base_url) as tts:
        assert await speak(tts) == await speak(tts)
    assert len(server.connections) == 1


# --- what comes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, 7, 1_000, 20_000])
async def test_pieces_of_any_size_are_the_same_audio(size: int) -> None:
    pieces = [TONE[start : start + size] for start in range(0, len(TONE), size)]
    assert await spoken(speaks(*pieces[:200], b"".join(pieces[200:]))) == TONE


@pytest.mark.parametrize("content_type", ["audio/wav", "audio/pcm", "application/octet-stream"])
async def test_a_wav_file_is_read_as_one(content_type: str) -> None:
    file = wav_bytes(TONE, 24_000)
    behaviour = speaks(file[:5], file[5:50], file[50:], content_type=content_type)
    assert await spoken(behaviour, response_format="wav") == TONE


async def test_a_wav_file_of_another_rate_is_converted() -> None:
    audio = await spoken(speaks(wav_bytes(TONE, 12_000), content_type="audio/wav"))
    assert len(audio) == pytest.approx(2 * len(TONE), rel=0.01)


async def test_audio_is_handed_on_before_the_rest_has_come() -> None:
    async with (
        running_speech_server(falls_silent(TONE)) as server,
        using(server.base_url) as tts,
        aclosing(tts.synthesize("Hello.", Voice())) as chunks,
    ):
        assert TONE.startswith((await anext(chunks)).audio)


# --- leaving early -------------------------------------------------------------------------------


async def test_closing_the_speech_closes_the_connection() -> None:
    async with (
        running_speech_server(falls_silent(TONE), HUMS) as server,
        using(server.base_url) as tts,
    ):
        async with aclosing(tts.synthesize("Hello.", Voice())) as chunks:
            await anext(chunks)
        await server.left.wait()
        assert await speak(tts) == TONE


@pytest.mark.parametrize("begun", [(), (TONE,)], ids=["before", "after"])
async def test_cancelling_the_task_closes_the_connection(begun: tuple[bytes, ...]) -> None:
    async with running_speech_server(falls_silent(*begun)) as server, using(server.base_url) as tts:
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(speak(tts))
            await server.arrived.wait()
            reading.cancel()
        await server.left.wait()


# --- failures ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", [refuses(429), refuses(503), is_cut_off()], ids=["429", "503", "cut off"]
)
async def test_a_busy_server_and_a_lost_connection_are_tried_again(fault: Behaviour) -> None:
    async with running_speech_server(fault, fault, HUMS) as server, using(server.base_url) as tts:
        assert await speak(tts) == TONE
    assert len(server.requests) == 3


async def test_after_the_first_sound_nothing_is_tried_again() -> None:
    error, server = await failure_of(is_cut_off(TONE), HUMS)
    assert error.code == "connection_lost"
    assert len(server.requests) == 1


async def test_a_server_that_asks_for_patience_gets_none() -> None:
    error, server = await failure_of(refuses(429, Retry_After="60"), HUMS)
    assert error.code == "rate_limit_exceeded"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("fault", "code", "message"),
    [
        (refuses(500, '{"error": {"message": "out of memory"}}'), "server_error", "out of memory"),
        (refuses(401), "authentication_error", "api_key"),
        (refuses(404), "model_not_found", "'tiny'"),
        (refuses(400, '{"detail": "no voice"}'), "invalid_request", "no voice"),
        (refuses(200, "{}"), "invalid_response", "application/json, not with audio"),
        (refuses(200, "<p>Hi</p>", content_type="text/html"), "invalid_response", "said: Hi"),
        (speaks(b"ID3", content_type="audio/mpeg"), "invalid_response", "response_format to wav"),
        (speaks(), "invalid_response", "without any audio"),
        (speaks(b"RIFF\0\0\0\0WAVEjunk\1"), "invalid_response", "without any audio"),
        (speaks_no_http(), "invalid_response", "does not speak the protocol"),
    ],
)
async def test_what_is_no_speech_is_told(fault: Behaviour, code: str, message: str) -> None:
    error, server = await failure_of(fault)
    assert error.code == code
    assert message in str(error)
    assert len(server.requests) == 1


async def test_a_wav_file_of_another_kind_is_told() -> None:
    file = bytearray(wav_bytes(TONE, 24_000))
    file[34] = 24  # bits in a sample
    error, _ = await failure_of(speaks(bytes(file), content_type="audio/wav"))
    assert "24 bits" in str(error)


@pytest.mark.parametrize(
    ("fault", "limits", "message"),
    [
        (falls_silent(), SpeechTimeouts(first_audio=0.05), "no audio within 0.05 s"),
        (falls_silent(TONE), SpeechTimeouts(between_chunks=0.05), "stopped: no audio came"),
    ],
)
async def test_silence_of_the_server_has_a_limit(
    fault: Behaviour, limits: SpeechTimeouts, message: str
) -> None:
    error, _ = await failure_of(fault, timeouts=limits)
    assert error.code == "timeout"
    assert message in str(error)


async def test_a_server_that_is_not_there_is_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with using(f"http://127.0.0.1:{port}/v1") as tts:
        with pytest.raises(EngineError, match="connection refused") as caught:
            await speak(tts)
    assert caught.value.code == "connection_failed"


async def test_the_key_shows_neither_in_errors_nor_in_repr() -> None:
    error, _ = await failure_of(refuses(500, f"bad key {KEY}"), api_key=KEY)
    assert KEY not in str(error)
    assert KEY not in repr(OpenAICompatibleSynthesizer("http://a/v1", "m", api_key=KEY))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"base_url": "localhost"}, "not the URL of a speech server"),
        ({"base_url": "http://a/v1/audio/speech"}, "leave out /audio/speech"),
        ({"model": ""}, "names no model"),
        ({"api_key": "a\nb"}, "API key"),
        ({"response_format": "mp3"}, "expected pcm or wav, got 'mp3'"),
        ({"extra_body": {"voice": "x"}}, "cannot set 'voice'"),
    ],
)
def test_what_cannot_be_right_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(EngineError, match=message):
        OpenAICompatibleSynthesizer(**{"base_url": "http://a/v1", "model": "m", **arguments})
