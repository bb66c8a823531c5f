"""Failures of a backend, worded for the one who runs Vivavoce: what, where, what to do."""

import grpc

from vivavoce.engines.base import EngineError
from vivavoce.engines.localai.settings import BackendSettings
from vivavoce.engines.openai_http.failures import UnavailableError

_MAX_SAID = 300
"""Characters of what a backend says that are repeated."""

_ADVICE = {
    grpc.StatusCode.UNAVAILABLE: ("connection_failed", "cannot be reached. Is it running?"),
    grpc.StatusCode.CANCELLED: ("connection_lost", "gave up {method}."),
    grpc.StatusCode.DEADLINE_EXCEEDED: ("timeout", "took too long for {method}."),
    grpc.StatusCode.FAILED_PRECONDITION: (
        "model_not_loaded",
        "has no model loaded: say which under the engine's load, as in "
        "{{Model: NAME, ModelFile: PATH}}.",
    ),
    grpc.StatusCode.UNAUTHENTICATED: (
        "authentication_error",
        "wants a key: set the engine's api_key to its LOCALAI_GRPC_AUTH_TOKEN.",
    ),
    grpc.StatusCode.RESOURCE_EXHAUSTED: ("overloaded", "is overloaded."),
    grpc.StatusCode.INVALID_ARGUMENT: ("invalid_request", "refused {method}."),
    grpc.StatusCode.UNIMPLEMENTED: (
        "invalid_configuration",
        "does not know {method}: it is a backend for something else.",
    ),
}


def failure(settings: BackendSettings, method: str, error: grpc.RpcError) -> EngineError:
    """Word the status of a call; what the backend said comes last, and never the key."""
    status, said = error.code(), " ".join((error.details() or "").split())
    if status is grpc.StatusCode.UNKNOWN and said == "unimplemented":
        status = grpc.StatusCode.UNIMPLEMENTED  # as LocalAI's backends in Go say it
    code, advice = _ADVICE.get(status, ("server_error", "failed in {method}."))
    if settings.api_key:
        said = said.replace(settings.api_key, "***")
    said = f" It said: {said[:_MAX_SAID]}" if said else ""
    text = f"the backend at {settings.address} {advice.format(method=method)}{said}"
    kind = UnavailableError if status is grpc.StatusCode.UNAVAILABLE else EngineError
    return kind(text, code=code)


def late(settings: BackendSettings, method: str, limit: float, *, begun: bool) -> EngineError:
    """Word that nothing came in time."""
    what = "stopped: nothing came" if begun else f"did not answer {method}"
    return EngineError(f"the backend at {settings.address} {what} for {limit:g} s", code="timeout")


def closed(settings: BackendSettings) -> EngineError:
    """Word that the engine was closed while somebody used it."""
    return EngineError(
        f"the connection to the backend at {settings.address} was closed", code="connection_lost"
    )
