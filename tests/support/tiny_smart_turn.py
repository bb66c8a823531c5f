"""A model in the form of smart-turn v3, made by hand: a low tone at the end is a falling voice.

For the real onnxruntime. Its verdict goes by the tenth of a second that ends 300 ms before the end:
louder in the low bands, the turn is complete; louder in the high ones, it is not.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

BANDS, FRAMES, RATE = 80, 800, 16_000
LOW, HIGH = 400.0, 3000.0
"""Hertz: the tones of an end, and of a middle."""

IR_VERSION = 8
OPSET = 17


def tone(frequency: float, ms: int = 1000) -> npt.NDArray[np.int16]:
    """A voice at 16 kHz."""
    time = np.arange(RATE * ms // 1000) / RATE
    return (8000 * np.sin(2 * np.pi * frequency * time)).astype(np.int16)


def turn(frequency: float, pause_ms: int = 200) -> bytes:
    """A second of voice, and a pause, at 16 kHz."""
    return tone(frequency).tobytes() + bytes(2 * RATE * pause_ms // 1000)


def write_tiny_smart_turn(path: Path, *, frames: int = FRAMES) -> Path:
    """Write the model; with other `frames` it is of another form."""
    weights = np.zeros((BANDS, frames), np.float32)
    weights[: BANDS // 4, frames - 40 : frames - 30] = 1.0
    weights[BANDS // 2 :, frames - 40 : frames - 30] = -0.5
    node = helper.make_node
    nodes = [
        node("Flatten", ["input_features"], ["flat"]),
        node("MatMul", ["flat", "weights"], ["raw"]),
        node("Sigmoid", ["raw"], ["logits"]),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "intonation",
        [value("input_features", TensorProto.FLOAT, ["N", BANDS, frames])],
        [value("logits", TensorProto.FLOAT, ["N", 1])],
        [numpy_helper.from_array(weights.reshape(-1, 1) / 20, "weights")],
    )
    opset = helper.make_opsetid("", OPSET)
    onnx.save(helper.make_model(graph, ir_version=IR_VERSION, opset_imports=[opset]), str(path))
    return path
