"""A real llama.cpp server on loopback, with the tiny model of `support.tiny_gguf`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import xllamacpp

from support.tiny_gguf import CONTEXT, build_tiny_model


@contextmanager
def running_llama_server(folder: Path, *, slots: int = 4) -> Iterator[str]:
    """Build the model in `folder`, serve it, and give the API's base URL (`http://…/v1`).

    `slots` answers are generated at once, each within `CONTEXT` tokens; others wait.
    """
    model = folder / "tiny.gguf"
    build_tiny_model(model)
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = CONTEXT * slots
    params.n_parallel = slots
    # Each open connection holds a thread, idle ones too.
    params.n_threads_http = 64
    params.cpuparams.n_threads = 1
    params.endpoint_metrics = True
    params.warmup = False
    params.verbosity = -1
    server = xllamacpp.Server(params)
    yield f"{server.listening_address}/v1"
    del server  # stops it
