"""The same inputs at the same times give the same outputs, byte for byte: a trace is a test."""

import random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from support.moves import Move, moves
from support.world import SHORT_LEAD, WITH_SERVERS, Step, World
from vivavoce.protocol.ids import Ids
from vivavoce.session.inputs import AnyInput
from vivavoce.session.machine import Session
from vivavoce.session.outputs import AnyOutput

seeds = st.integers(0, 2**16)
encode = msgspec.json.encode
inputs = msgspec.json.Decoder(AnyInput)
outputs = msgspec.json.Decoder(tuple[AnyOutput, ...])


def recorded(seed: int, script: list[Move]) -> list[Step]:
    world = World(seed, config=WITH_SERVERS)
    for move in script:
        world.make(move)
    world.settle()
    world.leave()
    return world.log


@given(seed=seeds, script=moves)
def test_a_trace_is_replayed_byte_for_byte(seed: int, script: list[Move]) -> None:
    trace = [
        (step.now, encode(step.happened), encode(step.outputs)) for step in recorded(seed, script)
    ]
    session = Session(WITH_SERVERS, ids=Ids(random.Random(seed).getrandbits), limits=SHORT_LEAD)
    for now, happened, done in trace:
        assert encode(session.receive(inputs.decode(happened), now)) == done


@given(seed=seeds, script=moves)
def test_inputs_and_outputs_survive_a_trace(seed: int, script: list[Move]) -> None:
    for step in recorded(seed, script):
        assert inputs.decode(encode(step.happened)) == step.happened
        assert outputs.decode(encode(step.outputs)) == step.outputs
