"""Figures of measurements that nobody made."""

from vivavoce.bench.figures import ClientFigures, Listening, Report, Spread, Tally, Transcripts


def about(p50: float, p99: float | None = None) -> Spread:
    """A spread."""
    worst = p50 if p99 is None else p99
    return Spread(count=100, p50=p50, p99=worst, worst=worst)


def client(*, late: bool = False, blocked_s: float = 0.0) -> ClientFigures:
    """A client in time, or too late."""
    late_ms = about(12.0) if late else about(0.3)
    return ClientFigures(
        frames=50_000,
        late_ms=late_ms,
        cpu_share=0.4,
        cpu_us_per_frame=18.0,
        core_wait_share=0.02,
        blocked_s=blocked_s,
        late=late,
    )


def listening(
    callers: int,
    lag_ms: float,
    *,
    missed: int = 0,
    extra: int = 0,
    late: bool = False,
    unwritten: int = 0,
) -> Listening:
    """A run whose ends of turns came `lag_ms` late, at the 99th percentile."""
    complete = Tally(expected=100, found=100, missed=0, extra=0)
    return Listening(
        callers=callers,
        chunk_ms=20,
        audio_s=30.0 * callers,
        cpu_ms_per_audio_s=2.5,
        starts=complete,
        stops=Tally(expected=100, found=100 - missed, missed=missed, extra=extra),
        speech_started_ms=about(60, 160),
        speech_stopped_ms=about(lag_ms / 2, lag_ms),
        decided_ms=about(5, 9),
        transcripts=Transcripts(expected=100, found=100 - unwritten, missed=unwritten),
        transcript_ms=None,
        client=client(late=late),
        not_measured={"transcript_ms": "not asked for"},
    )


def report(**measured: object) -> Report:
    """A report with these measurements."""
    fields: dict[str, object] = {
        "version": 1,
        "vivavoce": "0",
        "url": "http://127.0.0.1:8080/v1",
        "model": "any <one>",
        "taken": "2026-11-22T12:00:00+00:00",
        "client": "a client",
        "server_processes": [42],
        "silence_ms": 500,
        "room_noise_dbfs": -60,
        "stt_ms": 50.0,
    }
    return Report(**(fields | measured))  # type: ignore[arg-type]
