"""Models that hear and speak, on servers of chat completions with audio, each in its own way."""

import asyncio
import base64
import io
import wave
from contextlib import aclosing
from typing import Any

import msgspec
import numpy as np
import pytest

from support.chat_server import (
    DONE,
    Behaviour,
    ChatServer,
    answers,
    breaks_off,
    chunk,
    event,
    hangs,
    refuses,
    running_chat_server,
)
from vivavoce.audio.wav import wav_bytes
from vivavoce.engines.base import (
    AudioDelta,
    EngineError,
    Generated,
    ModelOutput,
    TextDelta,
    ToolCallDelta,
    speech_abilities_of,
)
from vivavoce.engines.llm.chat_client import Timeouts
from vivavoce.engines.llm.openai_compatible import OpenAICompatibleModel
from vivavoce.engines.llm.speech_chat import SpeechChatModel
from vivavoce.protocol.prompt import AudioClip, FunctionTool, Message, Prompt

TONE = (8000 * np.sin(np.arange(24_000) / 20)).astype("<i2").tobytes()
"""A second at 24 kHz."""
SPEECH = AudioClip(item_id="item_1", start=0, end=24_000, pcm=TONE)
SPOKEN = Prompt(messages=(Message(role="user", speech=(SPEECH,)),), voice="marin")
WRITTEN = Prompt(messages=SPOKEN.messages)
QUICK = Timeouts(retry_pauses=(0.0,), first_token=0.2, between_tokens=0.2)


def base64_of(sound: bytes) -> str:
    return base64.b64encode(sound).decode()


def speaks(data: bytes = b"", transcript: str | None = None) -> bytes:
    """A chunk as OpenAI writes it."""
    fields = {"data": base64_of(data)} if data else {}
    return chunk(audio=fields | ({"transcript": transcript} if transcript else {}))


def omni(content: str, modality: str) -> bytes:
    """A chunk as vLLM-Omni writes it."""
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": None}
    return event({"object": "chat.completion.chunk", "choices": [choice], "modality": modality})


END = (chunk(finish="stop"), DONE)


def a_model(server: ChatServer, **options: Any) -> SpeechChatModel:
    return SpeechChatModel(server.base_url, "omni", timeouts=QUICK, **options)


async def all_of(model: OpenAICompatibleModel, prompt: Prompt = SPOKEN) -> list[ModelOutput]:
    try:
        async with aclosing(model.generate(prompt)) as outputs:
            return [output async for output in outputs]
    finally:
        await model.close()


def words(outputs: list[ModelOutput]) -> str:
    return "".join(one.transcript for one in outputs if isinstance(one, AudioDelta))


def sound(outputs: list[ModelOutput]) -> bytes:
    return b"".join(one.audio for one in outputs if isinstance(one, AudioDelta))


async def answered(*pieces: bytes, prompt: Prompt = SPOKEN) -> list[ModelOutput]:
    async with running_chat_server(answers(*pieces)) as server:
        return await all_of(a_model(server), prompt)


async def asked(prompt: Prompt, **options: Any) -> dict[str, Any]:
    """The body of the request."""
    pieces = (speaks(TONE, "Yes."), *END) if prompt.voice else (chunk(content="Yes."), *END)
    async with running_chat_server(answers(*pieces)) as server:
        await all_of(a_model(server, **options), prompt)
        return server.requests[0]


# --- what is asked -------------------------------------------------------------------------------


async def test_the_users_speech_is_sent_as_a_wav_file() -> None:
    body = await asked(SPOKEN)
    (part,) = body["messages"][0]["content"]
    assert part["type"] == "input_audio"
    assert part["input_audio"]["format"] == "wav"
    with wave.open(io.BytesIO(base64.b64decode(part["input_audio"]["data"]))) as file:
        assert (file.getframerate(), file.getnchannels()) == (24_000, 1)
        assert file.readframes(24_000) == TONE


async def test_speech_comes_behind_the_text_of_its_message() -> None:
    message = Message(role="user", text="This:", speech=(SPEECH,))
    body = await asked(msgspec.structs.replace(SPOKEN, messages=(message,)))
    assert [part["type"] for part in body["messages"][0]["content"]] == ["text", "input_audio"]


async def test_speech_and_its_words_are_asked_for() -> None:
    body = await asked(SPOKEN)
    assert body["modalities"] == ["text", "audio"]
    assert body["audio"] == {"voice": "marin", "format": "pcm16"}
    assert body["stream"] is True


async def test_a_voice_may_have_another_name_there() -> None:
    body = await asked(SPOKEN, voices={"marin": "Chelsie"}, audio_format="wav")
    assert body["audio"] == {"voice": "Chelsie", "format": "wav"}


