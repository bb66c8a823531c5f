"""Drafting in pauses changes when things are said, never what is said."""

from collections import defaultdict
from dataclasses import dataclass
from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from support.imagined_engines import STEADY, Temper
from support.moves import QUIET_PATCHES, Create, Move, Sound, Update
from support.world import ATTENTIVE, SHORT_LEAD, WITH_TOOLS, World
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.protocol.prompt import Prompt
from vivavoce.protocol.server_events import ResponseCreated, ResponseDone
from vivavoce.protocol.session_config import Audio, SessionConfig
from vivavoce.session.outputs import AnyOutput, Generate, Send, SendAudio, SendRetrieved

SPEECH, SILENCE = 0.95, 0.02
LISTENING_S = 2.0
"""More than can wait to be played: the lead of these sessions, and one chunk."""
EAGER = msgspec.structs.replace(SHORT_LEAD, speculate="speak", language="auto")
PATIENT = msgspec.structs.replace(SHORT_LEAD, speculate="off", language="auto")
"""The voice of each follows the language that was heard, and sounds otherwise in each."""


@dataclass(frozen=True)
class Segment:
    """Speech, then a pause in which a client does things: `(after so many windows, move)`."""

    voiced: int
    silent: int
    tweaks: tuple[tuple[int, Move], ...]


tweaks = st.one_of(
    st.builds(Update, st.sampled_from(QUIET_PATCHES)),
    st.builds(Create, st.sampled_from(("user", "system", "assistant", "speech", "call"))),
)
segments = st.builds(
    Segment,
    st.integers(1, 15),
    st.integers(1, 18),
    st.lists(st.tuples(st.integers(0, 17), tweaks), max_size=2).map(tuple),
)
scripts = st.lists(segments, min_size=1, max_size=8)


def converse(world: World, script: list[Segment]) -> None:
    """Speak as the script says. As soon as a turn is over, its answer is listened to."""
    for segment in script:
        world.make(Sound(segment.voiced, SPEECH))
        for window in range(segment.silent):
            for when, tweak in segment.tweaks:
                if when == window:
                    world.make(tweak)
            pause(world)
    while world.oracle.audio.turn is not None:
        pause(world)
    listen(world)


def pause(world: World) -> None:
    world.make(Sound(1, SILENCE))
    if world.oracle.audio.turn is None:
        listen(world)


def listen(world: World) -> None:
    """The answer is made and heard to its end."""
    world.settle()
    world.until(world.now + LISTENING_S)


JUDGES = HearingAbilities(judges_turns=True)


def both(
    seed: int,
    script: list[Segment],
    temper: Temper,
    config: SessionConfig = WITH_TOOLS,
    abilities: HearingAbilities = JUDGES,
) -> tuple[World, World]:
    """The same conversation with speculation and without, each at its own pace."""
    given: dict[str, Any] = {
        "config": config,
        "temper": temper,
        "vad_lag_s": 0.0,
        "abilities": abilities,
    }
    worlds = (
        World(seed, pace=1, limits=EAGER, **given),
        World(seed, pace=2, limits=PATIENT, **given),
    )
    for world in worlds:
        converse(world, script)
    return worlds


class Story:
    """What was sent, told without ids and times: the events of each item, deltas joined."""

    def __init__(self, world: World) -> None:
        self._names: dict[str, str] = {}
        self._numbers: dict[str, count[int]] = defaultdict(count)
        self.chapters: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for step in world.log:
            for output in step.outputs:
                self._tell(output)
        self.conversation = [
            self._renamed(msgspec.to_builtins(listed.item))
            for listed in world.oracle.conversation.items
        ]

    def _tell(self, output: AnyOutput) -> None:
        if not isinstance(output, Send | SendAudio | SendRetrieved):
            return
        event = self._renamed(msgspec.to_builtins(output.event, builtin_types=(bytes,)))
        del event["event_id"]
        chapter = self.chapters[subject(event)]
        if chapter and "delta" in event and chapter[-1]["type"] == event["type"]:
            chapter[-1]["delta"] += event["delta"]
        else:
            chapter.append(event)

    def _renamed(self, value: Any) -> Any:
        """Ids in the order in which they were first told: `item 1`, `resp 1`."""
        if isinstance(value, dict):
            return {key: self._renamed(element) for key, element in value.items()}
        if isinstance(value, list | tuple):
            return [self._renamed(element) for element in value]
        if isinstance(value, str) and value.startswith(("item_", "resp_", "event_")):
            kind = value.partition("_")[0]
            if value not in self._names:
                self._names[value] = f"{kind} {next(self._numbers[kind])}"
            return self._names[value]
        return value


