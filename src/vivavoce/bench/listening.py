"""Listening: what it costs, and how soon a server tells that speech begins and ends."""

import asyncio
from collections.abc import Iterable, Sequence

from vivavoce.bench.connection import TRANSCRIBED, Moment
from vivavoce.bench.figures import Listening, Spread, Transcripts, spread
from vivavoce.bench.matching import Matched, match, tally
from vivavoce.bench.pacer import Caller, Pace
from vivavoce.bench.stand import GRACE_S, Stand, caller_of, playing_s
from vivavoce.bench.track import Track, listening_track

NO_EVENT = "no such event came"

NO_AUDIO = "no audio could be sent: the server closed every connection"


async def listen(stand: Stand, count: int) -> Listening:
    """Play recorded turns with so many callers, each from another clip on.

    Raises `BenchError`.
    """
    tracks = [
        listening_track(
            seconds=stand.seconds,
            chunk_ms=stand.chunk_ms,
            silence_ms=stand.silence_ms,
            room_noise=stand.room_noise,
            first=number,
        )
        for number in range(count)
    ]
    async with stand.callers(count) as connections:
        pairs = zip(connections, tracks, strict=True)
        callers = [caller_of(connection, track) for connection, track in pairs]
        before_s = await stand.cpu_s()
        pace = await stand.play(callers, playing_s(tracks))
        after_s = await stand.cpu_s()
        await asyncio.sleep(GRACE_S)
    spent_s = None if before_s is None or after_s is None else after_s - before_s
    return result(stand, callers, tracks, pace, spent_s)


def result(
    stand: Stand, callers: list[Caller], tracks: list[Track], pace: Pace, spent_s: float | None
) -> Listening:
    """What was found, from what every caller has noted; the server computed for `spent_s`."""
    matched = [
        match(caller.connection.moments, track.turns, caller, stand.silence_ms)
        for caller, track in zip(callers, tracks, strict=True)
    ]
    starts, stops = tally(matched)
    audio_s = sum(caller.sent for caller in callers) * stand.chunk_ms / 1000
    lags = lags_of(matched)
    waits_ms = transcript_waits(callers, matched, stand.stt_ms)
    transcript_ms = spread(waits_ms)
    unmeasured = stand.unwatched("cpu_ms_per_audio_s")
    if not audio_s:
        unmeasured["cpu_ms_per_audio_s"] = NO_AUDIO
    if transcript_ms is None:
        unmeasured["transcript_ms"] = no_transcripts(stand)
    unmeasured |= {name: NO_EVENT for name, lag in lags.items() if lag is None}
    return Listening(
        callers=len(callers),
        chunk_ms=stand.chunk_ms,
        audio_s=round(audio_s, 2),
        cpu_ms_per_audio_s=cost_ms(spent_s, audio_s),
        starts=starts,
        stops=stops,
        speech_started_ms=lags["speech_started_ms"],
        speech_stopped_ms=lags["speech_stopped_ms"],
        decided_ms=lags["decided_ms"],
        transcripts=transcripts(stand, starts.expected, len(waits_ms)),
        transcript_ms=transcript_ms,
        client=pace.figures(),
        not_measured=unmeasured,
    )


def cost_ms(spent_s: float | None, audio_s: float) -> float | None:
    """CPU milliseconds for a second of audio; None where either is not known, or nothing."""
    return None if spent_s is None or not audio_s else round(1000 * spent_s / audio_s, 3)


def lags_of(all_matched: Iterable[Matched]) -> dict[str, Spread | None]:
    """How long behind the truth turns were told to begin and to end, by the name of the figure."""
    started, stopped, decided = [], [], []
    for turn in (turn for matched in all_matched for turn in matched.turns):
        if turn.started is not None:
            started.append(1000 * (turn.started.at - turn.onset_at))
        if turn.stopped is not None:
            stopped.append(1000 * (turn.stopped.at - turn.endpoint_at))
            if turn.decided_at is not None:
                decided.append(1000 * (turn.stopped.at - turn.decided_at))
    return {
        "speech_started_ms": spread(started),
        "speech_stopped_ms": spread(stopped),
        "decided_ms": spread(decided),
    }


def transcripts(stand: Stand, expected: int, found: int) -> Transcripts | None:
    """How many turns have a transcript; None where the sessions asked for none."""
    if stand.transcription is None:
        return None
    return Transcripts(expected=expected, found=found, missed=expected - found)


def transcript_waits(
    callers: Sequence[Caller], all_matched: Sequence[Matched], stt_ms: float
) -> list[float]:
    """From each `speech_stopped` to the transcript of the same item, less `stt_ms`."""
    waits = []
    for caller, matched in zip(callers, all_matched, strict=True):
        written = by_item(caller.connection.moments, TRANSCRIBED)
        for turn in matched.turns:
            if turn.stopped is not None and turn.stopped.item_id in written:
                wait_s = written[turn.stopped.item_id].at - turn.stopped.at
                waits.append(1000 * wait_s - stt_ms)
    return waits


def by_item(moments: Iterable[Moment], kind: str) -> dict[str, Moment]:
    """The events of a type by the item that they are about."""
    return {moment.item_id: moment for moment in moments if moment.kind == kind}


def no_transcripts(stand: Stand) -> str:
    """Why there is no time of a transcript."""
    return "not asked for" if stand.transcription is None else "no transcript of a turn came"
