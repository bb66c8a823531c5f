"""The same inputs at the same times give the same outputs, byte for byte: a trace is a test."""

import random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from support.moves import Move, moves
from support.world import ATTENTIVE, SHORT_LEAD, WITH_SERVERS, Step, World
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.protocol.ids import Ids
from vivavoce.protocol.session_config import SessionConfig
from vivavoce.session.barge_in_policy import BargeInPolicy
from vivavoce.session.inputs import AnyInput
from vivavoce.session.machine import Session
from vivavoce.session.outputs import AnyOutput

seeds = st.integers(0, 2**16)
encode = msgspec.json.encode
inputs = msgspec.json.Decoder(AnyInput)
outputs = msgspec.json.Decoder(tuple[AnyOutput, ...])


worlds = st.sampled_from((WITH_SERVERS, ATTENTIVE))
JUDGING = HearingAbilities(judges_turns=True)
NATIVE = HearingAbilities(judges_turns=True, hears=True, speaks=True)
LIMITS = msgspec.structs.replace(
    SHORT_LEAD, barge_in=BargeInPolicy(backchannels=True, ignore_own_speech=True)
)


abilities = st.sampled_from((JUDGING, NATIVE))


def recorded(
    seed: int, config: SessionConfig, script: list[Move], able: HearingAbilities
) -> list[Step]:
    world = World(seed, config=config, limits=LIMITS, abilities=able)
    for move in script:
        world.make(move)
    world.settle()
    world.leave()
    return world.log


@given(seed=seeds, config=worlds, script=moves, able=abilities)
def test_a_trace_is_replayed_byte_for_byte(
    seed: int, config: SessionConfig, script: list[Move], able: HearingAbilities
) -> None:
    trace = [
        (step.now, encode(step.happened), encode(step.outputs))
        for step in recorded(seed, config, script, able)
    ]
    ids = Ids(random.Random(seed).getrandbits)
    session = Session(config, ids=ids, limits=LIMITS, abilities=able)
    for now, happened, done in trace:
        assert encode(session.receive(inputs.decode(happened), now)) == done


@given(seed=seeds, config=worlds, script=moves, able=abilities)
def test_inputs_and_outputs_survive_a_trace(
    seed: int, config: SessionConfig, script: list[Move], able: HearingAbilities
) -> None:
    for step in recorded(seed, config, script, able):
        assert inputs.decode(encode(step.happened)) == step.happened
        read = outputs.decode(encode(step.outputs))
        assert read == step.outputs
        assert encode(read) == encode(step.outputs)
