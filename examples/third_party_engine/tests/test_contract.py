"""The contract of Vivavoce's voices: every test comes from the class."""

from collections.abc import Callable

import pytest
from vivavoce_morse import MorseSynthesizer

from vivavoce.engines.contract import SpeechSynthesizerContract


@pytest.fixture(scope="module")
def make_engine() -> Callable[[], MorseSynthesizer]:
    return MorseSynthesizer


class TestMorse(SpeechSynthesizerContract[MorseSynthesizer]):
    texts = ("CQ, CQ.", "What hath God wrought?")
    longest_ms = 1_500  # per character: Morse is slow
