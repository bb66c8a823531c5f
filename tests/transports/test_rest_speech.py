"""`POST /v1/audio/speech`, asked by OpenAI's own client."""

import base64
import dataclasses
import io
import json
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import pytest
from openai import APIStatusError, BadRequestError

from support.rest import openai_client, told
from support.server import LiveServer, serving, serving_models
from support.telltale_engines import FailingVoice, Idle, StuckVoice
from vivavoce.audio.sound_files import read_sound
from vivavoce.audio.wav import read_wav
from vivavoce.engines.base import EngineError, SpeechChunk, Voice
from vivavoce.engines.llm.scripted import ScriptedModel
from vivavoce.engines.stt.scripted import ScriptedRecognizer
from vivavoce.engines.tts.openai_compatible import OpenAICompatibleSynthesizer
from vivavoce.engines.tts.scripted import ScriptedSynthesizer
from vivavoce.engines.vad.scripted import ScriptedDetector
from vivavoce.protocol.voices import Voices
from vivavoce.runtime.catalogue import Catalogue, Engines

TEXT = "Good morning. This is a longer sentence, which is spoken by itself."


async def hummed(*clauses: str, voice: str = "alloy", speed: float = 1.0) -> bytes:
    """What the scripted voice makes of these clauses."""
    pcm = b""
    for clause in clauses:
        spoken = ScriptedSynthesizer().synthesize(clause, Voice(name=voice, speed=speed))
        pcm += b"".join([chunk.audio async for chunk in spoken])
    return pcm


class NotingVoice(Idle):
    """Notes what it is to say; two samples for each text, at 16 kHz."""

    sample_rate = 16_000
    voices = Voices(names=("anna", "ben"))

    def __init__(self) -> None:
        self.said: list[tuple[str, Voice]] = []

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk, None]:
        self.said.append((text, voice))
        yield SpeechChunk(bytes(16_000 * 2))


class CrackingVoice(Idle):
    """Speaks for a tenth of a second, and fails."""

    sample_rate = 24_000

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk, None]:
        yield SpeechChunk(bytes(4800))
        raise EngineError("lost its voice")


async def speak(server: LiveServer, **body: Any) -> tuple[bytes, str]:
    """Speak by hand; gives the file and its type."""
    request = {"model": "any", "input": TEXT, **body}
    async with server.http.post(f"{server.url}/audio/speech", json=request) as answer:
        content = await answer.read()
        assert answer.status == 200, content
        return content, answer.content_type


async def test_text_is_spoken_clause_by_clause() -> None:
    async with (
        serving() as server,
        openai_client(server) as client,
        client.audio.speech.with_streaming_response.create(
            model="any", input=TEXT, voice="marin", speed=2.0, response_format="pcm"
        ) as answer,
    ):
        assert answer.headers["content-type"] == "audio/pcm"
        spoken = b"".join([piece async for piece in answer.iter_bytes()])
    clauses = ("Good morning. ", "This is a longer sentence, which is spoken by itself.")
    assert spoken == await hummed(*clauses, voice="marin", speed=2.0)


async def test_a_wav_file_has_the_same_samples() -> None:
    async with serving() as server:
        wav, kind = await speak(server, response_format="wav")
        pcm, _ = await speak(server, response_format="pcm")
    assert kind == "audio/wav"
    assert read_wav(wav) == (pcm, 24_000)


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("mp3", "audio/mpeg"), ("opus", "audio/ogg"), ("flac", "audio/flac"), ("", "audio/mpeg")],
)
async def test_compressed_files_play_for_as_long(name: str, media_type: str) -> None:
    import soundfile

    async with serving() as server:
        asked = {"response_format": name} if name else {}
        file, kind = await speak(server, **asked)
        pcm, _ = await speak(server, response_format="pcm")
    assert kind == media_type
    played = read_sound(file, max_seconds=60)
    assert len(played) / 48_000 == pytest.approx(len(pcm) / 48_000, abs=0.1)
    if name == "flac":
        assert played == pcm
    else:
        samples, rate = soundfile.read(io.BytesIO(file))
        assert len(samples) / rate == pytest.approx(len(pcm) / 48_000, abs=0.1)


async def test_events_hold_the_file_and_what_it_cost() -> None:
    async with serving() as server:
        content, kind = await speak(server, response_format="pcm", stream_format="sse")
        pcm, _ = await speak(server, response_format="pcm")
    assert kind == "text/event-stream"
    events = [json.loads(line[6:]) for line in content.decode().splitlines() if line]
    *deltas, done = events
    assert {event["type"] for event in deltas} == {"speech.audio.delta"}
    assert b"".join(base64.b64decode(event["audio"]) for event in deltas) == pcm
    assert done["type"] == "speech.audio.done"
    said = len(pcm) // 48 // 50
    assert done["usage"]["output_tokens"] == said
    assert done["usage"]["total_tokens"] == said + done["usage"]["input_tokens"]


