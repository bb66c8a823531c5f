"""A session does not grow with the number of events that it has seen.

`make fuzz` has it see 100,000; the suite a few thousand.
"""

import gc
import json
import os
import random
import tracemalloc
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

import vivavoce
from support.client_frames import frames
from support.sound import silence
from vivavoce.dialects import ga
from vivavoce.protocol.client_events import InputAudioBufferAppend
from vivavoce.protocol.errors import Refusal
from vivavoce.protocol.ids import Ids
from vivavoce.protocol.server_events import ConversationItemAdded
from vivavoce.protocol.session_config import RealtimeSession
from vivavoce.session.inputs import (
    AnyInput,
    AudioAppended,
    AudioSynthesized,
    EventReceived,
    FrameRefused,
    GenerationFinished,
    PeerJoined,
    SpeechFinished,
    SpeechScored,
    TextGenerated,
    TimerFired,
    Transcribed,
)
from vivavoce.session.machine import Session
from vivavoce.session.outputs import AnyOutput, Generate, Hear, HearClip, Listen, Send, Speak
from vivavoce.session.state import Limits

EVENTS = int(os.environ.get("VIVAVOCE_FUZZ_EVENTS", "4000"))
ALLOWED_BYTES = 256 * 1024
"""How much more a session may hold in the end than after a quarter of its life: its deferred
events, its open jobs and the conversation vary by so much."""

PACKAGE = Path(vivavoce.__file__).parent
WINDOW = 768
PEER = 1
PCM = silence(40)


class Line:
    """A session with engines that answer at once, and a client that deletes what is made."""

    def __init__(self) -> None:
        self.events = 0
        self.session = Session(
            RealtimeSession(id="sess_1", model="m"),
            ids=Ids(random.Random(1).getrandbits),
            limits=Limits(lifetime_s=None),
        )
        self._now = 0.0
        self._tape = 0
        self._listening: int | None = None
        self._made: list[str] = []
        self._step(PeerJoined(PEER))

    def frame(self, text: str) -> None:
        """The client sends a frame, and a second passes."""
        self.events += 1
        self._now += 1.0
        self._step(TimerFired())
        try:
            event = ga.decode(text)
        except Refusal as refusal:
            self._step(FrameRefused(PEER, refusal.detail))
            return
        if isinstance(event, InputAudioBufferAppend):
            self._sound(random.Random(self.events).choice((0.02, 0.95)))
        else:
            self._step(EventReceived(PEER, event))

    def clean_up(self) -> None:
        """The client deletes all items that it was told of."""
        self._send({"type": "response.cancel"})
        for item_id in self._made:
            self._send({"type": "conversation.item.delete", "item_id": item_id})
        self._made.clear()

    def _send(self, event: dict[str, str]) -> None:
        self._step(EventReceived(PEER, ga.decode(json.dumps(event))))

    def _sound(self, probability: float) -> None:
        for _ in range(4):
            self._tape += WINDOW
            self._step(AudioAppended(self._tape))
            if self._listening is not None:
                self._step(SpeechScored(self._listening, self._tape, probability))

    def _step(self, happened: AnyInput) -> None:
        waiting = [happened]
        while waiting:
            for output in self.session.receive(waiting.pop(0), self._now):
                waiting += self._performed(output)

    def _performed(self, output: AnyOutput) -> Iterator[AnyInput]:
        match output:
            case Listen(job=job):
                self._listening = job
            case Hear(job=job) | HearClip(job=job):
                yield Transcribed(job, "hello")
            case Generate(job=job):
                yield TextGenerated(job, "Hello there. ")
                yield GenerationFinished(job)
            case Speak(job=job):
                yield AudioSynthesized(job, PCM)
                yield SpeechFinished(job)
            case Send(event=ConversationItemAdded(item=item)):
                self._made.append(item.id)


def some_frames(number: int) -> list[str]:
    """So many frames, the same each time."""
    found: list[str] = []

    @settings(
        max_examples=number,
        phases=[Phase.generate],
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(frame=frames)
    def collect(frame: str) -> None:
        found.append(frame)

    collect()
    return found


def held() -> int:
    """The bytes that this package has allocated and not given back."""
    gc.collect()
    ours = tracemalloc.Filter(inclusive=True, filename_pattern=f"{PACKAGE}/*")
    kept = tracemalloc.take_snapshot().filter_traces([ours])
    return sum(trace.size for trace in kept.traces)


def test_a_session_does_not_grow_with_the_events_that_it_has_seen() -> None:
    script = some_frames(1000)
    line = Line()
    sizes: list[int] = []
    tracemalloc.start()
    try:
        for number in count():
            for frame in random.Random(number).sample(script, len(script)):
                line.frame(frame)
            line.clean_up()
            sizes.append(held())
            if line.events >= EVENTS:
                break
    finally:
        tracemalloc.stop()
    assert len(sizes) >= 4
    assert sizes[-1] - sizes[len(sizes) // 4] < ALLOWED_BYTES, sizes
