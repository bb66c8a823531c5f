"""The figures as text: a line for each, and why where there is none."""

from collections.abc import Iterator

from vivavoce.bench.connection import (
    COMMITTED,
    FIRST_AUDIO,
    RESPONSE_CREATED,
    RESPONSE_DONE,
    SPEECH_STOPPED,
    TRANSCRIBED,
)
from vivavoce.bench.figures import (
    Answering,
    ClientFigures,
    LagBehind,
    Listening,
    Ramp,
    Report,
    Sessions,
    Spread,
    Tally,
    Transcripts,
    Utterance,
    lag_of,
)

BEHIND: dict[LagBehind, str] = {
    "endpoint": "the endpoint",
    "decision": "the server's own endpoint",
}

NAMES = {
    SPEECH_STOPPED: "speech_stopped",
    COMMITTED: "committed",
    TRANSCRIBED: "transcript",
    RESPONSE_CREATED: "response.created",
    FIRST_AUDIO: "first audio",
    RESPONSE_DONE: "response.done",
}
"""What the events of a turn are called in text and pictures."""

FEW = 100
"""Values below which the 99th percentile is the worst of them."""

LABEL = 50
"""Characters of the longest name of a figure."""


def lines(report: Report) -> Iterator[str]:
    """The whole report."""
    yield f"{report.url}, model {report.model}, measured with {report.client}"
    watched = " ".join(map(str, report.server_processes))
    yield f"server processes {watched}" if watched else "server processes: not watched"
    yield room(report.room_noise_dbfs)
    if report.listening is not None:
        yield from listening(report.listening)
    if report.utterance is not None:
        yield from utterance(report.utterance)
    if report.answering is not None:
        yield from answering(report.answering)
    if report.sessions is not None:
        yield from sessions(report.sessions)
    if report.ramp is not None:
        yield from ramp(report.ramp)
    for error in report.errors:
        yield f"\nError, {error.count} times: {error.message}"


def room(noise_dbfs: int | None) -> str:
    """What callers sent while they did not speak."""
    if noise_dbfs is None:
        return "no room noise: gaps are digital silence, as of a muted microphone"
    return f"room noise of {noise_dbfs} dBFS under all audio"


def listening(found: Listening) -> Iterator[str]:
    """What listening costs, and the lags."""
    yield heading("Listening", found.callers, f"{found.chunk_ms} ms chunks")
    why = found.not_measured
    yield line(
        "CPU for a second of audio",
        amount(found.cpu_ms_per_audio_s, "ms", why.get("cpu_ms_per_audio_s")),
    )
    for label, value, name in (
        ("speech_started behind the onset", found.speech_started_ms, "speech_started_ms"),
        ("speech_stopped behind the endpoint", found.speech_stopped_ms, "speech_stopped_ms"),
        ("speech_stopped behind the server's own endpoint", found.decided_ms, "decided_ms"),
        ("transcript behind speech_stopped, less its engine", found.transcript_ms, "transcript_ms"),
    ):
        yield line(label, spread(value, why.get(name)))
    yield from tallies(found.starts, found.stops)
    if found.transcripts is not None:
        yield line("transcripts", written(found.transcripts))
    yield from client(found.client)


def utterance(found: Utterance) -> Iterator[str]:
    """Whether a long utterance gets dearer."""
    yield heading("One long utterance", found.callers)
    why = found.not_measured
    for label, value, name in (
        ("CPU for a second of audio, seconds 1 to 4", found.early_cpu_ms_per_audio_s, "early"),
        ("the same, seconds 9 to 12", found.late_cpu_ms_per_audio_s, "late"),
    ):
        yield line(label, amount(value, "ms", why.get(f"{name}_cpu_ms_per_audio_s")))
    yield line(
        "seconds 9 to 12 / seconds 1 to 4",
        amount(found.late_over_early, "", why.get("late_over_early")),
    )
    yield line("taken for one utterance", f"{found.whole} of {found.callers}")
    yield from client(found.client)


