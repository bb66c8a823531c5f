import numpy as np
import pytest

from vivavoce.speech import SAMPLE_RATE, clip, clip_names

FRAME = SAMPLE_RATE // 200


def loud_frames(samples: np.ndarray) -> np.ndarray:
    """Numbers of the frames of 5 ms that are within 40 dB of the loudest."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    level = np.sqrt(np.mean(frames**2, axis=1))
    return np.flatnonzero(level > level.max() / 100)


@pytest.mark.parametrize("name", clip_names())
def test_onset_and_offset_are_where_the_energy_is(name: str) -> None:
    spoken = clip(name)
    samples = np.frombuffer(spoken.pcm, "<i2").astype(float)
    loud = loud_frames(samples)
    assert loud[0] * 5 == pytest.approx(spoken.onset_ms, abs=5)
    assert (loud[-1] + 1) * 5 == pytest.approx(spoken.offset_ms, abs=5)
    assert np.abs(samples).max() > 3_000


@pytest.mark.parametrize("name", clip_names())
def test_there_is_silence_before_and_after(name: str) -> None:
    spoken = clip(name)
    samples = np.frombuffer(spoken.pcm, "<i2")
    silence = SAMPLE_RATE * 3 // 10
    assert not samples[:silence].any()
    assert not samples[-silence:].any()


def test_two_sentences_are_300_ms_apart() -> None:
    spoken = clip("two_sentences")
    loud = loud_frames(np.frombuffer(spoken.pcm, "<i2").astype(float))
    assert np.diff(loud).max() * 5 == pytest.approx(300, abs=25)


def test_the_clips_together_are_small() -> None:
    assert sum(len(clip(name).pcm) for name in clip_names()) < 1_500_000


def test_an_unknown_clip_is_named_with_those_there_are() -> None:
    with pytest.raises(KeyError, match="no clip 'dance'; there are hello,"):
        clip("dance")
