"""WebRTC's noise suppression, the real one; it has wheels for Linux."""

import sys
from collections.abc import Callable

import pytest

from vivavoce.engines.base import EngineError, MissingDependencyError
from vivavoce.engines.contract import NoiseReducerContract
from vivavoce.engines.noise.webrtc import WebRtcNoiseReducer


@pytest.fixture(scope="module")
def make_engine() -> Callable[[], WebRtcNoiseReducer]:
    pytest.importorskip("webrtc_noise_gain", reason="webrtc-noise-gain has wheels for Linux only")
    return WebRtcNoiseReducer


class TestWebRtcNoise(NoiseReducerContract[WebRtcNoiseReducer]):
    pass


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "webrtc_noise_gain", None)
    with pytest.raises(MissingDependencyError, match=r"vivavoce\[noise\]"):
        WebRtcNoiseReducer().load()


def test_it_has_to_be_loaded() -> None:
    with pytest.raises(EngineError, match="not loaded"):
        WebRtcNoiseReducer().open_stream("near_field")
