"""Which event belongs to which turn: by the position that the server gives, and by when it came.

A turn has one `speech_started`, the first, and one `speech_stopped`, the nearest to its endpoint;
what is wanting is missed, and what is more is extra. A start that came before the speech had begun,
and a stop that came before it had ended, is extra, whatever it says.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Protocol

from vivavoce.bench.connection import SPEECH_STARTED, SPEECH_STOPPED, Moment
from vivavoce.bench.figures import Tally
from vivavoce.bench.track import Turn


class Sender(Protocol):
    """When a caller's audio was due to be sent, in seconds, by its position in milliseconds."""

    def due(self, position_ms: float, /) -> float:
        """When the sample at this position was due."""

    def due_until(self, position_ms: float, /) -> float:
        """When the last sample before this position was due."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A turn as one caller played it, and what the server told of it."""

    turn: Turn
    onset_at: float
    """When the onset was due to be sent."""
    voiced_at: float
    """When the last voiced sample was due."""
    endpoint_at: float
    """When the last sample was due of the silence that ends the turn."""
    decided_at: float | None
    """When the last sample was due before the endpoint by the server, `audio_end_ms`."""
    started: Moment | None
    stopped: Moment | None


@dataclass(frozen=True, slots=True)
class Matched:
    """All turns of a caller, and how many events were none of theirs."""

    turns: tuple[Heard, ...]
    extra_starts: int
    extra_stops: int


def match(
    moments: Iterable[Moment], turns: Sequence[Turn], sender: Sender, silence_ms: int
) -> Matched:
    """Find the events of each turn of a caller, who played `turns` in this order."""
    found = list(moments)
    starts, extra_starts = _assign(
        (m for m in found if m.kind == SPEECH_STARTED),
        # It says where the padding before the speech begins: anywhere behind the turn before.
        [(before, turn.offset_ms) for before, turn in zip(_offsets(turns), turns, strict=False)],
        [sender.due(turn.onset_ms) for turn in turns],
        lambda _number, moment: moment.at,
    )
    stops, extra_stops = _assign(
        (m for m in found if m.kind == SPEECH_STOPPED),
        [(turn.onset_ms, after) for turn, after in zip(turns, _onsets(turns), strict=True)],
        [sender.due_until(turn.offset_ms) for turn in turns],
        lambda number, moment: _off(moment, turns[number].offset_ms + silence_ms),
    )
    heard = tuple(
        _heard(turn, sender, silence_ms, starts.get(number), stops.get(number))
        for number, turn in enumerate(turns)
    )
    return Matched(heard, extra_starts, extra_stops)


def _heard(
    turn: Turn, sender: Sender, silence_ms: int, started: Moment | None, stopped: Moment | None
) -> Heard:
    end_ms = None if stopped is None else stopped.position_ms
    return Heard(
        turn,
        onset_at=sender.due(turn.onset_ms),
        voiced_at=sender.due_until(turn.offset_ms),
        endpoint_at=sender.due_until(turn.offset_ms + silence_ms),
        decided_at=None if end_ms is None else sender.due_until(end_ms),
        started=started,
        stopped=stopped,
    )


def tally(all_matched: Sequence[Matched]) -> tuple[Tally, Tally]:
    """Count the starts and the stops of all callers."""
    turns = [turn for matched in all_matched for turn in matched.turns]
    started = sum(turn.started is not None for turn in turns)
    stopped = sum(turn.stopped is not None for turn in turns)
    return (
        _tally(len(turns), started, sum(matched.extra_starts for matched in all_matched)),
        _tally(len(turns), stopped, sum(matched.extra_stops for matched in all_matched)),
    )


def _tally(expected: int, found: int, extra: int) -> Tally:
    return Tally(expected=expected, found=found, missed=expected - found, extra=extra)


def _offsets(turns: Sequence[Turn]) -> list[float]:
    return [float("-inf"), *(turn.offset_ms for turn in turns)]


def _onsets(turns: Sequence[Turn]) -> list[float]:
    return [*(turn.onset_ms for turn in turns[1:]), float("inf")]


def _assign(
    moments: Iterable[Moment],
    places: Sequence[tuple[float, float]],
    earliest: Sequence[float],
    penalty: Callable[[int, Moment], float],
) -> tuple[dict[int, Moment], int]:
    """Give each place the event of the least penalty, by number, and tell how many are left."""
    candidates: dict[int, list[Moment]] = {}
    count = 0
    for moment in moments:
        count += 1
        number = next((n for n, place in enumerate(places) if _within(moment, place)), None)
        if number is not None and moment.at >= earliest[number]:
            candidates.setdefault(number, []).append(moment)
    assigned = {
        number: min(found, key=partial(penalty, number)) for number, found in candidates.items()
    }
    return assigned, count - len(assigned)


def _off(moment: Moment, position_ms: float) -> float:
    return inf if moment.position_ms is None else abs(moment.position_ms - position_ms)


def _within(moment: Moment, place: tuple[float, float]) -> bool:
    position_ms = moment.position_ms
    return position_ms is not None and place[0] <= position_ms < place[1]
