"""Drafting in pauses changes when things are said, never what is said."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from support.imagined_engines import STEADY, Temper
from support.moves import QUIET_PATCHES, ChangeLoad, Create, Move, Sound, Update, loads
from support.story import Story
from support.world import ATTENTIVE, DICE, LOOK, SHORT_LEAD, WITH_SERVERS, WITH_TOOLS, World
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.protocol.prompt import Prompt
from vivavoce.protocol.server_events import ResponseCreated, ResponseDone, SpeechStopped
from vivavoce.protocol.session_config import Audio, SessionConfig
from vivavoce.session.inputs import ToolCallGenerated
from vivavoce.session.outputs import CallTool, Cancel, Generate, Send, Speculated
from vivavoce.session.speculation import LEVELS, Speculation

SPEECH, SILENCE = 0.95, 0.02
LISTENING_S = 2.0
"""More than can wait to be played: the lead of these sessions, and one chunk."""
LIMITS = msgspec.structs.replace(SHORT_LEAD, language="auto")
"""The voice follows the language that was heard, and sounds otherwise in each."""


@dataclass(frozen=True)
class Segment:
    """Speech, then a pause in which a client does things: `(after so many windows, move)`."""

    voiced: int
    silent: int
    tweaks: tuple[tuple[int, Move], ...]


levels = st.sampled_from(LEVELS[1:])


def scripts_with(patches: tuple[dict[str, Any], ...]) -> st.SearchStrategy[list[Segment]]:
    """Conversations whose clients change these settings."""
    tweaks = st.one_of(
        st.builds(Update, st.sampled_from(patches)),
        st.builds(Create, st.sampled_from(("user", "system", "assistant", "speech", "call"))),
        loads,
    )
    timed = st.lists(st.tuples(st.integers(0, 17), tweaks), max_size=2).map(tuple)
    segments = st.builds(Segment, st.integers(1, 15), st.integers(1, 18), timed)
    return st.lists(segments, min_size=1, max_size=8)


UNREAD: dict[str, Any] = {"type": "realtime", "audio": {"input": {"transcription": None}}}
STILL_READ = tuple(patch for patch in QUIET_PATCHES if patch != UNREAD)
"""Which words of a turn that is followed a client still reads when it has said that it wants no
more of them depends on when they came."""

seeds = st.integers(0, 2**16)
scripts = scripts_with(QUIET_PATCHES)
read_scripts = scripts_with(STILL_READ)


def converse(world: World, script: list[Segment]) -> None:
    """Speak as the script says. As soon as a turn is over, its answer is listened to."""
    world.settle()
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
    temper: Temper = STEADY,
    config: SessionConfig = WITH_TOOLS,
    abilities: HearingAbilities = JUDGES,
    level: Speculation = "speak",
) -> tuple[World, World]:
    """The same conversation with speculation and without, each at its own pace."""
    given: dict[str, Any] = {
        "config": config,
        "temper": temper,
        "vad_lag_s": 0.0,
        "abilities": abilities,
    }
    worlds = (
        World(seed, pace=1, limits=msgspec.structs.replace(LIMITS, speculate=level), **given),
        World(seed, pace=2, limits=msgspec.structs.replace(LIMITS, speculate="off"), **given),
    )
    for world in worlds:
        converse(world, script)
    return worlds


def assert_same_story(eager: World, patient: World) -> None:
    """The clients of both were told the same, and the same tools were called."""
    told, expected = Story(eager), Story(patient)
    assert told.chapters == expected.chapters
    assert told.conversation == expected.conversation
    assert called(eager) == called(patient)
    assert_no_tool_is_called_on_trial(eager)


def called(world: World) -> list[tuple[str, str, str]]:
    """The calls of MCP tools: server, name and arguments."""
    return [
        (output.server.label, output.name, output.arguments)
        for step in world.log
        for output in step.outputs
        if isinstance(output, CallTool)
    ]


def with_trials(world: World) -> Iterator[tuple[object, frozenset[int]]]:
    """All that happened and was done, and the models that then answered a turn not yet over."""
    trials, answering = frozenset[int](), False
    for step in world.log:
        for met in (step.happened, *step.outputs):
            match met:
                case Send(event=ResponseCreated() | ResponseDone() as event):
                    answering = isinstance(event, ResponseCreated)
                case Generate(job=job) if not answering:
                    trials |= {job}
                case Cancel(job=job):
                    trials -= {job}
                case Send(event=SpeechStopped()):
                    trials = frozenset()
            yield met, trials


def assert_no_tool_is_called_on_trial(world: World) -> None:
    """Tools have effects: what a trial asks for waits until its turn is over."""
    for met, trials in with_trials(world):
        early = isinstance(met, CallTool) and trials
        assert not early, f"{met} before the end of the turn that {trials} answer"


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

ONE_SERVER = msgspec.structs.replace(WITH_SERVERS, tools=(DICE, LOOK))
servers = st.sampled_from(((ONE_SERVER, STEADY), (WITH_SERVERS, replace(STEADY, server_fails=0.0))))
"""Of two servers that fail, either may be the first to say so."""

HEARS_ALL = replace(STEADY, hearing_fails=0.0)
"""What a client was told of a turn that then fails to be heard depends on how far it had come."""


@example(
    seed=0,
    script=[
        Segment(1, 1, ()),
        Segment(1, 1, ()),
        Segment(1, 6, ((5, Update({"type": "realtime", "audio": {"input": HEARD_OTHERWISE}})),)),
    ],
    level="speak",
)
@example(
    seed=0,
    script=[Segment(1, 5, ()), Segment(1, 6, ((5, ChangeLoad("high")),)), Segment(1, 18, ())],
    level="speak",
)
@given(seed=seeds, script=scripts, level=levels)
def test_speculation_tells_the_same_story(
    seed: int, script: list[Segment], level: Speculation
) -> None:
    assert_same_story(*both(seed, script, level=level))


@given(seed=seeds, script=scripts, level=levels)
def test_speculation_tells_the_same_story_of_turns_that_end_with_their_sense(
    seed: int, script: list[Segment], level: Speculation
) -> None:
    assert_same_story(*both(seed, script, config=ATTENTIVE, level=level))


@given(seed=seeds, script=scripts, level=levels, served=servers)
def test_speculation_tells_the_same_story_of_tools_on_servers(
    seed: int, script: list[Segment], level: Speculation, served: tuple[SessionConfig, Temper]
) -> None:
    config, temper = served
    assert_same_story(*both(seed, script, temper, config, level=level))


@given(seed=seeds, script=read_scripts, level=levels)
def test_speculation_tells_the_same_story_of_a_recogniser_that_streams(
    seed: int, script: list[Segment], level: Speculation
) -> None:
    able = HearingAbilities(judges_turns=True, streams=True)
    assert_same_story(*both(seed, script, HEARS_ALL, abilities=able, level=level))


@given(
    seed=seeds,
    script=read_scripts,
    level=levels,
    speaks=st.booleans(),
    streams=st.booleans(),
    config=st.sampled_from((WITH_TOOLS, HEARD_ONLY)),
)
def test_speculation_tells_the_same_story_of_a_model_that_hears(
    seed: int,
    script: list[Segment],
    level: Speculation,
    *,
    speaks: bool,
    streams: bool,
    config: SessionConfig,
) -> None:
    able = HearingAbilities(hears=True, speaks=speaks, streams=streams)
    assert_same_story(*both(seed, script, HEARS_ALL, config, able, level))


@given(seed=seeds, script=scripts)
def test_an_adopted_draft_was_asked_the_same_prompt(seed: int, script: list[Segment]) -> None:
    eager, patient = both(seed, script)
    asked, answered = asked_prompts(patient), answered_prompts(eager)
    assert len(asked) == len(answered)
    for without, adopted in zip(asked, answered, strict=True):
        assert without is None or adopted == without


@pytest.mark.parametrize("able", [JUDGES, HearingAbilities(streams=True)])
@pytest.mark.parametrize("level", LEVELS)
def test_speculation_is_at_work_in_these_conversations(
    level: Speculation, able: HearingAbilities
) -> None:
    """Otherwise the properties above would say nothing."""
    script = [Segment(10, 10, ()), Segment(10, 18, ())]
    fates: set[tuple[str, str]] = set()
    for seed in range(40):
        eager, patient = both(seed, script, abilities=able, level=level)
        fates |= fates_of(eager)
        assert fates_of(patient) == set()
    works = LEVELS[1 : LEVELS.index(level) + 1]
    assert fates >= {(work, fate) for work in works for fate in ("used", "resumed")}
    assert {work for work, _ in fates} == set(works)


def test_trials_ask_for_tools_of_servers_in_these_conversations() -> None:
    """Otherwise it would say nothing that none is called."""
    script = [Segment(10, 18, ()), Segment(10, 18, ())]
    asked = 0
    for seed in range(20):
        eager, _ = both(seed, script, Temper(slowest_s=0.1), ONE_SERVER)
        asked += sum(
            isinstance(met, ToolCallGenerated)
            and met.job in trials
            and met.name not in (None, LOOK.name)
            for met, trials in with_trials(eager)
        )
    assert asked > 5


def fates_of(world: World) -> set[tuple[str, str]]:
    """What was done on trial, and what became of it."""
    return {
        (output.work, output.fate)
        for step in world.log
        for output in step.outputs
        if isinstance(output, Speculated)
    }


@pytest.mark.parametrize("hears", [False, True])
def test_a_draft_is_adopted_in_these_conversations(*, hears: bool) -> None:
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
