"""The detector against a backend that finds speech where the samples are loud."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import numpy as np
import numpy.typing as npt
import pytest

from support.localai_backend import Behaviour, fails, falls_silent, running_backend
from vivavoce.engines.base import EngineError
from vivavoce.engines.localai.messages import message_class
from vivavoce.engines.localai.settings import BackendTimeouts
from vivavoce.engines.vad.localai import LocalAIDetector

QUIET = np.zeros(768, np.int16)
LOUD = QUIET.copy()
LOUD[100:600] = 8_000 * np.sin(np.arange(500) / 10)  # its ends would reach into other windows


def finds_speech(held_s: float = 0.0) -> Behaviour:
    """Speech from the first loud sample to `held_s` seconds behind the last one."""

    async def behave(request: Any, _: Any) -> AsyncIterator[Any]:
        loud = np.flatnonzero(np.abs(request.audio) > 0.05)
        length = len(request.audio) / 16_000
        segments = []
        if len(loud):
            end = loud[-1] / 16_000 + held_s
            open_still = end > length - 0.001
            segments = [{"start": loud[0] / 16_000, "end": 0.0 if open_still else end}]
        yield message_class("VADResponse")(segments=segments)

    return behave


@asynccontextmanager
async def detecting(
    behaviour: Behaviour, timeouts: BackendTimeouts | None = None
) -> AsyncIterator[tuple[LocalAIDetector, Any]]:
    async with running_backend(VAD=behaviour) as backend:
        detector = LocalAIDetector(backend.address, timeouts=timeouts)
        await asyncio.to_thread(detector.load)
        try:
            yield detector, backend
        finally:
            await detector.close()


async def scores(
    detector: LocalAIDetector, stream: int, *windows: npt.NDArray[np.int16]
) -> list[float]:
    return [
        (await asyncio.to_thread(detector.score, [stream], window[np.newaxis]))[0]
        for window in windows
    ]


async def test_speech_is_told_from_silence() -> None:
    async with detecting(finds_speech()) as (detector, _):
        stream = detector.open_stream()
        heard = await scores(detector, stream, QUIET, LOUD, LOUD, QUIET, QUIET)
    assert heard == [0.0, 1.0, 1.0, 0.0, 0.0]


async def test_a_segment_that_has_not_ended_is_speech() -> None:
    async with detecting(finds_speech(held_s=0.1)) as (detector, _):
        stream = detector.open_stream()
        heard = await scores(detector, stream, LOUD, QUIET, QUIET, QUIET, QUIET, QUIET)
    assert heard == [1.0, 1.0, 1.0, 1.0, 0.0, 0.0]


async def test_the_backend_hears_the_last_second_at_16_khz() -> None:
    async with detecting(finds_speech()) as (detector, backend):
        stream = detector.open_stream()
        await scores(detector, stream, *[QUIET] * 34, LOUD)
    lengths = [len(request.audio) for request in backend.requests("VAD")]
    assert lengths[:3] == [512, 1_024, 1_536]
    assert set(lengths[30:]) == {31 * 512}
    last = np.array(backend.requests("VAD")[-1].audio)
    assert np.abs(last[-500:]).max() == pytest.approx(8_000 / 32_768, abs=0.02)
    assert np.abs(last[:-530]).max() == 0


async def test_streams_are_judged_together_and_do_not_mix() -> None:
    async with detecting(finds_speech()) as (detector, backend):
        first, second = detector.open_stream(), detector.open_stream()
        windows = np.stack([LOUD, QUIET])
        assert await asyncio.to_thread(detector.score, [first, second], windows) == [1.0, 0.0]
        assert await asyncio.to_thread(detector.score, [second, first], windows) == [1.0, 0.0]
    assert len(backend.requests("VAD")) == 4


async def test_a_number_that_is_given_again_remembers_nothing() -> None:
    async with detecting(finds_speech(held_s=9.0)) as (detector, _):
        stream = detector.open_stream()
        assert await scores(detector, stream, LOUD, QUIET) == [1.0, 1.0]
        detector.close_stream(stream)
        assert detector.open_stream() == stream
        assert await scores(detector, stream, QUIET) == [0.0]


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (fails(grpc.StatusCode.UNKNOWN, "unimplemented"), "does not know VAD"),
        (falls_silent(), "took too long for VAD"),
    ],
    ids=["unimplemented", "late"],
)
async def test_a_backend_that_cannot(behaviour: Behaviour, reason: str) -> None:
    async with detecting(behaviour, BackendTimeouts(window=0.1)) as (detector, _):
        with pytest.raises(EngineError, match=reason):
            await scores(detector, detector.open_stream(), LOUD)


def test_what_cannot_be_scored_is_refused() -> None:
    detector = LocalAIDetector("127.0.0.1:1")
    stream = detector.open_stream()
    with pytest.raises(EngineError, match="is not loaded"):
        detector.score([stream], QUIET[np.newaxis])
    with pytest.raises(ValueError, match="no such open stream"):
        detector.score([stream + 1], QUIET[np.newaxis])
    with pytest.raises(ValueError, match="for 1 streams of 768"):
        detector.score([stream], np.zeros((1, 512), np.int16))
