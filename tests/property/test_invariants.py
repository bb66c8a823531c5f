"""The ten invariants hold after every step of any conversation, however the client behaves."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from support.moves import Move, moves
from support.world import (
    ATTENTIVE,
    IDLE,
    SHORT_LEAD,
    TALKATIVE,
    WITH_SERVERS,
    WITH_TOOLS,
    World,
)
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.protocol.session_config import SessionConfig, TranscriptionSession
from vivavoce.session.barge_in_policy import BargeInPolicy
from vivavoce.session.state import Limits

WRITES_ONLY = TranscriptionSession(id="sess_world")

configs = st.sampled_from((TALKATIVE, IDLE, WITH_TOOLS, WITH_SERVERS, ATTENTIVE, WRITES_ONLY))
WARY = BargeInPolicy(least_voiced_ms=100, backchannels=("yes", "well"), ignore_own_speech=True)
"""Its backchannels are words that the imagined users and assistants say."""

limits = st.sampled_from(
    (
        SHORT_LEAD,
        Limits(lifetime_s=None, speculate="off"),
        Limits(lifetime_s=None, speculate="transcribe"),
        Limits(lifetime_s=None, speculate="generate"),
        Limits(lifetime_s=None, max_turn_ms=900, max_lead_ms=50),
        Limits(lifetime_s=None, max_buffer_ms=400),
        Limits(lifetime_s=20.0),
        Limits(lifetime_s=None, max_items=3),
        Limits(lifetime_s=None, barge_in=BargeInPolicy(least_voiced_ms=200)),
        msgspec.structs.replace(SHORT_LEAD, barge_in=WARY),
    )
)

many = settings(max_examples=4 * settings().max_examples)
"""This property is the widest: it gets more examples than others do."""


abilities = st.builds(
    HearingAbilities,
    streams=st.booleans(),
    judges_turns=st.booleans(),
    hears=st.booleans(),
    speaks=st.booleans(),
)


@many
@given(
    seed=st.integers(0, 2**16),
    config=configs,
    within=limits,
    able=abilities,
    script=moves,
)
def test_any_conversation_keeps_the_invariants(
    seed: int,
    config: SessionConfig,
    within: Limits,
    able: HearingAbilities,
    script: list[Move],
) -> None:
    world = World(seed, config=config, limits=within, abilities=able)
    for move in script:
        world.make(move)
    world.settle()
    world.leave()


@given(seed=st.integers(0, 2**16), script=moves)
def test_any_conversation_may_be_left_at_any_time(seed: int, script: list[Move]) -> None:
    world = World(seed, config=WITH_SERVERS)
    for move in script:
        world.make(move)
    world.leave()
