"""Recognition over HTTP, against a server that fails on demand."""

import asyncio
import socket
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from support.chat_server import (
    DONE,
    Behaviour,
    answers,
    breaks_off,
    event,
    hangs,
    refuses,
    speaks_no_http,
)
from support.transcription_server import (
    TranscriptionServer,
    delta,
    document,
    done,
    running_transcription_server,
    vllm_delta,
)
from vivavoce.audio.wav import read_wav
from vivavoce.engines.base import EngineError, Hint, TokenLogprob, Transcript
from vivavoce.engines.stt.openai_compatible import OpenAICompatibleRecognizer
from vivavoce.engines.stt.transcription_client import TranscriptionTimeouts

KEY = "sk-not-to-be-seen-anywhere"
AT_ONCE = TranscriptionTimeouts(retry_pauses=(0.0, 0.0))
GOOD_DAY = document(text=" Good day.")
SPEECH = (3000 * np.sin(np.arange(16_000) * 0.1)).astype("<i2").tobytes()


@asynccontextmanager
async def using(
    base_url: str,
    *,
    model: str = "gpt-4o-transcribe",
    timeouts: TranscriptionTimeouts = AT_ONCE,
    **options: Any,
) -> AsyncIterator[OpenAICompatibleRecognizer]:
    recognizer = OpenAICompatibleRecognizer(base_url, model, timeouts=timeouts, **options)
    try:
        yield recognizer
    finally:
        await recognizer.close()


async def heard(
    *behaviours: Behaviour, hint: Hint | None = None, audio: bytes = SPEECH, **options: Any
) -> tuple[Transcript, list[str], TranscriptionServer]:
    """What a server that behaves like this makes of an utterance, and the deltas of it."""
    deltas: list[str] = []
    async with (
        running_transcription_server(*behaviours) as server,
        using(server.base_url, **options) as recognizer,
    ):
        transcript = await recognizer.recognize(audio, hint or Hint(), deltas.append)
    return transcript, deltas, server


async def failure_of(*behaviours: Behaviour, **options: Any) -> EngineError:
    """The error of one utterance at a server that behaves like this."""
    with pytest.raises(EngineError) as caught:
        await heard(*behaviours, **options)
    assert "/v1/audio/transcriptions " in str(caught.value)
    return caught.value


# --- what is asked for ---------------------------------------------------------------------------


async def test_it_uploads_the_speech_as_a_wav_file() -> None:
    transcript, deltas, server = await heard(GOOD_DAY)
    assert transcript == Transcript(text="Good day.")
    assert "".join(deltas) == "Good day."
    assert read_wav(server.files[0]) == (SPEECH, 16_000)
    assert server.forms == [
        [("model", "gpt-4o-transcribe"), ("response_format", "json"), ("stream", "true")]
    ]
    assert "Authorization" not in server.headers[0]


async def test_it_passes_on_what_the_client_and_the_operator_say() -> None:
    hint = Hint(
        language="de-AT", prompt="Ein Gespräch.", keywords=("Vivavoce", "Ada"), logprobs=True
    )
    _, _, server = await heard(
        GOOD_DAY, hint=hint, api_key=KEY, temperature=0.2, extra_body={"vad_filter": "true"}
    )
    assert server.forms[0][3:] == [
        ("language", "de"),
        ("prompt", "Vivavoce, Ada\nEin Gespräch."),
        ("temperature", "0.2"),
        ("include[]", "logprobs"),
        ("vad_filter", "true"),
    ]
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"


async def test_a_whisper_is_asked_what_it_thinks_of_its_words() -> None:
    _, _, server = await heard(GOOD_DAY, model="whisper-1")
    assert server.forms == [[("model", "whisper-1"), ("response_format", "verbose_json")]]


async def test_utterances_in_a_row_share_a_connection() -> None:
    stream = answers(delta("Yes."), done("Yes."))
    async with (
        running_transcription_server(stream, GOOD_DAY) as server,
        using(server.base_url) as recognizer,
    ):
        for _ in range(2):
            await recognizer.recognize(SPEECH, Hint(), lambda _: None)
    assert len(server.connections) == 1


