"""`POST /v1/audio/transcriptions`, asked by OpenAI's own client."""

import asyncio
import io
from collections.abc import Callable
from typing import Any

import aiohttp
import numpy as np
import pytest
from openai import APIError, APIStatusError, AuthenticationError, BadRequestError, NotFoundError
from openai.types.audio import Transcription, TranscriptionVerbose

from support.rest import openai_client, told, wav_file
from support.server import LiveServer, serving, serving_models
from support.sound import silence, tone, utterance
from support.telltale_engines import FingerprintRecognizer, Idle, StuckRecognizer, fingerprint
from vivavoce.engines.base import EngineError, Hint, SpeechRecognizer, TokenLogprob, Transcript
from vivavoce.engines.llm.scripted import ScriptedModel
from vivavoce.engines.stt.openai_compatible import OpenAICompatibleRecognizer
from vivavoce.engines.stt.scripted import ScriptedRecognizer
from vivavoce.engines.tts.scripted import ScriptedSynthesizer
from vivavoce.engines.vad.scripted import ScriptedDetector
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.runtime.catalogue import Catalogue, Engines, ModelPlan, given
from vivavoce.transports.rest.bodies import MAX_FILE_BYTES

SPEECH = wav_file(utterance(500))
TWO_SENTENCES = silence(1000) + tone(640) + silence(1500) + tone(960) + silence(1000)


class AbleRecognizer(Idle):
    """Takes all that can be asked of a recogniser, and says what it was told."""

    sample_rate = 16_000
    abilities = HearingAbilities(languages=True, keywords=True, logprobs=True)

    def __init__(self) -> None:
        self.hints: list[Hint] = []

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        self.hints.append(hint)
        logprobs = (TokenLogprob("Good", -0.1), TokenLogprob(" day", -0.3))
        return Transcript(
            text="Good day", language="en", logprobs=logprobs if hint.logprobs else ()
        )


class BrokenRecognizer(Idle):
    """Says a word, if it may, and fails with `failure`."""

    sample_rate = 24_000

    def __init__(self, failure: Exception, word: str = "") -> None:
        self._failure = failure
        self._word = word

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        if self._word:
            on_delta(self._word)
        raise self._failure


async def test_the_engine_hears_the_uploaded_samples() -> None:
    async with (
        serving(stt=FingerprintRecognizer()) as server,
        openai_client(server) as client,
    ):
        heard = await client.audio.transcriptions.create(file=SPEECH, model="any")
        Transcription.model_validate(heard.model_dump())
        assert heard.text == fingerprint(utterance(500))
        assert heard.usage is not None
        assert heard.usage.model_dump() == {"type": "duration", "seconds": 2}


async def test_each_format_shows_the_same_words() -> None:
    async with (
        serving(stt=ScriptedRecognizer("Hi <you> & me.")) as server,
        openai_client(server) as client,
    ):
        ask: Any = client.audio.transcriptions.create
        text = await ask(file=SPEECH, model="any", response_format="text")
        assert text == "Hi <you> & me.\n"
        srt = await ask(file=SPEECH, model="any", response_format="srt")
        assert srt == "1\n00:00:00,096 --> 00:00:01,056\nHi <you> & me.\n"
        vtt = await ask(file=SPEECH, model="any", response_format="vtt")
        assert vtt == ("WEBVTT\n\n00:00:00.096 --> 00:00:01.056\nHi &lt;you&gt; &amp; me.\n")


async def test_segments_are_where_somebody_speaks() -> None:
    stt = ScriptedRecognizer(["First.", "Second."])
    async with serving(stt=stt) as server, openai_client(server) as client:
        heard = await client.audio.transcriptions.create(
            file=wav_file(TWO_SENTENCES),
            model="any",
            response_format="verbose_json",
            timestamp_granularities=["segment"],
        )
        assert isinstance(heard, TranscriptionVerbose)
        assert heard.text == "First. Second."
        assert heard.duration == pytest.approx(5.1)
        assert heard.segments is not None
        spans = [(one.text, one.start, one.end) for one in heard.segments]
        (first, start, end), (second, later, last) = spans
        assert (first, second) == ("First.", "Second.")
        # Within a padding of 224 ms, and windows of 32 ms.
        assert 0.7 < start <= 1.0 < 1.64 <= end < 1.9
        assert 2.9 < later <= 3.14 < 4.1 <= last < 4.4


async def test_a_recording_without_speech_has_no_segments() -> None:
    async with serving() as server, openai_client(server) as client:
        quiet = wav_file(silence(3000))
        heard = await client.audio.transcriptions.create(
            file=quiet, model="any", response_format="verbose_json"
        )
        assert (heard.text, heard.segments) == ("", [])
        with_captions: Any = await client.audio.transcriptions.create(
            file=quiet, model="any", response_format="vtt"
        )
        assert with_captions == "WEBVTT\n"


