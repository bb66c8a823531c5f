import numpy as np
import pytest

from support.tiny_sherpa import mel_band
from vivavoce.audio.pcm import FULL_SCALE, to_samples
from vivavoce.audio.resample import convert
from vivavoce.engines.turn.log_mel import log_mel
from vivavoce.speech import SAMPLE_RATE, clip


def speech() -> np.ndarray:
    samples = to_samples(convert(clip("story").pcm, SAMPLE_RATE, 16_000))
    return samples[: len(samples) // 160 * 160].astype(np.float32) / FULL_SCALE


def test_the_features_are_those_of_whisper() -> None:
    extractor = pytest.importorskip("faster_whisper.feature_extractor").FeatureExtractor()
    samples = speech()
    even = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    theirs = extractor(even.astype(np.float32))[:, : len(samples) // 160]
    ours = log_mel(samples)
    assert ours.shape == theirs.shape
    # At the end it pads with silence, where ours sees the last samples mirrored.
    assert np.abs(ours - theirs)[:, :-2].max() < 1e-3


@pytest.mark.parametrize("frequency", [500.0, 1000.0, 2000.0, 4000.0])
def test_a_tone_is_loudest_in_its_band(frequency: float) -> None:
    tone = np.sin(2 * np.pi * frequency * np.arange(16_000) / 16_000)
    loudest = log_mel(tone).mean(axis=1).argmax()
    assert abs(int(loudest) - mel_band(frequency)) <= 1


def test_a_click_is_in_its_frame() -> None:
    samples = np.random.default_rng(0).normal(0, 1e-4, 32_000)
    samples[16_000] = 1.0
    assert abs(int(log_mel(samples).sum(axis=0).argmax()) - 100) <= 1


def test_loudness_does_not_matter() -> None:
    assert np.allclose(log_mel(speech()), log_mel(speech() / 10), atol=1e-2)


def test_silence_has_features_too() -> None:
    features = log_mel(np.zeros(128_000, np.float32))
    assert features.shape == (80, 800)
    assert np.isfinite(features).all()
