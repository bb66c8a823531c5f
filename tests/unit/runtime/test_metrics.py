"""What is counted, and how a scraper reads it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from support.scrape import Scrape
from vivavoce import __version__
from vivavoce.runtime.load import Measure
from vivavoce.runtime.metrics import MOST_CODES, OTHER, SECONDS, Metrics


def scrape(metrics: Metrics) -> Scrape:
    body, _ = metrics.exposition("")
    return Scrape(body.decode())


def test_a_new_server_tells_its_version_and_its_process() -> None:
    new = scrape(Metrics())
    assert new.value("build_info", version=__version__) == 1
    assert "process_resident_memory_bytes" in new.types or sys.platform != "linux"


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text; version=1.0.0"])
def test_when_a_series_began_is_left_out_here_and_nowhere_else(accept: str) -> None:
    ours, others = Metrics(), CollectorRegistry()
    ours.session_refused("too_many_sessions")
    Counter("visits", "Of somebody else in this process.", registry=others).inc()
    assert b"_created" not in ours.exposition(accept)[0]
    assert b"visits_created" in generate_latest(others)


def test_two_servers_in_a_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.session_refused("too_many_sessions")
    assert scrape(one).value("sessions_refused_total", reason="too_many_sessions") == 1
    assert scrape(other).value("sessions_refused_total", reason="too_many_sessions") == 0


def test_times_are_seconds_from_one_millisecond_to_thirty_seconds() -> None:
    metrics = Metrics()
    metrics.engine_job("stt", "scripted", 0.08)
    found = scrape(metrics)
    of_job = {"slot": "stt", "engine": "scripted"}
    assert found.types["vivavoce_engine_job_duration_seconds"] == "histogram"
    assert found.value("engine_job_duration_seconds_bucket", le="0.05", **of_job) == 0
    assert found.value("engine_job_duration_seconds_bucket", le="0.1", **of_job) == 1
    assert found.value("engine_job_duration_seconds_sum", **of_job) == 0.08
    assert (SECONDS[0], SECONDS[-1]) == (0.001, 30.0)
    assert list(SECONDS) == sorted(set(SECONDS))


def test_there_are_only_so_many_codes() -> None:
    metrics = Metrics()
    for number in range(2 * MOST_CODES):
        metrics.engine_failed("tts", "scripted", f"code_{number}")
    found = scrape(metrics)
    assert len(found.labels("engine_failures_total")) == MOST_CODES + 1
    others = found.value("engine_failures_total", slot="tts", engine="scripted", code=OTHER)
    assert others == MOST_CODES


def test_the_level_of_load_is_a_number() -> None:
    metrics = Metrics()
    metrics.load_measured(Measure(lag_s=0.3, backlog_s=0.02), "overload")
    found = scrape(metrics)
    assert found.value("load_level") == 2
    assert found.value("vad_backlog_seconds") == 0.02
    assert found.value("event_loop_lag_seconds_sum") == 0.3


def test_a_scraper_may_ask_for_openmetrics() -> None:
    accept = "application/openmetrics-text; version=1.0.0"
    body, content_type = Metrics().exposition(accept)
    assert content_type.startswith("application/openmetrics-text")
    families = list(text_string_to_metric_families(body.decode()))  # type: ignore[no-untyped-call, unused-ignore]
    assert "vivavoce_sessions" in {family.name for family in families}


CHILD = """
import sys
from vivavoce.runtime.metrics import Metrics
from vivavoce.runtime.load import Measure

metrics = Metrics()
metrics.sessions.labels("assistant").inc(int(sys.argv[1]))
metrics.sessions_opened.labels("assistant").inc(10)
metrics.engine_job("llm", "scripted", 0.1)
metrics.load_measured(Measure(lag_s=0.0, backlog_s=float(sys.argv[1])), "high")
print("counted", flush=True)
sys.stdin.readline()
print(metrics.exposition("")[0].decode())
"""


def begun_child(folder: Path, sessions: int) -> subprocess.Popen[str]:
    """A process that has counted its sessions, and shows all metrics when it is told to."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(sessions)],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "counted\n"
    return child


def test_each_of_two_processes_answers_for_both(tmp_path: Path) -> None:
    children = [begun_child(tmp_path, 2), begun_child(tmp_path, 3)]
    for answer in [child.communicate("show\n", timeout=60)[0] for child in children]:
        found = Scrape(answer)
        of_job = {"slot": "llm", "engine": "scripted"}
        assert found.value("sessions", model="assistant") == 5
        assert found.value("sessions_opened_total", model="assistant") == 20
        assert found.value("engine_job_duration_seconds_count", **of_job) == 2
        assert found.value("vad_backlog_seconds") == 3, "the most, not the sum"
        assert found.value("load_level") == 1
        assert found.value("build_info", version=__version__) == 1