async def test_a_long_recording_is_recognised_in_parts() -> None:
    stt = ScriptedRecognizer("Part {number}.")
    sentence = tone(4000) + silence(1000)
    async with serving(stt=stt) as server, openai_client(server) as client:
        heard = await client.audio.transcriptions.create(file=wav_file(sentence * 7), model="any")
        assert heard.text == "Part 1. Part 2. Part 3. Part 4. Part 5. Part 6. Part 7."


async def test_a_stream_tells_words_as_they_are_known() -> None:
    stt = ScriptedRecognizer("Well, this comes word by word.", deltas=True)
    async with serving(stt=stt) as server, openai_client(server) as client:
        stream = await client.audio.transcriptions.create(file=SPEECH, model="any", stream=True)
        events = [event async for event in stream]
        deltas = [event.delta for event in events if event.type == "transcript.text.delta"]
        assert "".join(deltas) == "Well, this comes word by word."
        assert [event.type for event in events[-1:]] == ["transcript.text.done"]
        assert events[-1].type == "transcript.text.done"
        assert events[-1].text == "Well, this comes word by word."


async def test_a_stream_joins_the_parts_of_a_long_recording() -> None:
    stt = ScriptedRecognizer([" Part one. ", "第二。", "第三。"], deltas=True)
    recording = (tone(9000) + silence(1000)) * 3 + silence(1000)
    async with serving(stt=stt) as server, openai_client(server) as client:
        stream = await client.audio.transcriptions.create(
            file=wav_file(recording), model="any", stream=True
        )
        events = [event async for event in stream]
        deltas = [event.delta for event in events if event.type == "transcript.text.delta"]
        assert "".join(deltas) == "Part one.第二。第三。"
        assert events[-1].type == "transcript.text.done"
        assert events[-1].text == "".join(deltas)


async def test_what_a_client_says_about_the_speech_reaches_the_engine() -> None:
    stt = AbleRecognizer()
    async with serving(stt=stt) as server, openai_client(server) as client:
        heard = await client.audio.transcriptions.create(
            file=SPEECH,
            model="any",
            languages=["en", "de"],
            keywords=["Vivavoce"],
            prompt="A greeting.",
            temperature=0.5,
            include=["logprobs"],
        )
        assert heard.logprobs is not None
        assert [(one.token, one.logprob) for one in heard.logprobs] == [
            ("Good", -0.1),
            (" day", -0.3),
        ]
        await client.audio.transcriptions.create(file=SPEECH, model="any", language="de")
    assert stt.hints == [
        Hint(
            languages=("en", "de"),
            keywords=("Vivavoce",),
            prompt="A greeting.",
            temperature=0.5,
            logprobs=True,
        ),
        Hint(language="de"),
    ]


async def test_a_stream_ends_with_log_probabilities_where_they_were_asked_for() -> None:
    async with serving(stt=AbleRecognizer()) as server, openai_client(server) as client:
        stream = await client.audio.transcriptions.create(
            file=SPEECH, model="any", stream=True, include=["logprobs"]
        )
        last = [event async for event in stream][-1]
        assert last.type == "transcript.text.done"
        assert last.logprobs is not None
        assert [one.logprob for one in last.logprobs] == [-0.1, -0.3]


@pytest.mark.parametrize(
    ("fields", "param", "says"),
    [
        ({"include": ["logprobs"]}, "include", "does not have it"),
        ({"keywords": ["x"]}, "keywords", "does not have it"),
        ({"languages": ["en"]}, "languages", "does not have it"),
        ({"language": "English, please"}, "language", "language"),
        ({"temperature": 1.5}, "temperature", "1"),
        ({"response_format": "ssa"}, "response_format", "'srt'"),
        ({"response_format": "diarized_json"}, "response_format", "Speakers"),
        (
            {"response_format": "verbose_json", "timestamp_granularities": ["word"]},
            "timestamp_granularities",
            "each word",
        ),
        ({"timestamp_granularities": ["segment"]}, "timestamp_granularities", "verbose_json"),
        ({"response_format": "srt", "stream": True}, "stream", "'json'"),
        ({"chunking_strategy": {"type": "server_vad"}}, "chunking_strategy[type]", "parameter"),
        ({"known_speaker_names": ["Ann"]}, "known_speaker_names", "Speakers"),
        ({"extra_body": {"best_of": 3}}, "best_of", "Unknown parameter"),
    ],
)
async def test_what_cannot_be_had_is_refused_with_the_reason(
    fields: dict[str, Any], param: str, says: str
) -> None:
    async with serving() as server, openai_client(server) as client:
        ask: Any = client.audio.transcriptions.create
        with pytest.raises(BadRequestError) as refused:
            await ask(file=SPEECH, model="any", **fields)
        error = told(refused.value)
        assert (error["type"], error["param"]) == ("invalid_request_error", param)
        assert says in error["message"]


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (b"", "invalid_file"),
        (b"GIF89a, and no sound at all", "unsupported_file"),
        (wav_file(b"")[1], "audio_too_short"),
        (wav_file(silence(99))[1], "audio_too_short"),
    ],
)
async def test_a_file_without_sound_is_refused(file: bytes, code: str) -> None:
    async with serving() as server, openai_client(server) as client:
        with pytest.raises(BadRequestError) as refused:
            await client.audio.transcriptions.create(file=("speech.wav", file), model="any")
        assert told(refused.value)["code"] == code
        assert told(refused.value)["param"] == "file"


