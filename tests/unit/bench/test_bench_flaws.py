import msgspec
import pytest

from support.bench_figures import client, listening, report
from vivavoce.bench.figures import Answering, Listening, Ramp, Tally, Utterance
from vivavoce.bench.flaws import flaws

COMPLETE = Tally(expected=6, found=6, missed=0, extra=0)


def answering(answered: int, *, late: bool = False) -> Answering:
    return Answering(
        callers=2,
        turns=6,
        answered=answered,
        starts=COMPLETE,
        stops=COMPLETE,
        after_endpoint_ms=None,
        after_decided_ms=None,
        after_speech_stopped_ms=None,
        waterfall=[],
        client=client(late=late),
        not_measured={},
    )


def utterance(whole: int) -> Utterance:
    return Utterance(
        callers=4,
        early_cpu_ms_per_audio_s=1.0,
        late_cpu_ms_per_audio_s=1.0,
        late_over_early=1.0,
        whole=whole,
        client=client(),
        not_measured={},
    )


def ramp(callers: int, *runs: Listening) -> Ramp:
    return Ramp(
        lag_target_ms=100, lag_behind="endpoint", callers=callers, ended="", runs=list(runs)
    )


@pytest.mark.parametrize(
    "measured",
    [
        {"listening": listening(32, 40)},
        {"listening": msgspec.structs.replace(listening(32, 40), transcripts=None)},
        {"answering": answering(6)},
        {"utterance": utterance(4)},
        {"ramp": ramp(32, listening(32, 40), listening(64, 400, missed=9))},
    ],
)
def test_nothing_is_wrong_with_a_server_that_did_all_it_should(measured: dict[str, object]) -> None:
    assert list(flaws(report(**measured))) == []


@pytest.mark.parametrize(
    ("measured", "said"),
    [
        ({"listening": listening(32, 40, missed=1)}, "speech_stopped, 1 missed, 0 extra"),
        ({"listening": listening(32, 40, extra=2)}, "speech_stopped, 0 missed, 2 extra"),
        ({"listening": listening(32, 40, unwritten=3)}, "3 transcripts missed"),
        ({"listening": listening(32, 40, late=True)}, "listening: the client was late"),
        ({"answering": answering(0)}, "6 of 6 turns were not answered"),
        ({"answering": answering(6, late=True)}, "answering: the client was late"),
        ({"utterance": utterance(3)}, "1 of 4 were not taken for one"),
        ({"ramp": ramp(0, listening(1, 400))}, "no number of callers held"),
        ({"ramp": ramp(1, listening(2, 40, late=True))}, "2 callers: the client was late"),
    ],
)
def test_each_flaw_is_told(measured: dict[str, object], said: str) -> None:
    (flaw,) = flaws(report(**measured))
    assert said in flaw