async def test_audio_without_sound_is_not_sent() -> None:
    transcript, deltas, server = await heard(audio=bytes(32_000))
    assert (transcript.text, deltas, server.forms) == ("", [], [])


# --- what comes back -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "stream",
    [
        answers(delta(" Good"), delta(" day"), delta(". "), done("Good day.")),
        answers(vllm_delta(" Good"), vllm_delta(" day."), DONE),
        answers(delta("Good day."), DONE),
    ],
    ids=["openai", "vllm", "mixed"],
)
async def test_a_stream_is_handed_on_as_it_comes(stream: Behaviour) -> None:
    transcript, deltas, _ = await heard(stream)
    assert transcript.text == "".join(deltas) == "Good day."


async def test_the_first_words_are_there_before_the_stream_has_ended() -> None:
    first = asyncio.Event()
    async with (
        running_transcription_server(hangs(delta("Good"))) as server,
        using(server.base_url) as recognizer,
    ):
        work = asyncio.ensure_future(recognizer.recognize(SPEECH, Hint(), lambda _: first.set()))
        await first.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        await server.left.wait()


async def test_log_probabilities_come_with_the_text() -> None:
    token = {"token": "Yes", "logprob": -0.25, "bytes": [89, 101, 115]}
    transcript, _, _ = await heard(
        answers(delta("Yes"), done("Yes", logprobs=[token])), hint=Hint(logprobs=True)
    )
    assert transcript.logprobs == (TokenLogprob("Yes", -0.25),)


@pytest.mark.parametrize(
    ("told", "code"),
    [("de", "de"), ("de-AT", "de"), ("german", "de"), ("Haitian Creole", "ht"), ("?nglish", None)],
)
async def test_the_language_is_told_as_its_code(told: str, code: str | None) -> None:
    assert (await heard(document(text="Guten Tag", language=told)))[0].language == code


# --- noise ---------------------------------------------------------------------------------------


async def test_segments_that_nobody_said_are_left_out() -> None:
    segments = [
        {"text": " Turn left.", "no_speech_prob": 0.01, "avg_logprob": -0.2},
        {"text": " Mm hm.", "no_speech_prob": 0.9, "avg_logprob": -1.4},
    ]
    transcript, deltas, _ = await heard(
        document(text="Turn left. Mm hm.", segments=segments), model="whisper-1"
    )
    assert transcript.text == "".join(deltas) == "Turn left."


@pytest.mark.parametrize(
    "answer",
    [
        document(text="Thanks for watching!"),
        answers(delta("Thanks"), delta(" for"), delta(" watching!"), done("Thanks for watching!")),
        document(text="and that is how the whole of it came to an end in the year of our lord"),
        document(text=" "),
    ],
    ids=["phrase", "streamed phrase", "too long for its sound", "blank"],
)
async def test_what_the_server_made_up_is_noise_and_no_delta_tells_of_it(answer: Behaviour) -> None:
    transcript, deltas, _ = await heard(answer, audio=SPEECH[:8_000])
    assert (transcript.text, deltas) == ("", [])


async def test_words_that_only_begin_like_an_invention_are_handed_on() -> None:
    transcript, deltas, _ = await heard(
        answers(delta("Thanks"), delta(" for"), delta(" calling."), done("Thanks for calling."))
    )
    assert transcript.text == "Thanks for calling."
    assert deltas == ["Thanks for calling."]


# --- faults --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        refuses(503, '{"error": {"message": "loading"}}'),
        refuses(429, "slow down", Retry_After="0"),
        breaks_off(),
        answers(),
    ],
    ids=["busy", "limit", "broken off", "empty stream"],
)
async def test_before_the_first_text_it_tries_again(fault: Behaviour) -> None:
    transcript, _, server = await heard(fault, GOOD_DAY)
    assert transcript.text == "Good day."
    assert len(server.forms) == 2


async def test_it_does_not_try_for_ever() -> None:
    error = await failure_of(*3 * [refuses(503, "loading")])
    assert error.code == "server_error"