def subject(event: dict[str, Any]) -> str:
    """What an event is about: an item, a response, or the session."""
    if "item_id" in event:
        return str(event["item_id"])
    about = event.get("item") or event.get("response") or {"id": "session"}
    return str(about["id"])


def answered_prompts(world: World) -> list[Prompt | None]:
    """For each response in order, the last prompt that was asked before it ended."""
    prompts: list[Prompt | None] = []
    last = None
    for output in (output for step in world.log for output in step.outputs):
        match output:
            case Generate(prompt=prompt):
                last = prompt
            case Send(event=ResponseDone()):
                prompts.append(last)
    return prompts


def asked_prompts(world: World) -> list[Prompt | None]:
    """For each response in order, the prompt that was asked while it ran, if any was."""
    prompts: list[Prompt | None] = []
    for output in (output for step in world.log for output in step.outputs):
        match output:
            case Send(event=ResponseCreated()):
                prompts.append(None)
            case Generate(prompt=prompt):
                prompts[-1] = prompt
    return prompts


HEARD_ONLY = msgspec.structs.replace(WITH_TOOLS, audio=Audio())
"""Nobody reads what the user says."""

HEARD_OTHERWISE = {"transcription": {"model": "w", "language": "de"}}
"""An update in the pause has the turn heard again: here the words turn out to be noise."""


@example(
    seed=0,
    script=[
        Segment(1, 1, ()),
        Segment(1, 1, ()),
        Segment(1, 6, ((5, Update({"type": "realtime", "audio": {"input": HEARD_OTHERWISE}})),)),
    ],
)
@given(seed=st.integers(0, 2**16), script=scripts)
def test_speculation_tells_the_same_story(seed: int, script: list[Segment]) -> None:
    eager, patient = (Story(world) for world in both(seed, script, STEADY))
    assert eager.chapters == patient.chapters
    assert eager.conversation == patient.conversation


@given(seed=st.integers(0, 2**16), script=scripts)
def test_speculation_tells_the_same_story_of_turns_that_end_with_their_sense(
    seed: int, script: list[Segment]
) -> None:
    eager, patient = (Story(world) for world in both(seed, script, STEADY, ATTENTIVE))
    assert eager.chapters == patient.chapters
    assert eager.conversation == patient.conversation


@given(
    seed=st.integers(0, 2**16),
    script=scripts,
    speaks=st.booleans(),
    config=st.sampled_from((WITH_TOOLS, HEARD_ONLY)),
)
def test_speculation_tells_the_same_story_of_a_model_that_hears(
    seed: int, script: list[Segment], *, speaks: bool, config: SessionConfig
) -> None:
    able = HearingAbilities(hears=True, speaks=speaks)
    eager, patient = (Story(world) for world in both(seed, script, STEADY, config, able))
    assert eager.chapters == patient.chapters
    assert eager.conversation == patient.conversation


@given(seed=st.integers(0, 2**16), script=scripts)
def test_an_adopted_draft_was_asked_the_same_prompt(seed: int, script: list[Segment]) -> None:
    eager, patient = both(seed, script, STEADY)
    asked, answered = asked_prompts(patient), answered_prompts(eager)
    assert len(asked) == len(answered)
    for without, adopted in zip(asked, answered, strict=True):
        assert without is None or adopted == without


@pytest.mark.parametrize("hears", [False, True])
def test_speculation_is_at_work_in_these_conversations(*, hears: bool) -> None:
    """Otherwise the properties above would say nothing."""
    script = [Segment(10, 18, ())]
    adopted = 0
    able = HearingAbilities(hears=hears, speaks=hears)
    for seed in range(20):
        eager, patient = both(seed, script, Temper(slowest_s=0.1), abilities=able)
        adopted += asked_prompts(patient) != [None] and asked_prompts_early(eager)
    assert adopted > 5


def asked_prompts_early(world: World) -> bool:
    """Whether the model was asked before the response was created, and never again."""
    asked = [
        isinstance(output, Generate)
        for step in world.log
        for output in step.outputs
        if isinstance(output, Generate)
        or (isinstance(output, Send) and isinstance(output.event, ResponseCreated))
    ]
    return asked == [True, False]
