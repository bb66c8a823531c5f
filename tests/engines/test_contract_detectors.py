"""The contract on every detector."""

from collections.abc import Callable

import pytest

from vivavoce.engines.contract import VoiceActivityDetectorContract
from vivavoce.engines.vad.scripted import ScriptedDetector
from vivavoce.engines.vad.silero import SileroDetector


class TestScriptedDetector(VoiceActivityDetectorContract[ScriptedDetector]):
    @pytest.fixture(scope="class")
    @staticmethod
    def make_engine() -> Callable[[], ScriptedDetector]:
        return ScriptedDetector


class TestSileroDetector(VoiceActivityDetectorContract[SileroDetector]):
    @pytest.fixture(scope="class")
    @staticmethod
    def make_engine() -> Callable[[], SileroDetector]:
        return SileroDetector