@pytest.mark.parametrize("kind", ["FLAC", "MP3", "OGG", "WAV"])
async def test_other_sound_files_are_read(kind: str) -> None:
    import soundfile

    written = io.BytesIO()
    samples = np.frombuffer(utterance(1000), "<i2").astype(np.float32) / 32768
    stereo = np.stack([samples, samples], axis=1)
    subtype = "FLOAT" if kind == "WAV" else None
    soundfile.write(written, stereo, 24_000, format=kind, subtype=subtype)
    async with serving() as server, openai_client(server) as client:
        heard = await client.audio.transcriptions.create(
            file=(f"speech.{kind.lower()}", written.getvalue()), model="any"
        )
        ms = int(heard.text.split()[0])
        assert ms == pytest.approx(1960, abs=60)


async def test_a_file_beyond_the_limit_is_refused_before_it_is_read_whole() -> None:
    async with serving() as server, openai_client(server) as client:
        with pytest.raises(APIStatusError) as refused:
            await client.audio.transcriptions.create(
                file=("speech.wav", bytes(MAX_FILE_BYTES + 1)), model="any"
            )
        assert refused.value.status_code == 413
        assert "25 MiB" in told(refused.value)["message"]


async def post(server: LiveServer, **request: Any) -> tuple[int, dict[str, Any]]:
    """Post by hand; gives the status and the error."""
    url = f"{server.url}/audio/transcriptions"
    async with server.http.post(url, **request) as answer:
        return answer.status, (await answer.json())["error"]


async def test_a_body_that_is_no_form_with_a_file_is_refused() -> None:
    async with serving() as server:
        status, error = await post(server, json={"model": "any"})
        assert (status, error["code"]) == (400, "invalid_content_type")
        form = aiohttp.FormData({"model": "any"}, default_to_multipart=True)
        status, error = await post(server, data=form)
        assert (status, error["param"]) == (400, "file")
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        for body in (b"no boundary here", b"--b\r\nno header\r\n\r\nx\r\n--b--\r\n", b"--b"):
            status, error = await post(server, data=body, headers=headers)
            assert status == 400
            assert error["code"] in ("invalid_form", "missing_required_parameter")


def with_recognizer(engine: SpeechRecognizer) -> Catalogue:
    """A pipeline that nobody asks for, and a model that only hears, in Dutch."""
    ref = given("stt", engine)
    hears = ModelPlan(name="ears", engines={"stt": ref}, limits={"language": "nl"})
    others = Engines(ScriptedDetector(), ref.make(), ScriptedModel(), ScriptedSynthesizer())
    voice = ModelPlan(name="voice", engines={"tts": given("tts", others.tts)})
    (pipeline,) = others.catalogue().plans.values()
    plans = {plan.name: plan for plan in (pipeline, hears, voice)}
    return Catalogue(plans=plans, aliases={"whisper-1": "ears"})


async def test_the_name_decides_which_engine_hears() -> None:
    stt = AbleRecognizer()
    async with serving_models(with_recognizer(stt)) as server, openai_client(server) as client:
        ask = client.audio.transcriptions.create
        assert (await ask(file=SPEECH, model="whisper-1")).text == "Good day"
        assert stt.hints == [Hint(language="nl")]
        # The detector of the pipeline finds the speech for a model without one.
        timed = await ask(file=SPEECH, model="ears", response_format="verbose_json")
        assert timed.segments is not None
        assert [(one.start, one.end) for one in timed.segments] == [(0.096, 1.056)]
        assert timed.language == "en"


