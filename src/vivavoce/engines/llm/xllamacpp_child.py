"""The process in which llama.cpp serves a model on loopback; `xllamacpp.py` is its outside.

The library holds the interpreter's lock for as long as it loads a model, and ends the process on
some failures, so it cannot share one with an event loop.
"""

import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import msgspec

from vivavoce.engines.worker import Caller, Work, WorkError, serve, setup_of

ALL_LAYERS = 9999
"""More than any model has."""


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What to serve, and with what."""

    path: str
    projector: str
    """Path of the file that lets the model see images; empty for none."""
    context: int
    """Tokens, of each answer with its prompt."""
    parallel: int
    threads: int
    """0 leaves it to llama.cpp."""
    http_threads: int
    device: str
    gpu_layers: int
    chat_template: str


class Where(msgspec.Struct, frozen=True, array_like=True):
    """A request: where is the server?"""


class Address(msgspec.Struct, frozen=True, array_like=True):
    """The one reply: where the server's API begins, the key to it, and what the model runs on."""

    base_url: str
    api_key: str
    device: str


def prepare() -> Work[Where]:
    """Load the model and serve it; what is returned tells where."""
    import xllamacpp

    setup = setup_of(Setup)
    device = _device(setup.device, xllamacpp.get_device_info())
    key = secrets.token_urlsafe()
    params = _params(xllamacpp.CommonParams(), setup, on_gpu=device is not None, key=key)
    with tempfile.TemporaryFile() as words, _standard_error_in(words):
        try:
            server = xllamacpp.Server(params)
        except (RuntimeError, ValueError) as error:
            raise WorkError(f"llama.cpp cannot serve {setup.path}: {_why(words, error)}") from error

    def tell(_: Where, caller: Caller) -> None:
        # The server runs for as long as there is a reference to it: this one.
        base_url = f"{server.listening_address}/v1"
        caller.reply(Address(base_url, key, device or "the processor"))

    return tell


def _device(wanted: str, devices: list[dict[str, Any]]) -> str | None:
    """The name of the GPU to use, None for the processor. Raises `WorkError`."""
    gpus = [each["name"] for each in devices if each["type"].name.endswith("GPU")]
    if wanted == "cpu" or (wanted == "auto" and not gpus):
        return None
    if not gpus:
        raise WorkError(
            "device 'gpu' is not to be had: the installed xllamacpp sees none. Its wheels "
            "for CUDA, ROCm and Vulkan are elsewhere: https://github.com/xorbitsai/xllamacpp"
        )
    return ", ".join(gpus)


def _params(params: Any, setup: Setup, *, on_gpu: bool, key: str) -> Any:
    params.model.path = setup.path
    params.mmproj.path = setup.projector
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    # Any page in a browser on this machine may send requests to a local port.
    params.api_keys = [key]
    params.n_ctx = setup.context * setup.parallel
    params.n_parallel = setup.parallel
    params.n_threads_http = setup.http_threads
    if setup.threads:
        params.cpuparams.n_threads = setup.threads
        params.cpuparams_batch.n_threads = setup.threads
    # Without this llama.cpp leaves on the processor what does not fit, and shrinks the context.
    params.fit_params = False
    params.n_gpu_layers = setup.gpu_layers if on_gpu else 0
    params.no_kv_offload = not on_gpu
    params.no_op_offload = not on_gpu
    params.mmproj_use_gpu = on_gpu
    params.chat_template = setup.chat_template
    params.endpoint_metrics = True
    params.ui = False
    params.verbosity = 1  # errors
    return params


@contextmanager
def _standard_error_in(file: IO[bytes]) -> Iterator[None]:
    """llama.cpp says there, and only there, why it failed."""
    kept = os.dup(2)
    os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _why(words: IO[bytes], error: Exception) -> str:
    words.seek(0)
    text = words.read().decode("utf-8", "replace")
    reasons = re.findall(r"^[\d.]+ E \s*(.*)$", text, re.MULTILINE)
    return " ".join(reasons[0].split()) if reasons else str(error)


if __name__ == "__main__":
    serve(Where, prepare)
