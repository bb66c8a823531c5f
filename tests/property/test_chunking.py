"""One append of N samples and N appends of one are the same audio."""

from hypothesis import given
from hypothesis import strategies as st

from support.moves import Move, moves
from support.world import ATTENTIVE, WITH_TOOLS, World
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.protocol.session_config import SessionConfig
from vivavoce.session.inputs import AudioAppended
from vivavoce.session.outputs import AnyOutput, Measured, TrimAudio

chunk_sizes = st.lists(st.integers(400, 20_000), min_size=1, max_size=5)


JUDGING = HearingAbilities(judges_turns=True)


def spoken_in(chunks: list[int], seed: int, config: SessionConfig, script: list[Move]) -> World:
    world = World(seed, config=config, chunks=chunks, abilities=JUDGING)
    for move in script:
        world.make(move)
    world.settle()
    return world


def story(world: World) -> list[tuple[object, list[AnyOutput]]]:
    """All that happened but the appends, and all that was done about it.

    How far the tape may be trimmed is seen at an append, so that trims come in other steps.
    """
    return [
        (step.happened, [o for o in step.outputs if not isinstance(o, TrimAudio | Measured)])
        for step in world.log
        if not isinstance(step.happened, AudioAppended)
    ]


@given(
    seed=st.integers(0, 2**16),
    config=st.sampled_from((WITH_TOOLS, ATTENTIVE)),
    script=moves,
    one=chunk_sizes,
    other=chunk_sizes,
)
def test_chunks_of_audio_do_not_matter(
    seed: int, config: SessionConfig, script: list[Move], one: list[int], other: list[int]
) -> None:
    first, second = (spoken_in(chunks, seed, config, script) for chunks in (one, other))
    assert story(first) == story(second)
    assert first.oracle.audio.start == second.oracle.audio.start
    assert first.oracle.audio.appended == second.oracle.audio.appended
