"""A spoken conversation behind a real socket in which every slot is filled by a neighbour."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from support.localai_backend import Behaviour, LocalAIBackend, falls_silent, running_backend
from support.neighbours import answers, running_detector, running_wyoming_neighbour
from support.server import LiveServer, serving
from support.sound import silence, tone, utterance
from vivavoce.engines.llm.localai import LocalAIModel
from vivavoce.engines.stt.wyoming import WyomingRecognizer
from vivavoce.engines.tts.wyoming import WyomingSynthesizer
from vivavoce.engines.vad.localai import LocalAIDetector

COMPLETED = "conversation.item.input_audio_transcription.completed"
READS = {"input": {"transcription": {"model": "any"}}}


async def with_neighbours(
    stack: AsyncExitStack, behaviour: Behaviour
) -> tuple[LiveServer, LocalAIBackend]:
    """A server, and the backend that answers in it."""
    detector = stack.enter_context(running_detector())
    uri = await stack.enter_async_context(running_wyoming_neighbour())
    backend = await stack.enter_async_context(running_backend(PredictStream=behaviour))
    server = await stack.enter_async_context(
        serving(
            vad=LocalAIDetector(detector),
            stt=WyomingRecognizer(uri),
            llm=LocalAIModel(backend.address),
            tts=WyomingSynthesizer(uri),
        )
    )
    return server, backend


async def test_a_turn_is_heard_answered_and_spoken() -> None:
    async with AsyncExitStack() as stack:
        server, _ = await with_neighbours(stack, answers)
        client = await stack.enter_async_context(server.connect())
        await client.update(audio=READS)
        await client.append(utterance())
        heard = (await client.until(COMPLETED))["transcript"]
        done = (await client.until("response.done"))["response"]
    assert heard.startswith("I heard ")
    [part] = done["output"][0]["content"]
    assert (done["status"], part["transcript"].strip()) == ("completed", f"You said: {heard}")
    assert client.of("response.output_audio.delta")


async def test_a_barge_in_stops_the_generation_in_the_backend() -> None:
    async with AsyncExitStack() as stack:
        begun = falls_silent("Reply", {"message": b"Once upon a time, ", "tokens": 5})
        server, backend = await with_neighbours(stack, begun)
        client = await stack.enter_async_context(server.connect())
        await client.append(utterance())
        await client.until("response.created")
        backend.left.clear()
        await client.append(silence(320) + tone(700))
        done = (await client.until("response.done"))["response"]
        assert (done["status"], done["status_details"]["reason"]) == ("cancelled", "turn_detected")
        async with asyncio.timeout(10):
            await backend.left.wait()


@pytest.mark.parametrize("slot", ["stt", "tts"])
async def test_a_service_that_goes_away_fails_only_what_needs_it(slot: str) -> None:
    async with AsyncExitStack() as stack:
        going = await stack.enter_async_context(AsyncExitStack())
        uri = await going.enter_async_context(running_wyoming_neighbour())
        kind = WyomingRecognizer if slot == "stt" else WyomingSynthesizer
        engines: dict[str, Any] = {slot: kind(uri, timeouts={"retry_pauses": []})}
        server = await stack.enter_async_context(serving(**engines))
        client = await stack.enter_async_context(server.connect())
        await client.update(audio=READS)
        await going.aclose()
        await client.append(utterance())
        if slot == "stt":
            failed = await client.until("conversation.item.input_audio_transcription.failed")
            assert failed["error"]["code"] == "connection_failed"
        done = (await client.until("response.done"))["response"]
        assert done["status"] == ("completed" if slot == "stt" else "failed")
