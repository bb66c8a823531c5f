"""What a server counts and measures, for Prometheus (docs/observability.md has the table).

Each server has a registry of its own. Where `PROMETHEUS_MULTIPROC_DIR` was set before the process
began, what all processes count that share the folder is shown together.

Nothing is counted for each append or each window: an update takes about a microsecond, and a core
holds hundreds of callers. No label has a value that a client chose.
"""

import os
from collections.abc import Iterator, Sequence
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    ProcessCollector,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

from vivavoce import __version__
from vivavoce.engines.registry import Slot
from vivavoce.protocol.errors import ErrorDetail
from vivavoce.runtime.load import LEVELS, Measure
from vivavoce.session.speculation import Load

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"

SECONDS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5),
    *(0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0),
)
"""Buckets: fine below the second in which somebody waits for an answer."""

WINDOWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)

MOST_CODES = 64
"""So many codes of errors have a series of their own; engines of others may make up more."""

OTHER = "other"

OfAll = Literal["livesum", "livemax"]
"""What of a gauge is shown for all processes that live."""


class Registry(CollectorRegistry):
    """Leaves out when each series began: a series more for each, which Prometheus does not read."""

    def collect(self) -> Iterator[Metric]:
        """All that is shown of what was counted."""
        for metric in super().collect():
            metric.samples = [s for s in metric.samples if not s.name.endswith("_created")]
            yield metric


class Metrics:
    """All that one server counts."""

    def __init__(self) -> None:
        self._registry = Registry()
        self._codes: set[str] = set()
        ProcessCollector(registry=self._registry)
        build = self._gauge("build_info", "Is 1.", "version", of_all="livemax")
        build.labels(__version__).set(1)
        self._declare_sessions()
        self._declare_turns()
        self._declare_engines()
        self._declare_load()

    def _declare_sessions(self) -> None:
        self.sessions = self._gauge("sessions", "Sessions that are open.", "model")
        self.sessions_opened = self._counter("sessions_opened", "Sessions that began.", "model")
        self.sessions_refused = self._counter(
            "sessions_refused", "Connections that got no session.", "reason"
        )
        self.client_errors = self._counter(
            "client_errors", "Error events that were sent to clients.", "code"
        )

    def _declare_turns(self) -> None:
        self.turns = self._counter("turns", "Turns of users' speech that were committed.", "model")
        self.barge_ins = self._counter(
            "barge_ins", "Answers that users cut short while they were spoken.", "model"
        )
        self.responses = self._counter("responses", "Responses that ended.", "model", "status")
        self.end_of_turn = self._seconds(
            "end_of_turn_delay", "From the last voiced sample to the end of the turn.", "model"
        )
        self.transcription = self._seconds(
            "transcription_delay", "From the end of the turn to its transcript.", "model"
        )
        self.first_token = self._seconds(
            "time_to_first_token", "From the end of the turn to the model's first piece.", "model"
        )
        self.first_audio = self._seconds(
            "time_to_first_audio", "From the end of the turn to the first sound sent.", "model"
        )
        self.last_audio = self._seconds(
            "time_to_last_audio", "From the end of the turn to the last sound sent.", "model"
        )
        self.response = self._seconds(
            "response_duration", "From the end of the turn to response.done.", "model"
        )
        self.voice_to_voice = self._seconds(
            "voice_to_voice", "From the last voiced sample to the first sound sent.", "model"
        )
        self.speculative_jobs = self._counter(
            "speculative_jobs", "Jobs that were begun in a pause.", "model", "kind", "outcome"
        )
        self.speculative_speech = self._counter(
            "speculative_speech_seconds",
            "Speech that they heard or spoke.",
            *("model", "kind", "outcome"),
        )
        self.speculative_characters = self._counter(
            "speculative_characters", "Text that they wrote.", "model", "outcome"
        )

    def _declare_engines(self) -> None:
        self._jobs = self._seconds(
            "engine_job_duration", "Jobs of engines that came to their end.", "slot", "engine"
        )
        self._failures = self._counter(
            "engine_failures", "Jobs of engines that failed.", "slot", "engine", "code"
        )
        self._batch_windows = self._histogram(
            "vad_batch_windows", "Windows of 32 ms that were scored in one go.", WINDOWS
        )
        self._batch_duration = self._seconds(
            "vad_batch_duration", "From when a batch was given to the detector to its scores."
        )

    def _declare_load(self) -> None:
        self._backlog = self._gauge(
            "vad_backlog_seconds",
            "How long a typical caller's sound has waited for its score.",
            of_all="livemax",
        )
        self._lag = self._seconds("event_loop_lag", "How late timers are, four times a second.")
        self._load = self._gauge("load_level", "0 is normal, 1 high, 2 overload.", of_all="livemax")

    # --- what happens ----------------------------------------------------------------------------

    def engine_job(self, slot: Slot, engine: str, seconds: float) -> None:
        """A job of an engine came to its end."""
        self._jobs.labels(slot, engine).observe(seconds)

    def engine_failed(self, slot: Slot, engine: str, code: str) -> None:
        """A job of an engine failed."""
        self._failures.labels(slot, engine, self._code(code)).inc()

    def session_refused(self, reason: str) -> None:
        """A connection got no session, for one of a few reasons."""
        self.sessions_refused.labels(reason).inc()

    def error_sent(self, error: ErrorDetail) -> None:
        """A client was sent an error event."""
        self.client_errors.labels(self._code(error.code or error.type)).inc()

    def batch_scored(self, windows: int, seconds: float) -> None:
        """A batch of windows came back from a detector."""
        self._batch_windows.observe(windows)
        self._batch_duration.observe(seconds)

    def load_measured(self, measure: Measure, level: Load) -> None:
        """What the load was just now."""
        self._lag.observe(measure.lag_s)
        self._backlog.set(measure.backlog_s)
        self._load.set(LEVELS.index(level))

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """All that was counted, as the scraper that sends this `Accept` header reads it, and the
        content type. Takes milliseconds, and may be called on any thread."""
        registry: CollectorRegistry = self._registry
        if SHARED_FOLDER in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call, unused-ignore]
        encode, content_type = choose_encoder(accept)
        return encode(registry), content_type

    # --- declaring -------------------------------------------------------------------------------

    def _code(self, code: str) -> str:
        if code not in self._codes:
            if len(self._codes) >= MOST_CODES:
                return OTHER
            self._codes.add(code)
        return code

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"vivavoce_{name}", text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str, *labels: str, of_all: OfAll = "livesum") -> Gauge:
        return Gauge(
            f"vivavoce_{name}", text, labels, registry=self._registry, multiprocess_mode=of_all
        )

    def _seconds(self, name: str, text: str, *labels: str) -> Histogram:
        return self._histogram(f"{name}_seconds", text, SECONDS, *labels)

    def _histogram(self, name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"vivavoce_{name}", text, labels, registry=self._registry, buckets=buckets)
