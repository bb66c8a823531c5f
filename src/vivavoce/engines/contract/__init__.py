"""The contract of the engine slots, as pytest classes that the tests of an engine inherit.

One class for each slot. A test module gives a fixture `make_engine`, a callable that makes an
engine which is not loaded, and a few samples; all tests then come from the class::

    @pytest.fixture(scope="module")
    def make_engine():
        return MorseSynthesizer

    class TestMorse(SpeechSynthesizerContract[MorseSynthesizer]):
        texts = ("Calling any station.", "Over.")

The tests need `pytest` and `pytest-asyncio` (`pip install 'vivavoce[contract]'`); nothing else of
Vivavoce imports this package. They use the real engine, so an author may well override a method
or a limit of a class where an engine is slower or freer than most; docs/engines.md says which.
"""

from vivavoce.engines.contract.detector import VoiceActivityDetectorContract
from vivavoce.engines.contract.language_model import LanguageModelContract
from vivavoce.engines.contract.lifecycle import EngineContract
from vivavoce.engines.contract.noise_reducer import NoiseReducerContract
from vivavoce.engines.contract.recognizer import SpeechRecognizerContract, Utterance
from vivavoce.engines.contract.streaming_recognizer import StreamingRecognizerContract
from vivavoce.engines.contract.synthesizer import SpeechSynthesizerContract
from vivavoce.engines.contract.turn_detector import TurnDetectorContract

__all__ = [
    "EngineContract",
    "LanguageModelContract",
    "NoiseReducerContract",
    "SpeechRecognizerContract",
    "SpeechSynthesizerContract",
    "StreamingRecognizerContract",
    "TurnDetectorContract",
    "Utterance",
    "VoiceActivityDetectorContract",
]
