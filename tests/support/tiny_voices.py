"""Models of speech synthesis that hum, with the inputs and outputs of real ones.

Each token becomes a tone whose pitch is the token's number, so that the same text gives the same
samples and another text gives others. A text of more than `ENDLESS` tokens takes minutes.
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ENDLESS = 180
"""Tokens, with those that the libraries put around them."""

SAMPLES_PER_TOKEN = 1_280
"""At speed 1."""

PIPER_HOP = 256

# Piper's signs of padding, beginning and end, and whatever espeak-ng may write.
_SIGNS = [*"_^$", *map(chr, (*range(0x20, 0x5E), *range(0x60, 0x7F), *range(0xA1, 0x370)))]
PHONEME_IDS = {sign: [number] for number, sign in enumerate(dict.fromkeys(_SIGNS))}


def write_kokoro(folder: Path, *, durations: bool, voices: tuple[str, ...]) -> tuple[Path, Path]:
    """Write a model and its voices, as `kokoro-v1.0.onnx` and `voices-v1.0.bin`."""
    nodes = [
        helper.make_node("Div", ["samples_per_token", "speed"], ["repeats"]),
        helper.make_node("Slice", ["style", "zero", "one", "axis_1"], ["pitch"]),
        *_tone("tokens", extra_pitch="pitch"),
        helper.make_node("Identity", ["sound"], ["audio"]),
    ]
    outputs = [helper.make_tensor_value_info("audio", TensorProto.FLOAT, [None])]
    if durations:
        nodes.append(helper.make_node("Expand", ["one", "count"], ["duration"]))
        outputs.append(helper.make_tensor_value_info("duration", TensorProto.INT64, [None]))
    inputs = [
        helper.make_tensor_value_info("tokens", TensorProto.INT64, [1, None]),
        helper.make_tensor_value_info("style", TensorProto.FLOAT, [1, 256]),
        helper.make_tensor_value_info("speed", TensorProto.FLOAT, [1]),
    ]
    model, archive = folder / "kokoro.onnx", folder / "voices.bin"
    _save(model, nodes, inputs, outputs)
    styles = {
        name: np.full((510, 1, 256), number / 40, np.float32) for number, name in enumerate(voices)
    }
    with archive.open("wb") as file:
        np.savez(file, **styles)  # type: ignore[arg-type]
    return model, archive


def write_piper(
    folder: Path,
    name: str,
    *,
    rate: int = 22_050,
    speakers: tuple[str, ...] = (),
    alignments: bool = False,
) -> Path:
    """Write a voice such as `en_US-lessac-medium`, with its configuration beside it."""
    nodes = [
        helper.make_node("Slice", ["scales", "one", "two", "axis_0"], ["length_scale"]),
        helper.make_node("Mul", ["length_scale", "samples_per_token"], ["repeats"]),
        *_tone("input", extra_pitch="speaker"),
        helper.make_node("Reshape", ["sound", "shape_of_output"], ["output"]),
    ]
    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, 1, None])]
    if alignments:
        nodes.append(helper.make_node("Div", ["repeats", "hop"], ["frames"]))
        nodes.append(helper.make_node("Expand", ["frames", "count"], ["durations"]))
        outputs.append(helper.make_tensor_value_info("durations", TensorProto.FLOAT, [None]))
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, [1, None]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
    ]
    if speakers:
        inputs.append(helper.make_tensor_value_info("sid", TensorProto.INT64, [1]))
        nodes.insert(0, helper.make_node("Cast", ["sid"], ["sid_float"], to=TensorProto.FLOAT))
        nodes.insert(1, helper.make_node("Div", ["sid_float", "ten"], ["speaker"]))
    else:
        nodes.insert(0, helper.make_node("Identity", ["still"], ["speaker"]))
    path = folder / f"{name}.onnx"
    _save(path, nodes, inputs, outputs)
    language = name.split("-")[0]
    config = {
        "audio": {"sample_rate": rate},
        "espeak": {"voice": "en-us" if language == "en_US" else language.split("_")[0]},
        "language": {"code": language, "family": language.split("_")[0]},
        "phoneme_type": "espeak",
        "num_symbols": 256,
        "num_speakers": len(speakers) or 1,
        "speaker_id_map": {speaker: number for number, speaker in enumerate(speakers)},
        "phoneme_id_map": PHONEME_IDS,
        "hop_length": PIPER_HOP,
    }
    Path(f"{path}.json").write_text(json.dumps(config), encoding="utf-8")
    return path


def _tone(tokens: str, *, extra_pitch: str) -> list[onnx.NodeProto]:
    """From tokens `[1, N]` and `repeats` `[1]` to `sound` `[N * repeats]`; `count` is `[N]`."""
    return [
        helper.make_node("Shape", [tokens], ["count"], start=1, end=2),
        *_dawdle(),
        helper.make_node("Cast", ["repeats"], ["width"], to=TensorProto.INT64),
        helper.make_node("Concat", ["count", "width"], ["grid"], axis=0),
        helper.make_node("Cast", [tokens], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["numbers", "step"], ["steps"]),
        helper.make_node("Add", ["steps", extra_pitch], ["pitches"]),
        helper.make_node("Add", ["pitches", "waited"], ["late_pitches"]),
        helper.make_node("Transpose", ["late_pitches"], ["column"], perm=[1, 0]),
        helper.make_node("Expand", ["column", "grid"], ["spread"]),
        helper.make_node("Reshape", ["spread", "flat"], ["angles"]),
        helper.make_node("CumSum", ["angles", "axis_scalar"], ["phase"]),
        helper.make_node("Sin", ["phase"], ["wave"]),
        helper.make_node("Mul", ["wave", "half"], ["sound"]),
    ]


def _dawdle() -> list[onnx.NodeProto]:
    """Add up zeros many times if there are too many tokens; `waited` is 0."""
    scalar = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go_on"], ["goes_on"]),
            helper.make_node("Add", ["sum", "sum"], ["sums"]),
        ],
        "dawdle",
        [
            scalar("turn", TensorProto.INT64, []),
            scalar("go_on", TensorProto.BOOL, []),
            scalar("sum", TensorProto.FLOAT, [1]),
        ],
        [scalar("goes_on", TensorProto.BOOL, []), scalar("sums", TensorProto.FLOAT, [1])],
    )
    return [
        helper.make_node("Sub", ["count", "endless"], ["excess"]),
        helper.make_node("Max", ["excess", "zero"], ["turns"]),
        helper.make_node("Mul", ["turns", "million"], ["many"]),
        helper.make_node("Squeeze", ["many"], ["trips"]),
        helper.make_node("Loop", ["trips", "yes", "still"], ["waited"], body=body),
    ]


def _save(
    path: Path,
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
) -> None:
    constants = {
        "samples_per_token": np.array([SAMPLES_PER_TOKEN], np.float32),
        "hop": np.array([PIPER_HOP], np.float32),
        "step": np.array([0.001], np.float32),
        "half": np.array([0.5], np.float32),
        "ten": np.array([10], np.float32),
        "still": np.array([0], np.float32),
        "yes": np.array(True),
        "zero": np.array([0], np.int64),
        "one": np.array([1], np.int64),
        "two": np.array([2], np.int64),
        "axis_0": np.array([0], np.int64),
        "axis_1": np.array([1], np.int64),
        "axis_scalar": np.array(0, np.int64),
        "flat": np.array([-1], np.int64),
        "shape_of_output": np.array([1, 1, 1, -1], np.int64),
        "endless": np.array([ENDLESS], np.int64),
        "million": np.array([1_000_000], np.int64),
    }
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "hum",
        inputs,
        outputs,
        [numpy_helper.from_array(v, k) for k, v in constants.items() if k in used],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
