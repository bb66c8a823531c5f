"""smart-turn v3: hears from intonation and words whether somebody has finished (by Daily).

A small Whisper encoder with one output, in `onnxruntime`. The file lies in the package `pipecat-ai`
(BSD-2), of which nothing is imported; another of the same form may be named
(https://github.com/pipecat-ai/smart-turn). It hears 23 languages.
"""

import importlib.util
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from vivavoce.audio.pcm import FULL_SCALE, to_samples
from vivavoce.engines.base import EngineError, MissingDependencyError
from vivavoce.engines.threads import DaemonThreads
from vivavoce.engines.turn.log_mel import BANDS, HOP, RATE, log_mel

_SECONDS = 8
_SAMPLES = _SECONDS * RATE
_FRAMES = _SAMPLES // HOP
_PACKAGE = "pipecat"
_FOLDER = "audio/turn/smart_turn/data"
_PATTERN = "smart-turn-v3*-cpu.onnx"


class SmartTurnDetector:
    """Judges in threads of its own: about 30 ms of one processor for each judgement.

    `path` is the model's file; without it the one in `pipecat-ai` is taken. `workers` is how many
    judgements are made at a time, each on one thread; the others wait. Batches would not help,
    since the model takes as long for each row of one.
    """

    name: ClassVar[str] = "smart-turn"
    sample_rate: int = RATE
    hears_s: float = _SECONDS

    def __init__(self, path: str | None = None, *, workers: int = 1) -> None:
        if workers < 1:
            raise ValueError(f"workers: expected at least 1, got {workers}.")
        self._path = path
        self._count = workers
        self._workers: DaemonThreads | None = None
        self._session: Any = None
        self._input = ""

    @classmethod
    def from_spec(cls, argument: str) -> "SmartTurnDetector":
        """`smart-turn:PATH`: the model's file."""
        return cls(argument)

    def load(self) -> None:
        """Load the model and try it once.

        Raises `MissingDependencyError` without the file or `onnxruntime`, `EngineError` if the
        file is no such model.
        """
        self._session = _open_session(self._file())
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1 or list(inputs[0].shape[1:]) != [BANDS, _FRAMES]:
            shapes = ", ".join(f"{one.name} {one.shape}" for one in (*inputs, *outputs))
            raise EngineError(
                f"{self._file()} is no smart-turn v3 model: that has one input of shape "
                f"[N, {BANDS}, {_FRAMES}] and one output, this has {shapes}.",
                code="invalid_configuration",
            )
        self._input = inputs[0].name
        self._judge(bytes(2 * RATE))
        self._workers = DaemonThreads("smart-turn", self._count)

    async def close(self) -> None:
        """End the threads, unless they hang, and free the model."""
        workers, self._workers = self._workers, None
        if workers is not None:
            await workers.close()
        self._session = None

    async def judge(self, audio: bytes) -> float:
        """The probability that the speaker has finished; see `TurnDetector`."""
        if self._workers is None:
            raise EngineError("the turn detector is not loaded")
        return await self._workers.call(partial(self._judge, audio))

    def _judge(self, audio: bytes) -> float:
        """On a worker."""
        samples = to_samples(audio)[-_SAMPLES:].astype(np.float32) / FULL_SCALE
        # Silence goes in front: the model was trained to look at the end.
        heard = np.pad(samples, (_SAMPLES - len(samples), 0))
        (probabilities,) = self._session.run(None, {self._input: log_mel(heard)[np.newaxis]})
        return float(probabilities.reshape(-1)[0])

    def _file(self) -> Path:
        if self._path is None:
            return find_model()
        path = Path(self._path).expanduser()
        if not path.is_file():
            raise EngineError(f"there is no file {path}.", code="invalid_configuration")
        return path


def find_model() -> Path:
    """Find the model's file in the installed `pipecat-ai`, without importing that.

    Raises `MissingDependencyError` if it is not there.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    for folder in (spec and spec.submodule_search_locations) or ():
        found = sorted(Path(folder, _FOLDER).glob(_PATTERN))
        if found:
            return found[-1]
    raise MissingDependencyError(
        "smart-turn needs the model file inside of pipecat-ai 1.x: "
        "pip install 'vivavoce[smart-turn]' (or pip install --no-deps pipecat-ai, as nothing else "
        "of it is used), or name the file as its `path`."
    )


def _open_session(model: Path) -> Any:
    """Open the model for one thread that sleeps when it has nothing to do."""
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingDependencyError(
            "smart-turn needs onnxruntime: pip install onnxruntime."
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        str(model), sess_options=options, providers=["CPUExecutionProvider"]
    )
