"""A streaming recogniser in the form of NeMo's CTC models, made by hand, that hears tones.

For the real sherpa-onnx. Each word has a tone of its own, `tone(word)`; silence is silence. A word
is heard as soon as a chunk of 160 ms is full.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

WORDS = ("hello", "big", "wide", "world")
FREQUENCIES = (500.0, 1000.0, 2000.0, 4000.0)
RATE = 16_000

MELS = 80
CHUNK = 16
"""Frames of 10 ms in a chunk."""
POOLED = 4
"""Frames in a step of the output."""
BLANK = len(WORDS)
MARGIN = 4.0
"""A band has to be so much louder than the others, in natural logarithms of power."""

IR_VERSION = 8
OPSET = 17


def tone(word: str, ms: int = 320) -> npt.NDArray[np.int16]:
    """What this word sounds like, mono at 16 kHz."""
    frequency = FREQUENCIES[WORDS.index(word)]
    time = np.arange(RATE * ms // 1000) / RATE
    return (8000 * np.sin(2 * np.pi * frequency * time)).astype(np.int16)


def silence(ms: int) -> npt.NDArray[np.int16]:
    """Nothing, at 16 kHz."""
    return np.zeros(RATE * ms // 1000, np.int16)


def mel_band(frequency: float) -> int:
    """The mel band whose middle is nearest (Slaney's scale, as librosa has it)."""
    edges = np.linspace(mel(0.0), mel(RATE / 2), MELS + 2)
    return int(np.argmin(np.abs(edges[1:-1] - mel(frequency))))


def mel(frequency: float) -> float:
    if frequency < 1000.0:
        return frequency * 3 / 200
    return 15 + float(np.log(frequency / 1000)) * 27 / float(np.log(6.4))


def write_tiny_sherpa(folder: Path) -> Path:
    """Write `model.onnx` and `tokens.txt` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"▁{word} {number}" for number, word in enumerate(WORDS)]
    (folder / "tokens.txt").write_text("\n".join([*lines, f"<blk> {BLANK}"]) + "\n")
    onnx.save(model(), str(folder / "model.onnx"))
    return folder


def model() -> onnx.ModelProto:
    weights = np.zeros((MELS, len(WORDS) + 1), np.float32)
    for word, frequency in enumerate(FREQUENCIES):
        weights[:, word] = -1.0 / MELS
        weights[mel_band(frequency), word] += 1.0
    bias = np.zeros(len(WORDS) + 1, np.float32)
    bias[BLANK] = MARGIN
    node = helper.make_node
    nodes = [
        node("AveragePool", ["x"], ["pooled"], kernel_shape=[POOLED], strides=[POOLED]),
        node("Transpose", ["pooled"], ["steps"], perm=[0, 2, 1]),
        node("MatMul", ["steps", "weights"], ["product"]),
        node("Add", ["product", "bias"], ["logits"]),
        node("LogSoftmax", ["logits"], ["logprobs"], axis=-1),
        node("Div", ["length", "pool"], ["encoded_lengths"]),
        node("Identity", ["channel"], ["channel_next"]),
        node("Identity", ["time"], ["time_next"]),
        node("Identity", ["channel_len"], ["channel_len_next"]),
    ]
    floats, integers = TensorProto.FLOAT, TensorProto.INT64
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "tones",
        [
            value("x", floats, ["N", MELS, "T"]),
            value("length", integers, ["N"]),
            value("channel", floats, ["N", 1, 1, 1]),
            value("time", floats, ["N", 1, 1, 1]),
            value("channel_len", integers, ["N"]),
        ],
        [
            value("logprobs", floats, ["N", "S", len(WORDS) + 1]),
            value("encoded_lengths", integers, ["N"]),
            value("channel_next", floats, ["N", 1, 1, 1]),
            value("time_next", floats, ["N", 1, 1, 1]),
            value("channel_len_next", integers, ["N"]),
        ],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(bias, "bias"),
            numpy_helper.from_array(np.array([POOLED], np.int64), "pool"),
        ],
    )
    made = helper.make_model(
        graph, ir_version=IR_VERSION, opset_imports=[helper.make_opsetid("", OPSET)]
    )
    described = {
        "window_size": CHUNK,
        "chunk_shift": CHUNK,
        "subsampling_factor": POOLED,
        "vocab_size": len(WORDS),
        **{f"cache_last_{kind}_dim{n}": 1 for kind in ("channel", "time") for n in (1, 2, 3)},
    }
    helper.set_model_props(made, {key: str(entry) for key, entry in described.items()})
    return made