async def test_once_there_is_text_it_does_not_begin_again() -> None:
    error = await failure_of(breaks_off(delta("Good")), GOOD_DAY)
    assert "closed the connection" in str(error)
    assert error.code == "connection_lost"


async def test_a_stream_that_ends_too_early_is_a_failure() -> None:
    error = await failure_of(answers(delta("Good")))
    assert "before the transcript was complete" in str(error)


@pytest.mark.parametrize(
    ("fault", "code", "text"),
    [
        (refuses(401, '{"error": {"message": "who?"}}'), "authentication_error", "api_key"),
        (refuses(404, "nothing here"), "model_not_found", "'gpt-4o-transcribe'"),
        (refuses(400, '{"detail": "no such format"}'), "invalid_request", "no such format"),
        (refuses(500, "oh"), "server_error", "status 500"),
        (refuses(429, "", Retry_After="60"), "rate_limit_exceeded", "limit"),
        (refuses(200, "<html>Hi!</html>", content_type="text/html"), "invalid_response", "/v1?"),
        (refuses(200, "[1, 2"), "invalid_response", "no transcript"),
        (answers(b"data: {garbage\n\n"), "invalid_response", "no transcript"),
        (speaks_no_http(), "invalid_response", "protocol"),
    ],
)
async def test_a_failure_says_what_and_where(fault: Behaviour, code: str, text: str) -> None:
    error = await failure_of(fault)
    assert error.code == code
    assert text in str(error)


async def test_an_error_in_the_stream_is_told() -> None:
    fault = answers(event({"type": "error", "error": {"message": "out of memory"}}))
    error = await failure_of(fault, fault, fault)
    assert "reported an error: out of memory" in str(error)


@pytest.mark.parametrize(
    ("silent", "limits", "text"),
    [
        (hangs(), TranscriptionTimeouts(answer=0.2), "no transcript within 0.2 s"),
        (hangs(delta("Good")), TranscriptionTimeouts(between_deltas=0.2), "nothing came for 0.2 s"),
    ],
    ids=["at once", "midway"],
)
async def test_a_server_that_falls_silent_is_not_waited_for(
    silent: Behaviour, limits: TranscriptionTimeouts, text: str
) -> None:
    error = await failure_of(silent, timeouts=limits)
    assert error.code == "timeout"
    assert text in str(error)


async def test_a_server_that_is_not_there_is_named() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        async with using(url) as recognizer:
            with pytest.raises(EngineError, match=r"cannot be reached.*Is the server running\?"):
                await recognizer.recognize(SPEECH, Hint(), lambda _: None)


async def test_the_key_shows_in_no_error() -> None:
    error = await failure_of(refuses(401, f"bad key {KEY}"), api_key=KEY)
    assert KEY not in "".join(traceback.format_exception(error))


# --- settings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "options", "text"),
    [
        (("localhost:8000", "m"), {}, "is not the URL of a transcription server"),
        (("http://a/v1", ""), {}, "names no model"),
        (("http://a/v1/audio/transcriptions", "m"), {}, "leave out /audio/transcriptions"),
        (("http://user:pw@a/v1", "m"), {}, "the engine's api_key"),
        (("http://a/v1", "m"), {"api_key": "a\nb"}, "line end"),
        (("http://a/v1", "m"), {"response_format": "srt"}, "json or verbose_json"),
        (("http://a/v1", "m"), {"extra_body": {"model": "x"}}, "'model'"),
        (("http://a/v1", "m"), {"noise": {"nosuch": 1}}, "nosuch"),
    ],
)
def test_a_wrong_setting_is_refused(
    arguments: tuple[str, str], options: dict[str, Any], text: str
) -> None:
    with pytest.raises(EngineError) as caught:
        OpenAICompatibleRecognizer(*arguments, **options)
    assert text in str(caught.value)
    assert "pw" not in str(caught.value)


def test_a_specification_is_a_url_and_a_model() -> None:
    made = OpenAICompatibleRecognizer.from_spec("http://localhost:8000/v1#whisper-1")
    assert repr(made) == (
        "OpenAICompatibleRecognizer('http://localhost:8000/v1/audio/transcriptions', 'whisper-1')"
    )
