import numpy as np
import numpy.typing as npt
import pytest

from vivavoce.engines.base import VoiceActivityDetector
from vivavoce.engines.vad.scripted import SILENCE, SPEECH, ScriptedDetector


def window(dbfs: float) -> npt.NDArray[np.int16]:
    """A square wave of this level."""
    square = np.where(np.arange(768) % 48 < 24, 1, -1)
    return np.rint(square * 32768 * 10 ** (dbfs / 20)).astype(np.int16)


def test_loud_windows_are_speech_and_quiet_ones_are_not() -> None:
    detector: VoiceActivityDetector = ScriptedDetector()
    detector.load()
    streams = [detector.open_stream() for _ in range(4)]
    windows = np.stack([window(-20), window(-44), window(-46), np.zeros(768, np.int16)])
    assert detector.score(streams, windows) == [SPEECH, SPEECH, SILENCE, SILENCE]


def test_the_threshold_is_a_parameter() -> None:
    detector = ScriptedDetector(threshold=-10.0)
    stream = detector.open_stream()
    assert detector.score([stream], window(-12)[np.newaxis]) == [SILENCE]
    assert detector.score([stream], window(-8)[np.newaxis]) == [SPEECH]


def test_the_loudest_samples_do_not_overflow() -> None:
    detector = ScriptedDetector()
    full_scale = np.full((1, 768), -32768, np.int16)
    assert detector.score([detector.open_stream()], full_scale) == [SPEECH]


def test_no_streams_give_no_scores() -> None:
    assert ScriptedDetector().score([], np.zeros((0, 768), np.int16)) == []


async def test_a_closed_stream_is_refused() -> None:
    detector = ScriptedDetector()
    stream = detector.open_stream()
    detector.close_stream(stream)
    with pytest.raises(ValueError, match="no such open stream"):
        detector.score([stream], window(-8)[np.newaxis])
    await detector.close()
