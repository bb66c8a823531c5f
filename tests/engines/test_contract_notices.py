"""The contract itself: it passes faithful engines, and notices each rule that is broken."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from support import unfaithful_transcripts  # it adds recognisers
from support.unfaithful import Invented, kinds
from support.unfaithful_detectors import Detector
from support.unfaithful_models import Model
from support.unfaithful_noise_reducers import NoiseReducer
from support.unfaithful_recognizers import Recognizer
from support.unfaithful_streaming_recognizers import StreamingRecognizer
from support.unfaithful_synthesizers import Synthesizer
from support.unfaithful_turn_detectors import TurnDetector

pytest_plugins = ["pytester"]

SLOTS = {
    "VoiceActivityDetectorContract": Detector,
    "SpeechRecognizerContract": Recognizer,
    "StreamingRecognizerContract": StreamingRecognizer,
    "LanguageModelContract": Model,
    "SpeechSynthesizerContract": Synthesizer,
    "TurnDetectorContract": TurnDetector,
    "NoiseReducerContract": NoiseReducer,
}

PROGRAM = f"""
import {unfaithful_transcripts.__name__}
from {{module}} import {{engine}}
from support.unfaithful import cases, kinds
from vivavoce.engines.contract import {{contract}}

globals().update(cases({{contract}}, kinds({{engine}})))
"""

INI = f"""
[pytest]
pythonpath = {Path(__file__).parents[1]}
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings =
    error
    ignore::pytest.PytestUnraisableExceptionWarning
"""


@pytest.mark.parametrize(("contract", "engine"), SLOTS.items())
def test_each_engine_is_caught_by_the_test_of_the_rule_that_it_breaks(
    pytester: pytest.Pytester, contract: str, engine: type[Invented]
) -> None:
    pytester.makeini(INI)
    program = PROGRAM.format(contract=contract, engine=engine.__name__, module=engine.__module__)
    pytester.makepyfile(program)
    run = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-q", "--tb=line", "-rfE")
    failed: dict[str, list[str]] = defaultdict(list)
    for line in run.outlines:
        if found := re.match(r"(?:FAILED|ERROR) \S+::Test(\w+)::(\w+)", line):
            failed[found[1]].append(found[2])
    for kind in kinds(engine):
        failures = failed[kind.__name__]
        if kind.caught_by is None:
            assert failures == [], f"{kind.__name__} breaks no rule"
        else:
            assert any(one.startswith(kind.caught_by) for one in failures), (
                f"{kind.__name__} was to be caught by {kind.caught_by}, but failed {failures}"
            )
