"""A figure that cannot be had has a reason, whatever the server did."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from vivavoce.bench import listening, utterance
from vivavoce.bench.connection import SPEECH_STOPPED, TRANSCRIBED, Connection, Moment
from vivavoce.bench.figures import Transcripts
from vivavoce.bench.pacer import Caller, Pace
from vivavoce.bench.processes import Server
from vivavoce.bench.stand import Stand
from vivavoce.bench.track import listening_track
from vivavoce.bench.utterance import Span

STAND = Stand(url="ws://127.0.0.1:1/v1", server=Server(frozenset({1})))
TRACK = listening_track(seconds=1, chunk_ms=20, silence_ms=500, room_noise=True)


def caller(sent: int = 0) -> Caller:
    socket: Any = None
    return Caller(Connection(socket, Counter()), iter(()), 20, sent=sent)


def test_listening_costs_what_was_computed_for_what_was_sent() -> None:
    found = listening.result(STAND, [caller(50), caller(50)], [TRACK, TRACK], Pace(), 0.02)
    assert found.cpu_ms_per_audio_s == 10
    assert "cpu_ms_per_audio_s" not in found.not_measured


def test_a_server_that_hangs_up_at_once_has_no_cost_of_listening() -> None:
    found = listening.result(STAND, [caller()], [TRACK], Pace(), 0.02)
    assert found.cpu_ms_per_audio_s is None
    assert found.not_measured["cpu_ms_per_audio_s"] == listening.NO_AUDIO


def test_a_turn_without_its_transcript_is_counted() -> None:
    silent, written = caller(50), caller(50)
    (turn,) = TRACK.turns
    stopped = Moment(SPEECH_STOPPED, turn.offset_ms / 1000 + 0.5, turn.offset_ms + 500, "item")
    silent.connection.moments.append(stopped)
    written.connection.moments += [stopped, Moment(TRANSCRIBED, 9.0, item_id="item")]
    callers, tracks = [silent, written], [TRACK, TRACK]
    found = listening.result(STAND, callers, tracks, Pace(), None)
    assert found.stops.found == 2
    assert found.transcripts == Transcripts(expected=2, found=1, missed=1)
    unasked = listening.result(replace(STAND, transcription=None), callers, tracks, Pace(), None)
    assert unasked.transcripts is None


@pytest.mark.parametrize(
    ("early_s", "late_s", "ratio"), [(0.3, 0.6, 2.0), (0.3, 0.0, 0.0), (0.0, 0.6, None)]
)
def test_a_ratio_is_there_or_has_a_reason(
    early_s: float, late_s: float, ratio: float | None
) -> None:
    spans = (Span(early_s, 3.0), Span(late_s, 3.0))
    found = utterance.result(STAND, [caller()], Pace(), *spans)
    assert found.late_over_early == ratio
    assert ("late_over_early" in found.not_measured) is (ratio is None)
