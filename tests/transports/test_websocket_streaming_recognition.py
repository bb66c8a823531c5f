"""A recogniser that streams behind a real socket: words come before the turn is over."""

import asyncio
import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from support.server import Client, serving
from support.sound import BYTES_PER_MS, silence, tone
from support.streaming_recognizer import TellingRecognizer
from vivavoce.audio.resample import convert
from vivavoce.engines.stt.sherpa_onnx import SherpaOnnxRecognizer
from vivavoce.session.speculation import LEVELS, Speculation

DELTA = "conversation.item.input_audio_transcription.delta"
COMPLETED = "conversation.item.input_audio_transcription.completed"
FAILED = "conversation.item.input_audio_transcription.failed"
COMMITTED = "input_audio_buffer.committed"
READS = {"input": {"transcription": {"model": "any"}}}


async def say(client: Client, audio: bytes) -> None:
    """In chunks of 20 ms, each handled before the next: audio and events stay side by side."""
    await client.append(audio, chunk=20 * BYTES_PER_MS)


def text_of(client: Client) -> str:
    return "".join(event["delta"] for event in client.of(DELTA))


@pytest.mark.parametrize("level", LEVELS)
async def test_every_sample_of_a_turn_is_heard_once_and_in_order(level: Speculation) -> None:
    recognizer = TellingRecognizer()
    speech = silence(320) + tone(700) + silence(256) + tone(700)
    async with serving(stt=recognizer, speculate=level) as server, server.connect() as client:
        await client.update(audio=READS)
        await say(client, speech)
        await client.until(DELTA)
        assert COMMITTED not in client.kinds()
        await say(client, silence(700))
        completed = await client.until(COMPLETED)
        start_ms = client.of("input_audio_buffer.speech_started")[0]["audio_start_ms"]
    stream = recognizer.streams[0]
    assert (len(recognizer.streams), recognizer.whole) == (1, [])
    assert completed["transcript"] == text_of(client)
    assert completed["transcript"].endswith(" end")
    turn = (speech + silence(700))[start_ms * BYTES_PER_MS :]
    assert turn.startswith(stream.heard)
    assert len(stream.heard) >= (700 + 256 + 700) * BYTES_PER_MS
    assert stream.closed == 1


async def test_a_connection_that_goes_leaves_no_stream_behind() -> None:
    recognizer = TellingRecognizer()
    async with serving(stt=recognizer) as server:
        async with server.connect() as client:
            await say(client, silence(320) + tone(500))
            await client.until("input_audio_buffer.speech_started")
        await server.until_idle()
        assert [stream.closed for stream in recognizer.streams] == [1]


async def test_a_stream_that_cannot_be_opened_fails_its_turn_alone() -> None:
    async with serving(stt=TellingRecognizer()) as server, server.connect() as client:
        transcription = {"model": "any", "language": "tlh"}
        await client.update(audio={"input": {"transcription": transcription}})
        await say(client, silence(320) + tone(500) + silence(700))
        failed = await client.until(FAILED)
        assert failed["error"]["message"] == "nobody speaks that here"
        await client.until("response.done")
        await client.update(audio={"input": {"transcription": {"language": "de"}}})
        await say(client, tone(500) + silence(700))
        assert (await client.until(COMPLETED))["transcript"].endswith(" end")


async def test_a_clip_is_heard_whole() -> None:
    recognizer = TellingRecognizer()
    async with serving(stt=recognizer) as server, server.connect() as client:
        await client.update(audio={"input": {"turn_detection": None, **READS["input"]}})
        await say(client, tone(500))
        await client.send("input_audio_buffer.commit")
        assert (await client.until(COMPLETED))["transcript"] == "whole"
    assert recognizer.streams == []


async def test_log_probabilities_are_sent_to_those_who_ask() -> None:
    async with serving(stt=TellingRecognizer()) as server, server.connect() as client:
        await client.update(
            audio={"input": {"turn_detection": None, **READS["input"]}},
            include=["item.input_audio_transcription.logprobs"],
        )
        await say(client, tone(500))
        await client.send("input_audio_buffer.commit")
        completed = await client.until(COMPLETED)
    assert completed["logprobs"] == [{"token": "whole", "logprob": -0.25, "bytes": list(b"whole")}]


async def test_sherpa_onnx_writes_while_somebody_speaks(
    tmp_path: Path, require_module: Callable[..., ModuleType]
) -> None:
    require_module("sherpa_onnx", reason="pip install 'vivavoce[sherpa]'")
    require_module("onnx", reason="it writes the model of this test")
    tiny = importlib.import_module("support.tiny_sherpa")
    model = await asyncio.to_thread(tiny.write_tiny_sherpa, tmp_path / "tones")
    recognizer = SherpaOnnxRecognizer(str(model), family="nemo-ctc")

    def word(name: str) -> bytes:
        return convert(tiny.tone(name, 400).tobytes(), 16_000, 24_000)

    async with serving(stt=recognizer) as server, server.connect() as client:
        await client.update(audio=READS)
        await say(client, silence(320) + word("hello") + word("big") + word("wide"))
        while "hello" not in text_of(client):
            await client.next()
        assert COMMITTED not in client.kinds()
        await say(client, word("world") + silence(700))
        completed = await client.until(COMPLETED)
        await client.until("response.done")
    assert completed["transcript"] == text_of(client) == "hello big wide world"
