"""Loading a model of sherpa-onnx, tried in a process of its own before.

The library ends its process (`exit(-1)` in C++) for a model or an option that does not fit, where
others raise. So a process that is thrown away loads the model first and hears a second of silence
with it; what it could do will not end the server. This doubles the time of loading, once. To
recognise in such a process would bring no more, and every piece of audio across a socket.
"""

from typing import Any

import msgspec

from vivavoce.engines.base import EngineError
from vivavoce.engines.child_process import Child
from vivavoce.engines.worker import Work, WorkError, encoded_setup, serve, setup_of

SAMPLE_RATE = 16_000
START_S = 300.0
"""Seconds that a model may take to load."""


class Loading(msgspec.Struct, frozen=True, kw_only=True):
    """What is loaded: by which maker in `sherpa_onnx.OnlineRecognizer`, with which arguments."""

    maker: str
    files: dict[str, str]
    threads: int
    device: str
    options: dict[str, Any]


def load(loading: Loading) -> Any:
    """Give the `OnlineRecognizer`; raises `EngineError` for what the library refuses itself."""
    import sherpa_onnx

    make = getattr(sherpa_onnx.OnlineRecognizer, loading.maker)
    try:
        return make(
            **loading.files,
            num_threads=loading.threads,
            provider=loading.device,
            **loading.options,
        )
    except (RuntimeError, TypeError, ValueError) as error:
        raise EngineError(f"the model cannot be loaded: {error}") from error


def load_elsewhere(name: str, loading: Loading) -> None:
    """Load it in another process and end that; blocks. Raises `EngineError` if it cannot."""
    try:
        setup = encoded_setup(loading)
    except TypeError as error:
        raise EngineError(f"options: {error}", code="invalid_configuration") from error
    child = Child(name, __name__, setup, start_s=START_S)
    try:
        child.wait_until_ready()
    finally:
        child.reap()
        child.close()


def prepare() -> Work[Loading]:
    """In the process that is thrown away: load, hear silence, and have no work to do."""
    try:
        recognizer = load(setup_of(Loading))
    except EngineError as error:
        raise WorkError(str(error)) from None
    stream = recognizer.create_stream()
    stream.accept_waveform(SAMPLE_RATE, [0.0] * SAMPLE_RATE)
    while recognizer.is_ready(stream):
        recognizer.decode_streams([stream])
    return lambda _loading, _caller: None


if __name__ == "__main__":
    serve(Loading, prepare)
