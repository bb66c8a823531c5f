"""Answering: from the end of what a caller said to the first sound of the answer."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle

from vivavoce.bench.connection import (
    COMMITTED,
    FIRST_AUDIO,
    RESPONSE_CREATED,
    RESPONSE_DONE,
    SPEECH_STOPPED,
    TRANSCRIBED,
    Connection,
    Moment,
)
from vivavoce.bench.figures import Answering, Stage, spread
from vivavoce.bench.listening import by_item
from vivavoce.bench.matching import Heard, Matched, match, tally
from vivavoce.bench.pacer import Caller, Pace
from vivavoce.bench.stand import GRACE_S, Stand
from vivavoce.bench.track import GAP_MS, Turn, clip_track, silence, usable_clips

ANSWER_S = 15.0
"""How long a caller is silent for an answer at most."""

FIGURES = ("after_endpoint_ms", "after_decided_ms", "after_speech_stopped_ms")

STAGES = (SPEECH_STOPPED, COMMITTED, TRANSCRIBED, RESPONSE_CREATED, FIRST_AUDIO, RESPONSE_DONE)


@dataclass(slots=True)
class Talk:
    """A caller who says a clip, hears the answer out in silence, and says the next one."""

    connection: Connection
    names: Sequence[str]
    chunk_ms: int
    silence_ms: int
    room_noise: bool
    seconds: float
    number: int
    """The clip to begin with."""
    turns: list[Turn] = field(default_factory=list)

    def frames(self) -> Iterator[bytes]:
        """What to send next, decided when it is due."""
        quiet = cycle(silence(self.chunk_ms, room_noise=self.room_noise))
        sent = 0
        while not self.turns or sent * self.chunk_ms < 1000 * self.seconds:
            name = self.names[self.number % len(self.names)]
            track = clip_track(name, self.chunk_ms, room_noise=self.room_noise)
            turn, begin_ms = track.turns[0], sent * self.chunk_ms
            self.turns.append(Turn(begin_ms + turn.onset_ms, begin_ms + turn.offset_ms))
            yield from track.frames
            # A turn may have had no answer, or several.
            waited, answers = 0, self.connection.done
            while self._waits(waited * self.chunk_ms, answers):
                yield next(quiet)
                waited += 1
            sent += len(track.frames) + waited
            self.number += 1

    def _waits(self, waited_ms: int, answers: int) -> bool:
        if waited_ms < GAP_MS + self.silence_ms:
            return True
        return waited_ms < 1000 * ANSWER_S and self.connection.done == answers


@dataclass(frozen=True, slots=True)
class Answered:
    """A turn and the events that followed from it, by type."""

    turn: Heard
    events: dict[str, Moment]


async def answer(stand: Stand, count: int) -> Answering:
    """Let so many callers talk with the server, each for about the seconds of the stand.

    Raises `BenchError`.
    """
    names = usable_clips(stand.silence_ms)
    async with stand.callers(count, answers=True) as connections:
        talks = [
            Talk(
                connection=connection,
                names=names,
                chunk_ms=stand.chunk_ms,
                silence_ms=stand.silence_ms,
                room_noise=stand.room_noise,
                seconds=stand.seconds,
                number=number,
            )
            for number, connection in enumerate(connections)
        ]
        callers = [Caller(talk.connection, talk.frames(), stand.chunk_ms) for talk in talks]
        pace = await stand.play(callers, stand.seconds + ANSWER_S)
        await asyncio.sleep(GRACE_S)
    return result(stand, callers, talks, pace)


def result(stand: Stand, callers: Sequence[Caller], talks: Sequence[Talk], pace: Pace) -> Answering:
    """What was found, from what every caller has noted."""
    matched = [
        match(caller.connection.moments, talk.turns, caller, stand.silence_ms)
        for talk, caller in zip(talks, callers, strict=True)
    ]
    answered = [
        one
        for talk, turns in zip(talks, matched, strict=True)
        for one in follow(talk.connection.moments, turns)
    ]
    starts, stops = tally(matched)
    heard = [one for one in answered if FIRST_AUDIO in one.events]
    return Answering(
        callers=len(callers),
        turns=starts.expected,
        answered=len(heard),
        starts=starts,
        stops=stops,
        after_endpoint_ms=spread([after(one, one.turn.endpoint_at) for one in heard]),
        after_decided_ms=spread(
            [after(one, at) for one in heard if (at := one.turn.decided_at) is not None]
        ),
        after_speech_stopped_ms=spread([after(one, stopped_at(one)) for one in heard]),
        waterfall=waterfall(answered),
        client=pace.figures(),
        not_measured={} if heard else dict.fromkeys(FIGURES, "no answer to a turn came"),
    )


def follow(moments: Sequence[Moment], matched: Matched) -> Iterator[Answered]:
    """What came of each turn that the server ended: its item's events, then its response's.

    The response is the first that was created behind the end of the turn and before the end of the
    next one.
    """
    items = {kind: by_item(moments, kind) for kind in (COMMITTED, TRANSCRIBED)}
    of_response = {
        kind: {moment.response_id: moment for moment in moments if moment.kind == kind}
        for kind in (FIRST_AUDIO, RESPONSE_DONE)
    }
    ended = [(turn, turn.stopped) for turn in matched.turns if turn.stopped is not None]
    until = [stopped.at for _, stopped in ended[1:]] + [float("inf")]
    for (turn, stopped), end in zip(ended, until, strict=True):
        events = {SPEECH_STOPPED: stopped}
        for kind, of_item in items.items():
            if stopped.item_id in of_item:
                events[kind] = of_item[stopped.item_id]
        for moment in moments:
            if moment.kind == RESPONSE_CREATED and stopped.at <= moment.at < end:
                events[RESPONSE_CREATED] = moment
                for kind, by_id in of_response.items():
                    if moment.response_id in by_id:
                        events[kind] = by_id[moment.response_id]
                break
        yield Answered(turn, events)


def stopped_at(answered: Answered) -> float:
    """When the client knew that the turn had ended."""
    return answered.events[SPEECH_STOPPED].at


def after(answered: Answered, moment: float) -> float:
    """Milliseconds from a moment to the first audio of the answer."""
    return 1000 * (answered.events[FIRST_AUDIO].at - moment)


def waterfall(answered: Sequence[Answered]) -> list[Stage]:
    """Each event of a turn behind its last voiced sample, in the order of the protocol."""
    stages = []
    for kind in STAGES:
        waits = [
            1000 * (one.events[kind].at - one.turn.voiced_at)
            for one in answered
            if kind in one.events
        ]
        if (after_ms := spread(waits)) is not None:
            stages.append(Stage(event=kind, after_ms=after_ms))
    return stages