async def test_a_name_without_a_model_is_not_found() -> None:
    catalogue = with_recognizer(AbleRecognizer())
    async with serving_models(catalogue) as server, openai_client(server) as client:
        with pytest.raises(NotFoundError) as unknown:
            await client.audio.transcriptions.create(file=SPEECH, model="nobody")
        error = told(unknown.value)
        assert (error["code"], error["param"]) == ("model_not_found", "model")
        assert "'whisper-1'" in error["message"]


async def test_a_model_that_does_not_hear_is_refused() -> None:
    catalogue = with_recognizer(AbleRecognizer())
    async with serving_models(catalogue) as server, openai_client(server) as client:
        with pytest.raises(BadRequestError) as refused:
            await client.audio.transcriptions.create(file=SPEECH, model="voice")
        assert told(refused.value)["code"] == "invalid_model"
        assert "speech recognition" in told(refused.value)["message"]


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (EngineError("out of memory"), 500, "engine_error"),
        (EngineError("too slow", code="timeout"), 504, "timeout"),
        (EngineError("no route", code="connection_failed"), 502, "connection_failed"),
        (EngineError("busy", code="rate_limit_exceeded"), 503, "rate_limit_exceeded"),
        (RuntimeError("secret/path.py, line 3"), 500, "engine_error"),
    ],
)
async def test_an_engine_that_fails_is_told_of(failure: Exception, status: int, code: str) -> None:
    async with serving(stt=BrokenRecognizer(failure)) as server, openai_client(server) as client:
        for stream in (False, True):
            with pytest.raises(APIStatusError) as failed:
                await client.audio.transcriptions.create(file=SPEECH, model="any", stream=stream)
            assert failed.value.status_code == status
            error = told(failed.value)
            assert (error["type"], error["code"]) == ("server_error", code)
            assert "path.py" not in error["message"]


async def test_a_stream_that_breaks_off_says_why() -> None:
    stt = BrokenRecognizer(EngineError("out of memory"), "Well,")
    async with serving(stt=stt) as server, openai_client(server) as client:
        stream = await client.audio.transcriptions.create(file=SPEECH, model="any", stream=True)
        assert (await anext(stream)).type == "transcript.text.delta"
        with pytest.raises(APIError, match="out of memory"):
            await anext(stream)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_goes_away_stops_the_engine(stream: bool) -> None:
    stt = StuckRecognizer()
    async with serving(stt=stt) as server:
        form = aiohttp.FormData({"model": "any", "stream": str(stream).lower()})
        form.add_field("file", SPEECH[1], filename="speech.wav")
        url = f"{server.url}/audio/transcriptions"
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(ask_in_vain(server.http.post(url, data=form)))
            await stt.begun.wait()
            asking.cancel()
        await stt.stopped.wait()


async def ask_in_vain(request: Any) -> None:
    """Wait for an answer, or for the rest of one."""
    async with request:
        await asyncio.Event().wait()


async def test_a_key_is_needed_where_there_are_keys() -> None:
    async with serving(api_keys=["sk-1"]) as server:
        async with openai_client(server, "sk-2") as client:
            with pytest.raises(AuthenticationError):
                await client.audio.transcriptions.create(file=SPEECH, model="any")
        async with openai_client(server, "sk-1") as client:
            assert (await client.audio.transcriptions.create(file=SPEECH, model="any")).text


async def test_a_page_that_is_not_allowed_is_refused() -> None:
    async with serving() as server:
        headers = {"Origin": "https://evil.example"}
        status, error = await post(server, data={"model": "any"}, headers=headers)
        assert (status, error["code"]) == (403, "origin_not_allowed")


async def test_translations_are_refused_with_the_reason() -> None:
    async with serving() as server:
        url = f"{server.url}/audio/translations"
        async with server.http.post(url, data={"model": "any"}) as answer:
            assert answer.status == 400
            error = (await answer.json())["error"]
        assert error["code"] == "unsupported_endpoint"
        assert "/v1/audio/transcriptions" in error["message"]


@pytest.mark.parametrize("response_format", ["json", "verbose_json"])
async def test_our_own_adapter_understands_the_answers(response_format: str) -> None:
    stt = ScriptedRecognizer(["What a day.", "Really."], deltas=True)
    async with serving(stt=stt) as server:
        adapter = OpenAICompatibleRecognizer(server.url, "any", response_format=response_format)
        deltas: list[str] = []
        try:
            pcm = np.frombuffer(utterance(800), "<i2")[::3].repeat(2).tobytes()  # about 16 kHz
            heard = await adapter.recognize(pcm, Hint(language="en"), deltas.append)
        finally:
            await adapter.close()
        assert heard.text == "What a day."
        assert "".join(deltas) == "What a day."
