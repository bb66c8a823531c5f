"""An engine that fails ends its transcription or its response, and nothing more."""

import asyncio

import pytest

from support.server import PATIENCE_S, Client, Event, serving
from support.sound import silence, tone, utterance
from support.telltale_engines import (
    FailingDetector,
    FailingRecognizer,
    FailingVoice,
    ReluctantModel,
)
from vivavoce.engines.base import EngineError, LanguageModel
from vivavoce.engines.tts.scripted import ScriptedSynthesizer
from vivavoce.protocol.voices import Voices

COMPLETED = "conversation.item.input_audio_transcription.completed"
FAILED = "conversation.item.input_audio_transcription.failed"

FAILURES = [
    (EngineError("out of memory", code="memory"), "memory", "out of memory"),
    (ValueError("a bug"), "engine_error", "ValueError: a bug"),
]

TRANSCRIBED = {"input": {"transcription": {"model": "x"}}}


async def answer(client: Client) -> Event:
    """Ask for a response; gives it as it ended."""
    await client.send("response.create")
    response: Event = (await client.until("response.done"))["response"]
    return response


@pytest.mark.parametrize(("failure", "code", "message"), FAILURES)
async def test_a_recogniser_that_fails(failure: Exception, code: str, message: str) -> None:
    recognizer = FailingRecognizer(failure)
    async with serving(stt=recognizer, speculate="off") as server, server.connect() as client:
        await client.update(audio=TRANSCRIBED, output_modalities=["text"])
        await client.append(utterance())
        error = (await client.until(FAILED))["error"]
        assert (error["code"], error["message"]) == (code, message)
        assert (await client.until("response.output_text.done"))["text"] == "Pardon?"
        assert (await client.until("response.done"))["response"]["status"] == "completed"
        await client.append(utterance())
        heard = (await client.until(COMPLETED))["transcript"]
        said = (await client.until("response.output_text.done"))["text"]
        assert said == f"I heard: {heard}."


async def test_a_recogniser_that_fails_in_a_transcription_session() -> None:
    recognizer = FailingRecognizer(EngineError("out of memory"))
    async with (
        serving(stt=recognizer, speculate="off") as server,
        server.connect("intent=transcription") as client,
    ):
        await client.update("transcription", audio={"input": {"transcription": {}}})
        await client.append(utterance())
        await client.until(FAILED)
        await client.append(utterance())
        assert (await client.until(COMPLETED))["transcript"]


@pytest.mark.parametrize(("failure", "code", "message"), FAILURES)
async def test_a_voice_that_fails(failure: Exception, code: str, message: str) -> None:
    async with serving(tts=FailingVoice(failure)) as server, server.connect() as client:
        failed = await answer(client)
        assert failed["status"] == "failed"
        error = failed["status_details"]["error"]
        assert (error["code"], error["message"]) == (code, message)
        assert (await answer(client))["status"] == "completed"


class Choir(ScriptedSynthesizer):
    voices = Voices(names=("anna", "bert"))


async def test_a_voice_that_the_synthesiser_does_not_have() -> None:
    async with serving(tts=Choir()) as server, server.connect() as client:
        await client.send(
            "session.update",
            session={"type": "realtime", "audio": {"output": {"voice": "cleo"}}},
        )
        error = await client.error()
        assert (error["code"], error["param"]) == ("invalid_value", "session.audio.output.voice")
        assert error["message"].endswith("'anna' and 'bert'.")
        await client.update(audio={"output": {"voice": "bert"}})
        assert (await answer(client))["status"] == "completed"


async def test_a_model_that_fails_in_the_middle() -> None:
    replies = """
    rules:
      - when: fail
        say: I was about to
        fail: {code: server_error, message: The model ran out of memory.}
      - say: Fine.
    """
    async with serving(replies=replies) as server, server.connect() as client:
        await client.update(output_modalities=["text"])
        await client.say("fail")
        failed = await answer(client)
        assert failed["status"] == "failed"
        assert failed["status_details"]["error"]["message"] == "The model ran out of memory."
        (item,) = failed["output"]
        assert (item["status"], item["content"][0]["text"]) == ("incomplete", "I was about to")
        await client.say("go on")
        assert (await answer(client))["output"][0]["content"][0]["text"] == "Fine."


async def test_a_detector_that_fails_leaves_manual_turns() -> None:
    detector = FailingDetector()
    async with serving(vad=detector) as server, server.connect() as client:
        await client.append(tone(500))
        error = await client.error()
        assert (error["type"], error["code"]) == ("server_error", "engine_error")
        assert "the model is gone" in error["message"]
        assert await asyncio.to_thread(detector.none_open.wait, PATIENCE_S)
        await client.append(silence(500))
        await client.send("input_audio_buffer.commit")
        await client.until("conversation.item.done")
        assert (await answer(client))["status"] == "completed"
        assert client.kinds().count("error") == 1


@pytest.mark.parametrize("failure", [EngineError("no such file"), OSError("no such file")])
async def test_a_model_that_cannot_be_loaded_is_tried_again(
    failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    # The first attempt is the server's own, at its start.
    model: LanguageModel = ReluctantModel(2, failure)
    async with serving(llm=model) as server:
        async with server.connect(greeted=False) as client:
            error = await client.error()
            assert (error["type"], error["code"]) == ("server_error", "model_load_error")
            assert "no such file" not in error["message"]  # it may be a path of the server
            closed = await client.until_closed()
            assert (closed.code, closed.reason) == (4000, "server_error.model_load_error")
            assert "no such file" in caplog.text
        async with server.connect() as client:
            assert (await answer(client))["status"] == "completed"
