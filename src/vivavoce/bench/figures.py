"""What a measurement found, as values: also the JSON of `vivavoce bench`, whose names are stable.

A figure that could not be had is None, and `not_measured` says why under the figure's name.
Milliseconds throughout, unless a name says otherwise.
"""

import math
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

VERSION = 1
"""Of the JSON. It changes when a name goes or means something else, not when one is added."""


class Spread(Struct, frozen=True, kw_only=True):
    """Many values in four: how many, the median, the 99th percentile and the worst."""

    count: int
    p50: float
    p99: float
    worst: float


class Tally(Struct, frozen=True, kw_only=True):
    """Events of one type against the truth: one is expected for each turn that was played."""

    expected: int
    found: int
    missed: int
    extra: int


class Transcripts(Struct, frozen=True, kw_only=True):
    """Transcripts against the truth: one is expected for each turn that was played."""

    expected: int
    found: int
    missed: int


class ClientFigures(Struct, frozen=True, kw_only=True):
    """What the callers themselves cost, and how well they kept time."""

    frames: int
    late_ms: Spread
    """How long after its due time each frame was sent, less what the server held up the callers."""
    cpu_share: float
    """Of one core."""
    cpu_us_per_frame: float
    core_wait_share: float | None
    """Of the time, in which it was ready to run and had no core; None where no kernel tells."""
    blocked_s: float
    """Seconds for which the server did not read from some connection, and all callers waited."""
    late: bool
    """Whether the client was too late for the other figures to be the server's."""


class Listening(Struct, frozen=True, kw_only=True):
    """What it takes to listen, and how soon the ends of turns are told."""

    callers: int
    chunk_ms: int
    audio_s: float
    """Seconds of audio of all callers together."""
    cpu_ms_per_audio_s: float | None
    """User and system time of all of the server's processes."""
    starts: Tally
    stops: Tally
    speech_started_ms: Spread | None
    """Behind the onset of the speech."""
    speech_stopped_ms: Spread | None
    """Behind the endpoint: the end of the speech and `silence_duration_ms` of silence."""
    decided_ms: Spread | None
    """`speech_stopped` behind the endpoint by the server, which is its `audio_end_ms`."""
    transcripts: Transcripts | None
    """None where the sessions asked for none."""
    transcript_ms: Spread | None
    """From `speech_stopped` to the transcript, less the engine's own time."""
    client: ClientFigures
    not_measured: dict[str, str]


class Utterance(Struct, frozen=True, kw_only=True):
    """Whether a second of listening costs more the longer somebody has been speaking."""

    callers: int
    early_cpu_ms_per_audio_s: float | None
    """In the seconds 1 to 4 of one utterance."""
    late_cpu_ms_per_audio_s: float | None
    """In its seconds 9 to 12."""
    late_over_early: float | None
    whole: int
    """Callers whose utterance the server took for one; of others the figures mean little."""
    client: ClientFigures
    not_measured: dict[str, str]


class Stage(Struct, frozen=True, kw_only=True):
    """An event of a turn, and how long after the last voiced sample was sent it came."""

    event: str
    after_ms: Spread


class Answering(Struct, frozen=True, kw_only=True):
    """How soon an answer is heard."""

    callers: int
    turns: int
    answered: int
    starts: Tally
    stops: Tally
    after_endpoint_ms: Spread | None
    """From the endpoint to the first audio of the answer."""
    after_decided_ms: Spread | None
    """The same from the endpoint by the server, which is its `audio_end_ms`."""
    after_speech_stopped_ms: Spread | None
    """From the arrival of `speech_stopped` to the first audio of the answer."""
    waterfall: list[Stage]
    client: ClientFigures
    not_measured: dict[str, str]


class Sessions(Struct, frozen=True, kw_only=True):
    """What open sessions hold, and cost while nobody speaks."""

    callers: int
    memory: str | None
    """How memory was counted: pss (a page that processes share is shared out) or rss."""
    idle_kib_per_session: float | None
    live_kib_per_session: float | None
    """After each session has heard some seconds of speech, still open."""
    idle_cpu_ms_per_s: float | None
    """For each session."""
    not_measured: dict[str, str]


LagBehind = Literal["endpoint", "decision"]
"""What `speech_stopped` is late behind: the true endpoint, which has the detector's error in it, or
the server's own, `audio_end_ms`, which leaves its delay alone where it is honest about that."""


def lag_of(run: Listening, behind: LagBehind) -> Spread | None:
    """How late `speech_stopped` came."""
    return run.speech_stopped_ms if behind == "endpoint" else run.decided_ms


class Ramp(Struct, frozen=True, kw_only=True):
    """How many callers there may be until the lag reaches a target."""

    lag_target_ms: float
    lag_behind: LagBehind
    callers: int
    """The most that held the target; 0 where none did."""
    ended: str
    """Why no more was tried."""
    runs: list[Listening]
    """In the order in which they were made."""


class ServerError(Struct, frozen=True, kw_only=True):
    """An error that the server told, a connection that ended, or a measurement that failed."""

    message: str
    count: int


class Report(Struct, frozen=True, kw_only=True):
    """All that one `vivavoce bench` found."""

    version: int
    vivavoce: str
    url: str
    model: str
    taken: str
    """When it began, in ISO 8601."""
    client: str
    """The packages that the callers are made of, with their versions."""
    server_processes: list[int]
    """Those that were watched."""
    silence_ms: int
    room_noise_dbfs: int | None
    """Under all that callers sent; None where their gaps were digital silence."""
    stt_ms: float
    listening: Listening | None = None
    utterance: Utterance | None = None
    answering: Answering | None = None
    sessions: Sessions | None = None
    ramp: Ramp | None = None
    errors: list[ServerError] = []


def percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest rank: the least value that at least this share of all values does not exceed.

    `ordered` ascends and is not empty.
    """
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]


def spread(values: Sequence[float]) -> Spread | None:
    """The values in four, to a hundredth; None of no values."""
    if not values:
        return None
    ordered = sorted(values)
    return Spread(
        count=len(ordered),
        p50=round(percentile(ordered, 0.5), 2),
        p99=round(percentile(ordered, 0.99), 2),
        worst=round(ordered[-1], 2),
    )