async def test_an_answer_in_text_is_asked_for_as_text() -> None:
    body = await asked(WRITTEN)
    assert body["modalities"] == ["text"]
    assert "audio" not in body


async def test_a_model_that_only_hears_is_asked_for_nothing_special() -> None:
    body = await asked(WRITTEN, speaks=False)
    assert "modalities" not in body


async def test_what_the_operator_adds_goes_over_it() -> None:
    body = await asked(SPOKEN, extra_body={"audio": {"voice": "x", "format": "opus"}})
    assert body["audio"] == {"voice": "x", "format": "opus"}


# --- what comes back -----------------------------------------------------------------------------


async def test_openais_pcm_comes_with_its_transcript() -> None:
    outputs = await answered(
        chunk(audio={"id": "audio_1", "transcript": "Hel"}),
        speaks(TONE[:1001]),
        speaks(transcript="lo."),
        speaks(TONE[1001:]),
        chunk(audio={"expires_at": 1}),
        *END,
    )
    assert words(outputs) == "Hello."
    assert sound(outputs) == TONE
    assert isinstance(outputs[0], AudioDelta)
    assert outputs[0].transcript == "Hel"
    assert outputs[-1] == Generated()


async def test_vllm_omnis_whole_wav_files_follow_each_other() -> None:
    halves = [wav_bytes(half, 24_000) for half in (TONE[:24_000], TONE[24_000:])]
    outputs = await answered(
        omni("Hello ", "text"),
        omni(base64_of(halves[0]), "audio"),
        omni("there.", "text"),
        omni(base64_of(halves[1]), "audio"),
        *END,
    )
    assert words(outputs) == "Hello there."
    assert sound(outputs) == TONE


async def test_a_wav_file_may_come_in_pieces_with_the_words_as_content() -> None:
    file = wav_bytes(TONE, 24_000)
    outputs = await answered(
        chunk(content="Hello."), speaks(file[:30]), speaks(file[30:5000]), speaks(file[5000:]), *END
    )
    assert words(outputs) == "Hello."
    assert sound(outputs) == TONE


async def test_words_that_are_sent_twice_are_said_once() -> None:
    twice = chunk(content="Hello.", audio={"transcript": "Hello.", "data": base64_of(TONE)})
    assert words(await answered(twice, *END)) == "Hello."


async def test_sound_at_another_rate_is_resampled() -> None:
    slow = TONE[: 2 * 16_000]
    outputs = await answered(speaks(wav_bytes(slow, 16_000), "Hello."), *END)
    assert len(sound(outputs)) == pytest.approx(2 * 24_000, abs=64)


async def test_an_answer_that_was_not_streamed_is_read_whole() -> None:
    message = {
        "role": "assistant",
        "audio": {"id": "a", "data": base64_of(wav_bytes(TONE, 24_000)), "transcript": "Hello."},
    }
    body = {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 9},
    }
    text = msgspec.json.encode(body).decode()
    async with running_chat_server(refuses(200, text)) as server:
        outputs = await all_of(a_model(server))
    assert words(outputs) == "Hello."
    assert sound(outputs) == TONE
    assert outputs[-1] == Generated(input_tokens=7, output_tokens=9)


async def test_an_answer_in_text_is_read_as_text() -> None:
    assert (await answered(chunk(content="Hello."), *END, prompt=WRITTEN))[0] == TextDelta("Hello.")


async def test_a_call_comes_behind_the_speech() -> None:
    call = {"index": 0, "id": "call_1", "function": {"name": "look", "arguments": "{}"}}
    prompt = msgspec.structs.replace(SPOKEN, tools=(FunctionTool(name="look"),))
    outputs = await answered(speaks(TONE, "Wait."), chunk(tool_calls=[call]), *END, prompt=prompt)
    assert ToolCallDelta(index=0, name="look", arguments="{}", call_id="call_1") in outputs
    assert words(outputs) == "Wait."


CALL = {"index": 0, "id": "call_1", "function": {"name": "look", "arguments": "{}"}}


async def test_all_sound_at_another_rate_comes_before_the_call_behind_it() -> None:
    file = wav_bytes(TONE[: 2 * 16_000], 16_000)
    outputs = await answered(speaks(file, "Wait."), chunk(tool_calls=[CALL]), *END)
    assert isinstance(outputs[-2], ToolCallDelta)
    assert len(sound(outputs[:-2])) == pytest.approx(2 * 24_000, abs=64)


async def test_a_call_in_one_message_with_speech_comes_behind_it() -> None:
    audio = {"data": base64_of(TONE), "transcript": "Wait."}
    outputs = await answered(chunk(audio=audio, tool_calls=[CALL]), *END)
    assert isinstance(outputs[-2], ToolCallDelta)
    assert sound(outputs[:-2]) == TONE


