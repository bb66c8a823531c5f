"""The session of the neural voices, on a tiny model that works for minutes if it is let."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from vivavoce.engines.tts.neural_child import InterruptedRunError, InterruptibleSession
from vivavoce.engines.worker import CANCEL, Caller, WorkError, frame

CPU = "CPUExecutionProvider"


@pytest.fixture(scope="module")
def model(
    tmp_path_factory: pytest.TempPathFactory, require_module: Callable[..., ModuleType]
) -> Path:
    require_module("onnx", reason="pip install onnx")
    from support.tiny_voices import write_piper

    return write_piper(tmp_path_factory.mktemp("session"), "en_US-x")


@pytest.fixture
def link() -> Iterator[tuple[socket.socket, Caller]]:
    """The other side's end, and the caller as the work sees it."""
    theirs, ours = socket.socketpair()
    with theirs, ours:
        yield theirs, Caller(ours)


def inputs(tokens: int) -> dict[str, npt.NDArray[Any]]:
    return {
        "input": np.ones((1, tokens), np.int64),
        "input_lengths": np.array([tokens], np.int64),
        "scales": np.ones(3, np.float32),
    }


def test_a_run_whose_caller_has_left_ends(model: Path, link: tuple[socket.socket, Caller]) -> None:
    theirs, caller = link
    session = InterruptibleSession(str(model), CPU, threads=1)
    session.caller = caller
    theirs.sendall(frame(CANCEL))
    with pytest.raises(InterruptedRunError):
        session.run(None, inputs(1_000))


def test_a_run_whose_caller_waits_gives_its_result(
    model: Path, link: tuple[socket.socket, Caller]
) -> None:
    _, caller = link
    session = InterruptibleSession(str(model), CPU, threads=1)
    alone = session.run(None, inputs(3))
    session.caller = caller
    assert np.array_equal(session.run(None, inputs(3))[0], alone[0])


def test_a_fault_of_the_model_is_no_interruption(
    model: Path, link: tuple[socket.socket, Caller]
) -> None:
    session = InterruptibleSession(str(model), CPU, threads=1)
    session.caller = link[1]
    with pytest.raises(Exception, match="scales"):
        session.run(None, {name: array for name, array in inputs(3).items() if name != "scales"})


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_model_is_not_run_elsewhere_than_was_said(model: Path) -> None:
    with pytest.raises(WorkError, match="CUDAExecutionProvider cannot start, and onnxruntime took"):
        InterruptibleSession(str(model), "CUDAExecutionProvider", threads=1)
