"""smart-turn: on a tiny model everywhere, and on its own weights where they are installed."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from support.tiny_smart_turn import HIGH, LOW, RATE, turn, write_tiny_smart_turn
from vivavoce.audio.resample import convert
from vivavoce.audio.units import BYTES_PER_MS
from vivavoce.engines.base import EngineError, MissingDependencyError
from vivavoce.engines.contract import TurnDetectorContract
from vivavoce.engines.turn.smart_turn import SmartTurnDetector, find_model
from vivavoce.speech import SAMPLE_RATE, clip, clip_names


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnxruntime", reason="onnxruntime has no wheel for this machine")
    return write_tiny_smart_turn(tmp_path_factory.mktemp("smart-turn") / "model.onnx")


@pytest.fixture(scope="module")
def make_engine(tiny: Path) -> Callable[[], SmartTurnDetector]:
    return lambda: SmartTurnDetector(str(tiny))


class TestSmartTurn(TurnDetectorContract[SmartTurnDetector]):
    def make_broken_engine(self) -> SmartTurnDetector:
        return SmartTurnDetector("/nowhere/model.onnx")


async def judged(path: Path, *turns: bytes) -> list[float]:
    detector = SmartTurnDetector.from_spec(str(path))
    detector.load()
    try:
        return [await detector.judge(turn) for turn in turns]
    finally:
        await detector.close()


async def test_a_falling_voice_is_told_from_a_rising_one(tiny: Path) -> None:
    low, high = await judged(tiny, turn(LOW), turn(HIGH))
    assert high < 0.3 < 0.7 < low


async def test_only_the_last_eight_seconds_are_heard(tiny: Path) -> None:
    before = np.random.default_rng(0).normal(0, 3000, 8 * RATE).astype("<i2").tobytes()
    full = bytes(2 * 7 * RATE) + turn(LOW, pause_ms=0)
    alone, behind = await judged(tiny, full, before + full)
    assert alone == behind


async def test_the_event_loop_goes_on_while_a_turn_is_judged(tiny: Path) -> None:
    detector = SmartTurnDetector(str(tiny))
    detector.load()
    judgement = asyncio.create_task(detector.judge(turn(LOW)))
    rounds = 0
    while not judgement.done():
        await asyncio.sleep(0)
        rounds += 1
    await detector.close()
    assert rounds > 10, "features and model are computed elsewhere"


async def test_it_can_be_loaded_again_after_it_was_closed(tiny: Path) -> None:
    detector = SmartTurnDetector(str(tiny))
    for _ in range(2):
        detector.load()
        assert 0 <= await detector.judge(turn(LOW)) <= 1
        await detector.close()


async def test_it_has_to_be_loaded(tiny: Path) -> None:
    with pytest.raises(EngineError, match="not loaded"):
        await SmartTurnDetector(str(tiny)).judge(turn(LOW))


def test_a_model_of_another_form_is_named_with_its_form(tmp_path: Path) -> None:
    other = write_tiny_smart_turn(tmp_path / "other.onnx", frames=400)
    with pytest.raises(EngineError, match=r"no smart-turn v3 model.*80, 800.*80, 400"):
        SmartTurnDetector(str(other)).load()


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"vivavoce\[smart-turn\].*--no-deps"):
        find_model()


def test_the_package_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "pipecat/audio/turn/smart_turn/data"
    data.mkdir(parents=True)
    (tmp_path / "pipecat/__init__.py").write_text("raise RuntimeError('imported')")
    for version in ("3.1", "3.2"):
        (data / f"smart-turn-v{version}-cpu.onnx").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_model() == data / "smart-turn-v3.2-cpu.onnx"


# --- its own weights ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def weights() -> Path:
    try:
        return find_model()
    except MissingDependencyError as error:
        pytest.skip(str(error))


def cut_at(name: str, share: float) -> bytes:
    """A recorded turn up to this share of its speech, and 200 ms of pause, at 16 kHz."""
    spoken = clip(name)
    end_ms = int(spoken.onset_ms + (spoken.offset_ms - spoken.onset_ms) * share)
    pcm = spoken.pcm[: end_ms * BYTES_PER_MS] + bytes(200 * BYTES_PER_MS)
    return convert(pcm, SAMPLE_RATE, RATE)


async def test_whole_sentences_are_complete_more_often_than_halves(weights: Path) -> None:
    """Synthetic voices: a check that it is fed what it was trained on, and not of its quality."""
    whole = await judged(weights, *(cut_at(name, 1.0) for name in clip_names()))
    halves = await judged(weights, *(cut_at(name, 0.55) for name in clip_names()))
    assert np.mean(whole) > np.mean(halves) + 0.2
    assert sum(verdict >= 0.5 for verdict in whole) >= 6
