"""Getting hold of a backend. gRPC is imported here first, so its absence can be told plainly."""

import importlib.util
from typing import TYPE_CHECKING

from vivavoce.engines.base import MissingDependencyError
from vivavoce.engines.localai.settings import BackendSettings

if TYPE_CHECKING:
    from vivavoce.engines.localai.calls import Backend, BlockingBackend


def prepared(settings: BackendSettings) -> "Backend":
    """A backend for calls from the event loop, once its model is loaded; blocks until then.

    Raises `MissingDependencyError` without gRPC, and `EngineError`.
    """
    blocking = prepared_blocking(settings)
    blocking.close()
    from vivavoce.engines.localai.calls import Backend

    return Backend(settings)


def prepared_blocking(settings: BackendSettings) -> "BlockingBackend":
    """A backend for calls from a thread, else as `prepared`."""
    _require("grpc", "google.protobuf")
    from vivavoce.engines.localai.calls import BlockingBackend

    backend = BlockingBackend(settings)
    try:
        backend.prepare()
    except BaseException:
        backend.close()
        raise
    return backend


def _require(*packages: str) -> None:
    for package in packages:
        parent = package.partition(".")[0]
        if importlib.util.find_spec(parent) is None or importlib.util.find_spec(package) is None:
            raise MissingDependencyError(
                "gRPC is not installed; pip install 'vivavoce[localai]' brings it"
            )
