"""What a conversation through a real server leaves in `/metrics`."""

import asyncio
from collections.abc import Callable

import pytest

from support.scrape import Scrape
from support.server import PATIENCE_S, LiveServer, serving
from support.sound import tone, utterance
from vivavoce.engines.base import EngineError, Hint, Transcript
from vivavoce.engines.stt.scripted import ScriptedRecognizer
from vivavoce.runtime.catalogue import ONLY_MODEL

OF_MODEL = {"model": ONLY_MODEL}
KEY = "sk-secret"
LONG_STORY = f"rules: [{{say: '{'Once upon a time. ' * 100}'}}]"
"""More than is sent ahead of playing, so that there is always something to cut short."""


async def scrape(server: LiveServer, key: str | None = None) -> Scrape:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    async with server.http.get(metrics_url(server), headers=headers) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/plain"
        return Scrape(await answer.text())


def metrics_url(server: LiveServer) -> str:
    return f"{server.url.removesuffix('/v1')}/metrics"


async def test_a_spoken_turn_is_counted_and_measured_stage_by_stage() -> None:
    async with serving() as server:
        async with server.connect() as client:
            await client.append(utterance())
            await client.until("response.done")
            during = await scrape(server)
        await server.until_idle()
        found = await scrape(server)
    assert during.value("sessions", **OF_MODEL) == 1
    assert found.value("sessions", **OF_MODEL) == 0
    assert found.value("sessions_opened_total", **OF_MODEL) == 1
    assert found.value("turns_total", **OF_MODEL) == 1
    assert found.value("responses_total", status="completed", **OF_MODEL) == 1
    for stage in (
        "end_of_turn_delay",
        "transcription_delay",
        "time_to_first_token",
        "time_to_first_audio",
        "time_to_last_audio",
        "response_duration",
        "voice_to_voice",
    ):
        assert found.value(f"{stage}_seconds_count", **OF_MODEL) == 1, stage
    assert found.value("time_to_first_audio_seconds_sum", **OF_MODEL) <= found.value(
        "response_duration_seconds_sum", **OF_MODEL
    )


async def test_what_was_done_in_the_pause_is_counted_as_used() -> None:
    async with serving() as server, server.connect() as client:
        await client.append(utterance())
        await client.until("response.done")
        found = await scrape(server)
    used = {"outcome": "used", **OF_MODEL}
    assert found.value("speculative_jobs_total", kind="transcribe", **used) == 1
    assert found.value("speculative_speech_seconds_total", kind="transcribe", **used) > 0.5


async def test_engines_are_timed_by_slot_and_name() -> None:
    async with serving() as server, server.connect() as client:
        await client.append(utterance())
        await client.until("response.done")
        found = await scrape(server)
    for slot in ("stt", "llm", "tts"):
        assert found.value("engine_job_duration_seconds_count", slot=slot, engine="scripted") > 0
    assert found.value("vad_batch_windows_sum") > 10
    assert found.value("vad_batch_duration_seconds_count") > 0
    assert found.labels("engine_failures_total") == []


class DeafRecognizer(ScriptedRecognizer):
    """Fails each time."""

    async def recognize(
        self, audio: bytes, hint: Hint, on_text: Callable[[str], None]
    ) -> Transcript:
        raise EngineError("no ears", code="deaf")


async def test_an_engine_that_fails_is_counted_by_its_code() -> None:
    async with serving(stt=DeafRecognizer(), speculate=False) as server, server.connect() as client:
        await client.append(utterance())
        await client.until("response.done")
        found = await scrape(server)
    of_failure = {"slot": "stt", "engine": "scripted", "code": "deaf"}
    assert found.value("engine_failures_total", **of_failure) == 1


async def test_mistakes_of_clients_are_counted_by_their_code() -> None:
    async with serving() as server, server.connect() as client:
        await client.nothing_new()
        await client.nothing_new()
        found = await scrape(server)
    assert found.value("client_errors_total", code="item_retrieve_invalid_item_id") == 2


async def test_an_answer_that_the_user_speaks_over_is_a_barge_in() -> None:
    async with serving(replies=LONG_STORY) as server, server.connect() as client:
        await client.append(utterance())
        await client.until("response.output_audio.delta")
        await client.append(tone(500))
        await client.until("response.done")
        found = await scrape(server)
    assert found.value("barge_ins_total", **OF_MODEL) == 1
    assert found.value("responses_total", status="cancelled", **OF_MODEL) == 1
    assert found.value("responses_total", status="completed", **OF_MODEL) == 0


async def test_an_answer_that_the_client_cancels_is_none() -> None:
    async with serving(replies=LONG_STORY) as server, server.connect() as client:
        await client.append(utterance())
        await client.until("response.output_audio.delta")
        await client.send("response.cancel")
        await client.until("response.done")
        found = await scrape(server)
    assert found.value("barge_ins_total", **OF_MODEL) == 0
    assert found.value("responses_total", status="cancelled", **OF_MODEL) == 1


@pytest.mark.parametrize(
    ("query", "reason"), [("", "invalid_request"), ("model=test", "too_many_sessions")]
)
async def test_connections_that_get_no_session_are_counted(query: str, reason: str) -> None:
    async with serving(max_sessions=1) as server, server.connect():
        async with server.connect(query, greeted=False) as refused:
            await refused.until_closed()
        found = await scrape(server)
    assert found.value("sessions_refused_total", reason=reason) == 1
    assert len(found.labels("client_errors_total")) == 1, "they are told with an error event"


async def test_no_label_has_what_a_client_sent() -> None:
    async with serving() as server, server.connect("model=a-name-of-my-own") as client:
        await client.say("a word of mine")
        await client.send("response.create")
        await client.until("response.done")
        async with server.http.get(metrics_url(server)) as answer:
            text = await answer.text()
    assert "a-name-of-my-own" not in text
    assert "a word of mine" not in text


async def test_where_there_are_keys_metrics_need_one() -> None:
    async with serving(api_keys=(KEY,)) as server:
        async with server.http.get(metrics_url(server)) as answer:
            assert answer.status == 401
        assert (await scrape(server, KEY)).value("load_level") == 0


async def test_an_operator_may_do_without_them() -> None:
    async with serving(metrics=False) as server, server.http.get(metrics_url(server)) as answer:
        assert answer.status == 404


async def test_the_load_is_measured_while_the_server_runs() -> None:
    async with serving() as server, asyncio.timeout(PATIENCE_S):
        while (await scrape(server)).value("event_loop_lag_seconds_count") < 2:
            pass