def answering(found: Answering) -> Iterator[str]:
    """How soon answers come."""
    yield heading("Answering", found.callers, f"{found.answered} of {found.turns} turns answered")
    why = found.not_measured
    for label, value, name in (
        ("the endpoint", found.after_endpoint_ms, "after_endpoint_ms"),
        ("the server's own endpoint", found.after_decided_ms, "after_decided_ms"),
        ("speech_stopped", found.after_speech_stopped_ms, "after_speech_stopped_ms"),
    ):
        yield line(f"first audio behind {label}", spread(value, why.get(name)))
    for stage in found.waterfall:
        label = f"{NAMES[stage.event]} behind the last voiced sample"
        yield line(label, spread(stage.after_ms))
    yield from tallies(found.starts, found.stops)
    yield from client(found.client)


def sessions(found: Sessions) -> Iterator[str]:
    """What open sessions cost."""
    yield heading("Open sessions", found.callers)
    memory = f" ({found.memory})" if found.memory else ""
    why = found.not_measured
    for label, value, unit, name in (
        (f"memory, idle{memory}", found.idle_kib_per_session, "KiB", "idle_kib_per_session"),
        (f"memory, live{memory}", found.live_kib_per_session, "KiB", "live_kib_per_session"),
        ("CPU for a second of an idle one", found.idle_cpu_ms_per_s, "ms", "idle_cpu_ms_per_s"),
    ):
        yield line(label, amount(value, unit, why.get(name)))


def ramp(found: Ramp) -> Iterator[str]:
    """How far the ramp went."""
    yield "\nThe ramp"
    for run in found.runs:
        what = f"speech_stopped behind {BEHIND[found.lag_behind]}, {run.callers} callers"
        yield line(what, step(run, found.lag_behind))
    yield line(f"callers within {found.lag_target_ms:g} ms", str(found.callers))
    yield f"  It ended because: {found.ended}."


def step(run: Listening, behind: LagBehind) -> str:
    """A run of a ramp in a few words."""
    missed = run.starts.missed + run.stops.missed
    extra = run.starts.extra + run.stops.extra
    late = ", the client was late" if run.client.late else ""
    lag = spread(lag_of(run, behind), "no such event came")
    return f"{lag}, {missed} missed, {extra} extra{late}"


def client(found: ClientFigures) -> Iterator[str]:
    """What the client says about itself."""
    yield line("client: frames behind their due time", spread(found.late_ms))
    cost = f"{found.cpu_share:.0%} of a core, {found.cpu_us_per_frame:g} us for each frame"
    waits = found.core_wait_share
    yield line("client: CPU", cost if waits is None else f"{cost}, {waits:.0%} waiting for a core")
    if found.blocked_s:
        yield line("client: waited for a server that did not read", f"{found.blocked_s:g} s")
    if found.late:
        yield "  THE CLIENT WAS LATE: these figures are the client's, not the server's."


def tallies(starts: Tally, stops: Tally) -> Iterator[str]:
    """What was missed, and what came too often."""
    for name, found in (("speech_started", starts), ("speech_stopped", stops)):
        counted = f"{found.found} of {found.expected}, {found.missed} missed, {found.extra} extra"
        yield line(name, counted)


def written(found: Transcripts) -> str:
    """Of how many turns there was a transcript."""
    return f"{found.found} of {found.expected}, {found.missed} missed"


def heading(title: str, callers: int, *others: str) -> str:
    """The title of a measurement."""
    many = "1 caller" if callers == 1 else f"{callers} callers"
    return "\n" + ", ".join((title, many, *others))


def line(label: str, value: str) -> str:
    """A figure and its name."""
    return f"  {label:<{LABEL}}  {value}"


def amount(value: float | None, unit: str, why: str | None) -> str:
    """A number, or why there is none."""
    return f"not measured: {why}" if value is None else f"{value:g} {unit}".rstrip()


def spread(value: Spread | None, why: str | None = None) -> str:
    """Median, 99th percentile and worst, or why there are none."""
    if value is None:
        return f"not measured: {why}"
    few = f", p99 of {value.count} values only" if value.count < FEW else ""
    return f"p50 {value.p50:6.1f}  p99 {value.p99:6.1f}  worst {value.worst:6.1f} ms{few}"
