"""Turn detectors and noise reduction behind a real socket."""

import asyncio
import base64
import logging
from typing import ClassVar

import pytest

from support.server import serving
from support.sound import silence, tone
from vivavoce.engines.base import EngineError
from vivavoce.engines.noise.webrtc import WebRtcNoiseReducer
from vivavoce.engines.vad.silero import SileroDetector
from vivavoce.protocol.session_config import NoiseReductionKind
from vivavoce.speech import clip

STARTED = "input_audio_buffer.speech_started"
STOPPED = "input_audio_buffer.speech_stopped"
SEMANTIC = {"type": "semantic_vad", "eagerness": "high"}
NEAR_FIELD = {"type": "near_field"}


class Judge:
    """A turn detector that gives these verdicts in turn; None fails. Notes what it hears."""

    name: ClassVar[str] = "judge"
    sample_rate = 16_000
    hears_s = 1.0

    def __init__(self, *verdicts: float | None) -> None:
        self._verdicts = list(verdicts)
        self.heard: list[bytes] = []
        self.asked = asyncio.Event()

    def load(self) -> None:
        """There is nothing to load."""

    async def close(self) -> None:
        """There is nothing to free."""

    async def judge(self, audio: bytes) -> float:
        self.heard.append(audio)
        self.asked.set()
        verdict = self._verdicts.pop(0)
        if verdict is None:
            raise EngineError("it has no opinion")
        return verdict


class Muter:
    """Takes everything for noise."""

    name: ClassVar[str] = "muter"

    def load(self) -> None:
        """There is nothing to load."""

    async def close(self) -> None:
        """There is nothing to free."""

    def open_stream(self, kind: NoiseReductionKind) -> "Muter":
        assert kind == "near_field"
        return self

    def reduce(self, pcm: bytes) -> bytes:
        return bytes(len(pcm))


# --- turns that end with their sense ------------------------------------------------------------


async def test_a_complete_turn_is_answered_without_waiting_for_the_ceiling() -> None:
    judge = Judge(0.9)
    async with serving(turn=judge) as server, server.connect() as client:
        await client.update(audio={"input": {"turn_detection": SEMANTIC}})
        await client.append(silence(320) + tone(1500) + silence(320))
        stopped = await client.until(STOPPED)
        await client.until("response.done")
    assert stopped["audio_end_ms"] == pytest.approx(320 + 1500 + 200, abs=40)
    (heard,) = judge.heard
    assert len(heard) == pytest.approx(judge.hears_s * judge.sample_rate * 2, abs=4)


async def test_an_incomplete_turn_waits_for_the_ceiling() -> None:
    judge = Judge(0.1, 0.1, 0.1)
    async with serving(turn=judge) as server, server.connect() as client:
        await client.update(audio={"input": {"turn_detection": SEMANTIC}})
        await client.append(silence(320) + tone(500) + silence(1900))
        await client.until(STARTED)
        await client.nothing_new()
        await client.append(silence(300))
        stopped = await client.until(STOPPED)
    assert stopped["audio_end_ms"] == pytest.approx(320 + 500 + 2000, abs=40)


async def test_a_detector_that_fails_is_told_to_the_operator_and_not_to_the_client(
    caplog: pytest.LogCaptureFixture,
) -> None:
    judge = Judge(None)
    with caplog.at_level(logging.WARNING):
        async with serving(turn=judge) as server, server.connect() as client:
            await client.update(audio={"input": {"turn_detection": SEMANTIC}})
            await client.append(silence(320) + tone(500) + silence(300))
            await judge.asked.wait()
            await client.append(silence(1900))
            await client.until("response.done")
    assert client.of("error") == []
    told = [record.message for record in caplog.records if "turn detection" in record.message]
    assert told == ["turn detection failed, and silence ends the turn: it has no opinion"]


# --- noise reduction ----------------------------------------------------------------------------


async def test_without_an_engine_it_is_refused_with_the_way_to_get_one() -> None:
    async with serving() as server, server.connect() as client:
        session = {"type": "realtime", "audio": {"input": {"noise_reduction": NEAR_FIELD}}}
        await client.send("session.update", session=session)
        error = await client.error()
    assert error["param"] == "session.audio.input.noise_reduction"
    assert "vivavoce[noise]" in error["message"]


async def test_the_detector_hears_what_is_left_and_the_item_is_what_was_sent() -> None:
    spoken = tone(500)
    async with serving(noise=Muter()) as server, server.connect() as client:
        updated = await client.update(audio={"input": {"noise_reduction": NEAR_FIELD}})
        assert updated["session"]["audio"]["input"]["noise_reduction"] == NEAR_FIELD
        await client.append(silence(320) + spoken + silence(640))
        await client.nothing_new()
        await client.send("input_audio_buffer.clear")
        await client.append(spoken)
        await client.send("input_audio_buffer.commit")
        item_id = (await client.until("input_audio_buffer.committed"))["item_id"]
        await client.send("conversation.item.retrieve", item_id=item_id)
        item = (await client.until("conversation.item.retrieved"))["item"]
        assert base64.b64decode(item["content"][0]["audio"]) == spoken
        assert STARTED not in client.kinds()
        await client.update(audio={"input": {"noise_reduction": None}})
        await client.append(silence(320) + spoken)
        await client.until(STARTED)


@pytest.mark.parametrize("chunk", [960, 48_000, None])
async def test_speech_is_heard_through_the_real_one(chunk: int | None) -> None:
    """The last is one append of several seconds, which is decoded in a thread."""
    pytest.importorskip("webrtc_noise_gain", reason="webrtc-noise-gain has wheels for Linux only")
    pytest.importorskip("onnxruntime", reason="onnxruntime has no wheel for this machine")
    spoken = clip("story")
    async with (
        serving(noise=WebRtcNoiseReducer(), vad=SileroDetector()) as server,
        server.connect() as client,
    ):
        await client.update(audio={"input": {"noise_reduction": {"type": "far_field"}}})
        await client.append(spoken.pcm + silence(1000), chunk=chunk)
        started = await client.until(STARTED)
        stopped = await client.until(STOPPED)
    assert started["audio_start_ms"] == pytest.approx(max(spoken.onset_ms - 300, 0), abs=150)
    assert stopped["audio_end_ms"] == pytest.approx(spoken.offset_ms + 500, abs=200)