async def test_marks_of_writing_are_not_read_aloud() -> None:
    tts = NotingVoice()
    async with serving(tts=tts) as server:
        pcm, _ = await speak(
            server,
            input="# Hello\n\nThis is **fine** 🎉.\n```\ncode()\n```\n---\n",
            voice={"id": "ben"},
            response_format="pcm",
        )
    assert " ".join(" ".join(text.split()) for text, _ in tts.said) == "Hello This is fine."
    assert {voice.name for _, voice in tts.said} == {"ben"}
    assert len(pcm) == len(tts.said) * 48_000, "a second each, now at 24 kHz"


async def test_what_a_model_says_of_its_voice_counts_where_a_request_says_nothing() -> None:
    tts = NotingVoice()
    engines = Engines(ScriptedDetector(), ScriptedRecognizer(), ScriptedModel(), tts)
    (plan,) = engines.catalogue().plans.values()
    german = dataclasses.replace(
        plan,
        name="german",
        defaults={"audio": {"output": {"voice": "ben"}}},
        limits={"language": "de"},
    )
    catalogue = Catalogue(plans={"german": german}, aliases={"tts-1": "german"})
    async with serving_models(catalogue) as server:
        await speak(server, model="tts-1", input="Guten Tag.", response_format="pcm")
        await speak(server, model="tts-1", input="Hi.", voice="anna", response_format="pcm")
    assert [voice for _, voice in tts.said] == [
        Voice(name="ben", language="de"),
        Voice(name="anna", language="de"),
    ]


@pytest.mark.parametrize(
    ("fields", "param", "says"),
    [
        ({"input": ""}, "input", "nothing to say"),
        ({"input": "🎉 ---"}, "input", "nothing to say"),
        ({"input": "x" * 65_537}, "input", "65536"),
        ({"voice": "carla"}, "voice", "'anna'"),
        ({"speed": 5}, "speed", "4"),
        ({"response_format": "aac"}, "response_format", "'mp3'"),
        ({"stream_format": "video"}, "stream_format", "'sse'"),
        ({"model": ""}, "model", "model"),
    ],
)
async def test_what_cannot_be_spoken_is_refused(
    fields: dict[str, Any], param: str, says: str
) -> None:
    async with serving(tts=NotingVoice()) as server, openai_client(server) as client:
        asked: Any = {"model": "any", "input": TEXT, "voice": "anna", **fields}
        with pytest.raises(BadRequestError) as refused:
            await client.audio.speech.create(**asked)
        error = told(refused.value)
        assert error["param"] == param
        assert says in error["message"]


@pytest.mark.parametrize("stream_format", ["audio", "sse"])
async def test_a_voice_that_fails_at_once_is_told_of(stream_format: Any) -> None:
    failure = EngineError("no such device", code="device_missing")
    async with serving(tts=FailingVoice(failure)) as server, openai_client(server) as client:
        with pytest.raises(APIStatusError) as failed:
            await client.audio.speech.create(
                model="any", input=TEXT, voice="alloy", stream_format=stream_format
            )
        assert failed.value.status_code == 500
        assert told(failed.value)["code"] == "device_missing"


async def test_a_file_that_breaks_off_is_not_taken_for_whole() -> None:
    async with serving(tts=CrackingVoice()) as server:
        with pytest.raises(aiohttp.ClientError):
            await speak(server, response_format="pcm")


async def test_events_that_break_off_say_why() -> None:
    async with serving(tts=CrackingVoice()) as server:
        content, _ = await speak(server, response_format="pcm", stream_format="sse")
    last = json.loads(content.decode().strip().splitlines()[-1].removeprefix("data: "))
    assert last["error"]["message"] == "lost its voice"
    assert last["error"]["type"] == "server_error"


async def test_a_client_that_goes_away_stops_the_voice() -> None:
    tts = StuckVoice()
    async with serving(tts=tts) as server:
        request = {"model": "any", "input": TEXT, "response_format": "pcm"}
        async with server.http.post(f"{server.url}/audio/speech", json=request) as answer:
            await answer.content.readexactly(4800)
            assert not tts.stopped.is_set()
        await tts.stopped.wait()


async def test_our_own_adapter_hears_the_voice() -> None:
    async with serving() as server:
        adapter = OpenAICompatibleSynthesizer(server.url, "any")
        try:
            chunks = [chunk.audio async for chunk in adapter.synthesize(TEXT, Voice(name="sage"))]
        finally:
            await adapter.close()
        expected, _ = await speak(server, voice="sage", response_format="pcm")
        assert b"".join(chunks) == expected


async def test_our_own_adapter_is_told_of_a_failure() -> None:
    failure = EngineError("no such device")
    async with serving(tts=FailingVoice(failure)) as server:
        adapter = OpenAICompatibleSynthesizer(server.url, "any")
        try:
            with pytest.raises(EngineError, match="no such device"):
                _ = [chunk async for chunk in adapter.synthesize(TEXT, Voice())]
        finally:
            await adapter.close()
