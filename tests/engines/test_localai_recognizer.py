"""The recogniser against a backend that a test scripts."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from support.localai_backend import (
    LocalAIBackend,
    fails,
    falls_silent,
    gives,
    reads_speech,
    running_backend,
    streams,
)
from vivavoce.audio.pcm import to_pcm
from vivavoce.engines.base import EngineError, Hint, Transcript
from vivavoce.engines.localai.settings import BackendTimeouts
from vivavoce.engines.stt.localai import LocalAIRecognizer

AT_ONCE = BackendTimeouts(retry_pauses=())
TONE = to_pcm(8_000 * np.sin(np.arange(16_000) / 10))
"""A second at 16 kHz."""


@asynccontextmanager
async def listening(
    options: dict[str, Any], **behaviours: Any
) -> AsyncIterator[tuple[LocalAIRecognizer, LocalAIBackend]]:
    async with running_backend(**behaviours) as backend:
        recognizer = LocalAIRecognizer(backend.address, timeouts=AT_ONCE, **options)
        await asyncio.to_thread(recognizer.load)
        try:
            yield recognizer, backend
        finally:
            await recognizer.close()


async def heard(
    recognizer: LocalAIRecognizer, hint: Hint | None = None, audio: bytes = TONE
) -> tuple[Transcript, list[str]]:
    deltas: list[str] = []
    return await recognizer.recognize(audio, hint or Hint(), deltas.append), deltas


async def test_the_backend_reads_the_audio_from_a_file_that_then_goes(tmp_path: Path) -> None:
    read: list[tuple[bytes, int]] = []
    behaviour = reads_speech(read, text=" Hello. ", language="en")
    options = {"folder": str(tmp_path)}
    async with listening(options, AudioTranscription=behaviour) as (recognizer, backend):
        assert await heard(recognizer) == (Transcript(text="Hello.", language="en"), ["Hello."])
    assert read == [(TONE, 16_000)]
    [request] = backend.requests("AudioTranscription")
    assert Path(request.dst).is_relative_to(tmp_path)
    assert os.listdir(tmp_path) == []


async def test_language_prompt_keywords_and_threads_are_sent() -> None:
    behaviour = gives("TranscriptResult", text="Hi.")
    async with listening({"threads": 2}, AudioTranscription=behaviour) as (recognizer, backend):
        await heard(recognizer, Hint(language="en-US", prompt="A call.", keywords=("Ada", "Bo")))
    [request] = backend.requests("AudioTranscription")
    assert (request.language, request.threads) == ("en", 2)
    assert request.prompt == "Ada, Bo\nA call."


async def test_pieces_are_handed_on_where_it_streams() -> None:
    behaviour = streams(
        "TranscriptStreamResponse",
        {"delta": "What is "},
        {"delta": "the time?"},
        {"final_result": {"text": "What is the time?", "language": "en"}},
    )
    async with listening({"stream": True}, AudioTranscriptionStream=behaviour) as (recognizer, _):
        transcript, deltas = await heard(recognizer)
    assert transcript == Transcript(text="What is the time?", language="en")
    assert deltas == ["What is", " the time?"]


async def test_what_nobody_said_is_noise() -> None:
    behaviour = gives("TranscriptResult", text="Thanks for watching!")
    async with listening({}, AudioTranscription=behaviour) as (recognizer, backend):
        assert await heard(recognizer) == (Transcript(text=""), [])
        assert await heard(recognizer, audio=bytes(32_000)) == (Transcript(text=""), [])
    assert len(backend.requests("AudioTranscription")) == 1


async def test_cancelling_reaches_the_backend_and_removes_the_file(tmp_path: Path) -> None:
    options = {"folder": str(tmp_path)}
    async with listening(options, AudioTranscription=falls_silent()) as (recognizer, backend):
        async with asyncio.TaskGroup() as tasks:
            turn = tasks.create_task(heard(recognizer))
            await backend.arrived.wait()
            assert len(os.listdir(tmp_path)) == 1
            turn.cancel()
        await backend.left.wait()
    assert os.listdir(tmp_path) == []


async def test_turns_of_several_sessions_do_not_mix() -> None:
    read: list[tuple[bytes, int]] = []
    clips = [to_pcm(8_000 * np.sin(np.arange(9_000) / period)) for period in (5, 10, 20)]
    behaviour = reads_speech(read, text="Yes.")
    async with (
        listening({}, AudioTranscription=behaviour) as (recognizer, _),
        asyncio.TaskGroup() as tasks,
    ):
        turns = [tasks.create_task(heard(recognizer, audio=clip)) for clip in clips]
    assert {turn.result()[0].text for turn in turns} == {"Yes."}
    assert sorted(pcm for pcm, _ in read) == sorted(clips)


async def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    broken = fails(grpc.StatusCode.INTERNAL, "bad audio")
    async with listening({"folder": str(tmp_path)}, AudioTranscription=broken) as (recognizer, _):
        with pytest.raises(EngineError, match="It said: bad audio"):
            await heard(recognizer)
    assert os.listdir(tmp_path) == []


async def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    async with listening({"folder": str(tmp_path / "gone")}) as (recognizer, _):
        with pytest.raises(EngineError, match=r"folder: .*gone.*: No such file") as caught:
            await heard(recognizer)
    assert caught.value.code == "invalid_configuration"
