"""What a failed request is answered: a status, and an error in the shape of OpenAI's API.

A client's mistake travels as a `Refusal`, for which `http_errors` knows the status. Here is what
an engine, or the lack of one, makes of a request.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from aiohttp import hdrs, web

from vivavoce.engines.base import EngineError, MissingDependencyError
from vivavoce.engines.openai_http.failures import UnavailableError
from vivavoce.protocol.errors import ErrorDetail, Refusal, abridged
from vivavoce.runtime.catalogue import UnknownModelError, UnsuitableModelError
from vivavoce.runtime.pipeline import ModelLoadError
from vivavoce.transports.http_errors import Handler, error_response
from vivavoce.transports.rest.bodies import TooLarge

logger = logging.getLogger(__name__)

STATUSES: Mapping[str, int] = MappingProxyType(
    {
        "timeout": 504,
        "engine_timeout": 504,
        "connection_failed": 502,
        "connection_lost": 502,
        "authentication_error": 502,
        "invalid_request": 502,
        "invalid_response": 502,
        "model_not_found": 502,
        "server_error": 502,
        "rate_limit_exceeded": 503,
        "model_load_error": 503,
    }
)
"""Of engines' error codes; 500 for others. A server behind an engine that refuses our key, or does
not know the model that the operator has named, is no mistake of the client."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What the client is told."""

    status: int
    detail: ErrorDetail
    retry_after_s: float | None = None

    def response(self) -> web.Response:
        """As an answer by itself."""
        asked = self.retry_after_s
        headers: dict[str, str] = {}
        if asked is not None:
            headers[hdrs.RETRY_AFTER] = f"{asked:.0f}"
        return error_response(self.status, self.detail, headers)


def told(handler: Handler) -> Handler:
    """The handler, whose failures are told to the client."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except (web.HTTPException, Refusal):
            raise
        except Exception as error:  # noqa: BLE001 - engines may raise anything; the client is told
            return failure_of(error).response()

    return handle


def failure_of(error: Exception) -> Failure:
    """What an exception means to the client. One that nobody expected is logged as well."""
    match error:
        case TooLarge():
            return Failure(413, error.detail)
        case Refusal():
            return Failure(400, error.detail)
        case UnknownModelError():
            return Failure(404, detail("model_not_found", error, "model"))
        case UnsuitableModelError():
            return Failure(400, detail("invalid_model", error, "model"))
        case ModelLoadError():
            text = ModelLoadError.FOR_CLIENTS
            told = ErrorDetail(type="server_error", code="model_load_error", message=text)
            return Failure(503, told)
        case MissingDependencyError():
            return Failure(503, detail(error.code, error))
        case UnavailableError():
            status = STATUSES.get(error.code, 503)
            return Failure(status, detail(error.code, error), error.retry_after)
        case EngineError():
            return Failure(STATUSES.get(error.code, 500), detail(error.code, error))
        case _:
            logger.exception("an engine failed unexpectedly", exc_info=error)
            text = f"The engine failed: {type(error).__name__}."
            return Failure(500, ErrorDetail(type="server_error", code="engine_error", message=text))


def detail(code: str, error: Exception, param: str | None = None) -> ErrorDetail:
    """The error; one with `param` is the client's own."""
    kind = "server_error" if param is None else "invalid_request_error"
    return ErrorDetail(type=kind, code=code, message=abridged(str(error)), param=param)