@pytest.mark.parametrize("first", [wav_bytes(bytes(2 * 16_000), 16_000), bytes(2 * 24_000)])
async def test_each_wav_file_is_played_at_its_own_rate(first: bytes) -> None:
    second = wav_bytes(bytes(2 * 48_000), 48_000)
    outputs = await answered(speaks(first, "One."), speaks(second, "Two."), *END)
    assert len(sound(outputs)) == pytest.approx(2 * 2 * 24_000, abs=128)


async def test_a_call_alone_needs_no_sound() -> None:
    call = {"index": 0, "id": "call_1", "function": {"name": "look", "arguments": "{}"}}
    outputs = await answered(chunk(tool_calls=[call]), chunk(finish="tool_calls"), DONE)
    assert [type(output) for output in outputs] == [ToolCallDelta, Generated]


async def test_tokens_of_audio_are_told() -> None:
    usage = {
        "prompt_tokens": 50,
        "completion_tokens": 30,
        "prompt_tokens_details": {"audio_tokens": 40, "cached_tokens": 5},
        "completion_tokens_details": {"audio_tokens": 25, "text_tokens": 5},
    }
    outputs = await answered(
        speaks(TONE, "Yes."), chunk(finish="stop"), event({"choices": [], "usage": usage}), DONE
    )
    assert outputs[-1] == Generated(
        input_tokens=50,
        cached_tokens=5,
        output_tokens=30,
        input_audio_tokens=40,
        output_audio_tokens=25,
    )


# --- faults --------------------------------------------------------------------------------------


async def failure(*behaviours: Behaviour, prompt: Prompt = SPOKEN) -> EngineError:
    async with running_chat_server(*behaviours) as server:
        with pytest.raises(EngineError) as caught:
            await all_of(a_model(server), prompt)
    return caught.value


async def test_words_without_sound_are_a_failure() -> None:
    error = await failure(answers(chunk(content="I cannot speak."), *END))
    assert error.code == "invalid_response"
    assert "without any sound" in str(error)


async def test_audio_that_is_no_base64_is_a_failure() -> None:
    error = await failure(answers(chunk(audio={"data": "a"}), *END))
    assert "no base64" in str(error)


async def test_sound_of_another_kind_is_named() -> None:
    header = bytearray(wav_bytes(TONE, 24_000))
    header[20:22] = (3).to_bytes(2, "little")
    error = await failure(answers(speaks(bytes(header)), *END))
    assert "format 3" in str(error)


async def test_a_document_that_is_no_answer_is_a_failure() -> None:
    error = await failure(refuses(200, '{"status": "fine"}'))
    assert "not with a stream" in str(error)


async def test_a_server_that_breaks_off_in_mid_speech_is_not_asked_again() -> None:
    async with running_chat_server(breaks_off(speaks(TONE, "He")), answers(*END)) as server:
        with pytest.raises(EngineError):
            await all_of(a_model(server))
        assert len(server.requests) == 1


async def test_a_server_that_is_busy_is_asked_again() -> None:
    async with running_chat_server(refuses(503), answers(speaks(TONE, "Hello."), *END)) as server:
        assert words(await all_of(a_model(server))) == "Hello."


async def test_a_server_that_falls_silent_is_given_up() -> None:
    error = await failure(hangs(speaks(TONE, "He")))
    assert error.code == "timeout"


async def test_an_answer_that_nobody_wants_is_stopped_there() -> None:
    async with running_chat_server(hangs(speaks(TONE, "He"))) as server:
        model = SpeechChatModel(server.base_url, "omni")
        async with aclosing(model.generate(SPOKEN)) as outputs:
            await anext(outputs)
        await model.close()
        async with asyncio.timeout(10):
            await server.left.wait()


# --- settings ------------------------------------------------------------------------------------


def test_it_hears_and_speaks_unless_it_is_said_otherwise() -> None:
    model = SpeechChatModel("http://localhost/v1", "omni", speaks=False)
    assert (speech_abilities_of(model).hears, speech_abilities_of(model).speaks) == (True, False)


def test_speech_cannot_be_held_to_a_schema() -> None:
    with pytest.raises(EngineError, match="constrained"):
        SpeechChatModel("http://localhost/v1", "omni", tools="constrained")


def test_other_models_neither_hear_nor_speak() -> None:
    abilities = speech_abilities_of(OpenAICompatibleModel("http://localhost/v1", "plain"))
    assert (abilities.hears, abilities.speaks) == (False, False)


async def test_the_server_may_stop_speaking_for_length() -> None:
    outputs = await answered(speaks(TONE, "Well"), chunk(finish="length"), DONE)
    assert outputs[-1] == Generated(reason="length")
