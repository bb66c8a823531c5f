"""The voice against a backend that a test scripts."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from support.localai_backend import (
    Behaviour,
    LocalAIBackend,
    fails,
    falls_silent,
    gives,
    running_backend,
    streams,
    writes_speech,
)
from vivavoce.audio.pcm import to_pcm
from vivavoce.audio.wav import wav_bytes
from vivavoce.engines.base import EngineError, Voice
from vivavoce.engines.localai.settings import BackendTimeouts
from vivavoce.engines.tts.localai import LocalAISynthesizer

AT_ONCE = BackendTimeouts(retry_pauses=())
TONE = to_pcm(8_000 * np.sin(np.arange(4_800) / 10))
HUMS = writes_speech(TONE, 24_000)


def writes(data: bytes) -> Behaviour:
    """This, in the file that the request names."""

    async def behave(request: Any, context: Any) -> AsyncIterator[Any]:
        await asyncio.to_thread(Path(request.dst).write_bytes, data)
        async for result in gives("Result", success=True)(request, context):
            yield result

    return behave


@asynccontextmanager
async def speaking(
    options: dict[str, Any], **behaviours: Any
) -> AsyncIterator[tuple[LocalAISynthesizer, LocalAIBackend]]:
    async with running_backend(**behaviours) as backend:
        synthesizer = LocalAISynthesizer(backend.address, timeouts=AT_ONCE, **options)
        await asyncio.to_thread(synthesizer.load)
        try:
            yield synthesizer, backend
        finally:
            await synthesizer.close()


async def speak(
    synthesizer: LocalAISynthesizer, voice: Voice | None = None, text: str = "Hello."
) -> bytes:
    async with aclosing(synthesizer.synthesize(text, voice or Voice())) as chunks:
        return b"".join([chunk.audio async for chunk in chunks])


async def spoken(options: dict[str, Any], **behaviours: Any) -> bytes:
    async with speaking(options, **behaviours) as (synthesizer, _):
        return await speak(synthesizer)


# --- by a file -----------------------------------------------------------------------------------


async def test_the_backend_writes_the_speech_to_a_file_that_then_goes(tmp_path: Path) -> None:
    options = {"folder": str(tmp_path), "model": "/voices/lessac.onnx", "params": {"speed": "1.2"}}
    async with speaking(options, TTS=HUMS) as (synthesizer, backend):
        assert await speak(synthesizer) == TONE
    [request] = backend.requests("TTS")
    assert (request.text, request.model) == ("Hello.", "/voices/lessac.onnx")
    assert dict(request.params) == {"speed": "1.2"}
    assert Path(request.dst).is_relative_to(tmp_path)
    assert os.listdir(tmp_path) == []


async def test_another_rate_is_converted() -> None:
    audio = await spoken({}, TTS=writes_speech(TONE, 12_000))
    assert len(audio) == pytest.approx(2 * len(TONE), rel=0.01)


@pytest.mark.parametrize(
    ("voice", "asked"),
    [
        (Voice(), ("lessac", "")),
        (Voice(name="marin"), ("amy", "")),
        (Voice(name="joe", language="en"), ("joe", "en")),
    ],
    ids=str,
)
async def test_voices_and_language(voice: Voice, asked: tuple[str, str]) -> None:
    options = {"voice": "lessac", "voices": {"marin": "amy"}}
    async with speaking(options, TTS=HUMS) as (synthesizer, backend):
        await speak(synthesizer, voice)
    [request] = backend.requests("TTS")
    assert (request.voice, request.language) == asked


async def test_nothing_to_say_is_not_asked_for() -> None:
    async with speaking({}, TTS=HUMS) as (synthesizer, backend):
        assert await speak(synthesizer, text=" \n") == b""
    assert backend.requests("TTS") == []


async def test_clauses_are_spoken_at_the_same_time() -> None:
    async with speaking({}, TTS=HUMS) as (synthesizer, _), asyncio.TaskGroup() as tasks:
        clauses = [tasks.create_task(speak(synthesizer)) for _ in range(4)]
    assert {clause.result() for clause in clauses} == {TONE}


async def test_cancelling_reaches_the_backend_and_removes_the_file(tmp_path: Path) -> None:
    options = {"folder": str(tmp_path)}
    async with speaking(options, TTS=falls_silent()) as (synthesizer, backend):
        async with asyncio.TaskGroup() as tasks:
            clause = tasks.create_task(speak(synthesizer))
            await backend.arrived.wait()
            clause.cancel()
        await backend.left.wait()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (gives("Result", success=False, message="no such voice"), "cannot speak: no such voice"),
        (gives("Result", success=True), "left no speech in .*Does it see this folder"),
        (writes(b"<html>"), "left what is not a WAV file of 16-bit PCM"),
        (fails(grpc.StatusCode.INTERNAL, "CUDA error"), "It said: CUDA error"),
    ],
    ids=["refused", "no file", "no speech", "failed"],
)
async def test_what_goes_wrong_is_said(behaviour: Any, reason: str) -> None:
    async with speaking({}, TTS=behaviour) as (synthesizer, backend):
        with pytest.raises(EngineError, match=reason) as caught:
            await speak(synthesizer)
        assert backend.address in str(caught.value)


# --- as it is made -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "replies",
    [
        [{"message": b'{"sample_rate": 24000}'}, {"audio": TONE[:999]}, {"audio": TONE[999:]}],
        [{"audio": wav_bytes(TONE, 24_000)[:50]}, {"audio": wav_bytes(TONE, 24_000)[50:]}],
    ],
    ids=["rate first", "a header first"],
)
async def test_streamed_speech(replies: list[dict[str, bytes]]) -> None:
    assert await spoken({"stream": True}, TTSStream=streams("Reply", *replies)) == TONE


async def test_closing_the_speech_cancels_the_call() -> None:
    replies = falls_silent("Reply", {"message": b'{"sample_rate": 24000}', "audio": TONE})
    async with speaking({"stream": True}, TTSStream=replies) as (synthesizer, backend):
        async with aclosing(synthesizer.synthesize("Hello.", Voice())) as chunks:
            assert (await anext(chunks)).audio == TONE
        await backend.left.wait()


async def test_a_stream_without_audio_is_an_error() -> None:
    with pytest.raises(EngineError, match="answered without any audio"):
        await spoken({"stream": True}, TTSStream=streams("Reply", {"message": b"OK"}))
