"""How long after the endpoint an answer is first heard, to the millisecond, in virtual time.

Windows are of 32 ms, so that a pause of 150 ms is seen after 160, and one of 500 ms after 512.
"""

import pytest

from support.cast import Cast
from support.stage import TRANSCRIBED, Stage
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.session.outputs import Measured
from vivavoce.session.speculation import Speculation
from vivavoce.session.state import Limits

STEP_MS = 160
"""When the pause is seen to be worth hearing."""

Times = tuple[int, int, int]
"""Milliseconds to the transcript, to the first words, to the first sound."""

FAST: Times = (80, 120, 60)


def stage_with(times: Times, level: Speculation = "speak") -> Stage:
    hear_ms, write_ms, speak_ms = times
    cast = Cast(
        says=[("Sure, ", "I will do it.")],
        hearing_s=hear_ms / 1000,
        piece_s=write_ms / 1000,
        chunk_s=speak_ms / 1000,
    )
    return Stage(cast=cast, limits=Limits(speculate=level), **TRANSCRIBED)


def turn(stage: Stage, *pauses_ms: int) -> None:
    """A turn with pauses inside, and all of its answer."""
    for pause_ms in pauses_ms:
        stage.speech(512)
        stage.silence(pause_ms)
    stage.speech(512)
    stage.silence(1504)
    stage.advance(10_000)


def waits_ms(stage: Stage) -> list[int]:
    """From each endpoint to the first sound of its answer."""
    waits = []
    for measured in [o for o in stage.outputs if isinstance(o, Measured)]:
        waterfall = measured.waterfall
        assert waterfall.endpoint is not None
        assert waterfall.first_audio is not None
        waits.append(round(1000 * (waterfall.first_audio - waterfall.endpoint)))
    return waits


def test_three_engines_that_are_fast_enough_answer_at_the_endpoint() -> None:
    stage = stage_with(FAST)
    turn(stage)
    turn(stage)
    assert waits_ms(stage) == [0, 0]


def test_the_first_sound_leaves_in_the_very_step_of_the_endpoint() -> None:
    stage = stage_with(FAST)
    stage.speech(512)
    stage.silence(480)
    stage.news()
    stage.silence(32)
    told = stage.told()
    assert told[0].startswith("speech_stopped")
    assert "audio.delta item2 360ms" in told


@pytest.mark.parametrize("pauses_ms", [(192,), (480,), (96,), (192, 320, 64)])
def test_pauses_inside_of_a_turn_cost_nothing(pauses_ms: tuple[int, ...]) -> None:
    stage = stage_with(FAST)
    turn(stage, *pauses_ms)
    turn(stage, *pauses_ms)
    assert waits_ms(stage) == [0, 0]


@pytest.mark.parametrize("times", [(200, 120, 60), (80, 300, 60), (400, 300, 200), (900, 10, 10)])
@pytest.mark.parametrize(("silence_ms", "seen_ms"), [(300, 320), (500, 512), (1000, 1024)])
def test_slower_engines_answer_as_much_later_as_the_silence_leaves_them(
    times: Times, silence_ms: int, seen_ms: int
) -> None:
    stage = stage_with(times)
    detection = {"type": "server_vad", "silence_duration_ms": silence_ms}
    stage.update_input(turn_detection=detection)
    turn(stage)
    turn(stage, 192)
    assert waits_ms(stage) == [max(STEP_MS + sum(times) - seen_ms, 0)] * 2


@pytest.mark.parametrize(
    ("level", "wait_ms"), [("off", 260), ("transcribe", 180), ("generate", 60), ("speak", 0)]
)
def test_each_level_takes_an_engine_out_of_the_wait(level: Speculation, wait_ms: int) -> None:
    stage = stage_with(FAST, level)
    turn(stage)
    turn(stage, 192)
    assert waits_ms(stage) == [wait_ms] * 2


def test_a_verdict_finds_the_answer_there() -> None:
    stage = Stage(
        cast=Cast(says=[("Sure, ", "I will.")], hearing_s=0.03, piece_s=0.02, chunk_s=0.01),
        abilities=HearingAbilities(judges_turns=True),
    )
    stage.update_input(turn_detection={"type": "semantic_vad"})
    stage.speech(512)
    stage.silence(224)
    stage.judged(0.9)
    stage.advance(10_000)
    assert waits_ms(stage) == [0]
