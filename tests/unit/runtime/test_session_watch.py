"""What of a session is counted, and what its log says."""

import logging

import pytest

from support.scrape import Scrape
from vivavoce.protocol.errors import ErrorDetail
from vivavoce.protocol.server_events import (
    Error,
    InputAudioBufferCommitted,
    SpeechStarted,
    TimeoutTriggered,
)
from vivavoce.runtime.metrics import Metrics
from vivavoce.runtime.session_watch import SessionWatch
from vivavoce.session.waterfall import Waterfall

OF_MODEL = {"model": "assistant"}
DRAFTED = Waterfall(
    response_id="resp_1",
    created=10.5,
    last_voiced=10.0,
    endpoint=10.5,
    transcript=10.25,
    first_token=10.375,
    voice_ready=10.4375,
    first_audio=10.625,
    last_audio=11.5,
    done=11.5,
    status="completed",
    drafted=True,
)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def watch(metrics: Metrics) -> SessionWatch:
    return SessionWatch(metrics, "assistant")


def scrape(metrics: Metrics) -> Scrape:
    return Scrape(metrics.exposition("")[0].decode())


def test_a_session_is_open_until_it_is_closed(metrics: Metrics, watch: SessionWatch) -> None:
    watch.opened()
    assert scrape(metrics).value("sessions", **OF_MODEL) == 1
    watch.closed()
    assert scrape(metrics).value("sessions", **OF_MODEL) == 0
    assert scrape(metrics).value("sessions_opened_total", **OF_MODEL) == 1


def test_stages_are_counted_from_when_the_answer_was_due(
    metrics: Metrics, watch: SessionWatch
) -> None:
    watch.measured(DRAFTED)
    found = scrape(metrics)

    def total(name: str) -> float:
        return found.value(f"{name}_seconds_sum", **OF_MODEL)

    assert total("end_of_turn_delay") == 0.5
    assert total("transcription_delay") == total("time_to_first_token") == 0, "they were there"
    assert total("time_to_first_audio") == 0.125
    assert total("voice_to_voice") == 0.625
    assert total("time_to_last_audio") == total("response_duration") == 1.0
    assert found.value("responses_total", status="completed", **OF_MODEL) == 1


def test_what_did_not_happen_is_not_measured(metrics: Metrics, watch: SessionWatch) -> None:
    watch.measured(Waterfall(response_id="resp_1", created=1.0, done=2.0, status="failed"))
    found = scrape(metrics)
    assert found.value("response_duration_seconds_count", **OF_MODEL) == 1
    for stage in ("end_of_turn_delay", "time_to_first_audio", "voice_to_voice"):
        assert found.value(f"{stage}_seconds_count", **OF_MODEL) == 0


def test_each_response_has_a_line_in_the_log(
    watch: SessionWatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        watch.measured(DRAFTED)
    assert "resp_1 assistant completed, drafted in the pause: speech ended 0" in caplog.text


def test_turns_and_errors_are_counted_and_nothing_else(
    metrics: Metrics, watch: SessionWatch
) -> None:
    watch.sent(SpeechStarted(audio_start_ms=0, item_id="item_1"))
    watch.sent(InputAudioBufferCommitted(item_id="item_1", previous_item_id=None))
    watch.sent(Error(error=ErrorDetail(code=None, message="no code")))
    watch.interrupted()
    found = scrape(metrics)
    assert found.value("turns_total", **OF_MODEL) == 1
    assert found.value("client_errors_total", code="invalid_request_error") == 1
    assert found.value("barge_ins_total", **OF_MODEL) == 1


def test_silence_that_an_idle_timeout_commits_is_no_turn(
    metrics: Metrics, watch: SessionWatch
) -> None:
    watch.sent(TimeoutTriggered(audio_start_ms=0, audio_end_ms=5000, item_id="item_1"))
    watch.sent(InputAudioBufferCommitted(item_id="item_1", previous_item_id=None))
    assert scrape(metrics).value("turns_total", **OF_MODEL) == 0
    watch.sent(InputAudioBufferCommitted(item_id="item_2", previous_item_id="item_1"))
    assert scrape(metrics).value("turns_total", **OF_MODEL) == 1


def test_speculation_is_counted_by_what_became_of_it(metrics: Metrics, watch: SessionWatch) -> None:
    watch.speculated("generate", "used", 120)
    watch.speculated("generate", "resumed", 30)
    watch.speculated("generate", "resumed", 10)
    watch.speculated("transcribe", "used", 1.5)
    found = scrape(metrics)
    used = {"outcome": "used", **OF_MODEL}
    resumed = {"outcome": "resumed", **OF_MODEL}
    assert found.value("speculative_jobs_total", kind="generate", **used) == 1
    assert found.value("speculative_characters_total", **resumed) == 40
    assert found.value("speculative_speech_seconds_total", kind="transcribe", **used) == 1.5
