"""Every engine of this repository is held to the contract of its slot."""

import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest

from vivavoce.engines.contract import (
    EngineContract,
    LanguageModelContract,
    NoiseReducerContract,
    SpeechRecognizerContract,
    SpeechSynthesizerContract,
    TurnDetectorContract,
    VoiceActivityDetectorContract,
)

HERE = Path(__file__).parent
PROJECT = tomllib.loads(HERE.parents[1].joinpath("pyproject.toml").read_text("utf-8"))["project"]

CONTRACTS: dict[str, type[EngineContract[Any]]] = {
    "vad": VoiceActivityDetectorContract,
    "turn": TurnDetectorContract,
    "noise": NoiseReducerContract,
    "stt": SpeechRecognizerContract,
    "llm": LanguageModelContract,
    "tts": SpeechSynthesizerContract,
}
ENGINES = [
    (slot, entry.partition(":")[2])
    for slot in CONTRACTS
    for entry in PROJECT["entry-points"][f"vivavoce.{slot}"].values()
]


@pytest.fixture(scope="module")
def held() -> set[tuple[str, str]]:
    """The slots and class names of the engines that some test class holds to its contract."""
    classes = [
        kind
        for path in HERE.glob("test_*.py")
        if path != Path(__file__) and "Contract[" in path.read_text("utf-8")
        for kind in vars(module_at(path)).values()
        if isinstance(kind, type) and issubclass(kind, EngineContract) and "Test" in kind.__name__
    ]
    return {
        (slot, engine.__name__)
        for kind in classes
        for slot, contract in CONTRACTS.items()
        if issubclass(kind, contract)
        for base in getattr(kind, "__orig_bases__", ())
        for engine in get_args(base)
    }


def module_at(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"read_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("slot", "engine"), ENGINES, ids=lambda value: value)
def test_an_engine_is_held_to_its_contract(
    held: set[tuple[str, str]], slot: str, engine: str
) -> None:
    assert (slot, engine) in held, (
        f"no class in tests/engines inherits {CONTRACTS[slot].__name__}[{engine}]"
    )


def test_the_server_needs_no_pytest() -> None:
    program = "import sys, vivavoce.app; sys.exit('pytest' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
