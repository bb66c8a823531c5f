"""Errors over HTTP, in the shape of OpenAI's API: `{"error": {message, type, param, code}}`."""

import logging
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import hdrs, web

from vivavoce.protocol.errors import ErrorDetail, Refusal
from vivavoce.transports.authentication import Unauthenticated
from vivavoce.transports.origins import ForeignOrigin
from vivavoce.transports.rest.bodies import TooLarge

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Middleware: refusals become the status that clients know them by."""
    try:
        return await handler(request)
    except Unauthenticated as refusal:
        return error_response(401, refusal.detail, {hdrs.WWW_AUTHENTICATE: "Bearer"})
    except ForeignOrigin as refusal:
        return error_response(403, refusal.detail)
    except TooLarge as refusal:
        return error_response(413, refusal.detail)
    except Refusal as refusal:
        return error_response(400, refusal.detail)
    except web.HTTPError as error:
        text = f"{request.method} {request.path}: {error.text or error.reason}"
        detail = ErrorDetail(code=None, message=text)
        return error_response(error.status, detail, allowed_methods(error))
    except web.HTTPException:
        raise
    except Exception:  # a bug of ours; the client is to read JSON then, too
        logger.exception("a request failed unexpectedly")
        text = "The server failed. Its log says why."
        return error_response(500, ErrorDetail(type="server_error", code=None, message=text))


def allowed_methods(error: web.HTTPError) -> dict[str, str]:
    """The header that a 405 must have."""
    allow = error.headers.get(hdrs.ALLOW)
    return {} if allow is None else {hdrs.ALLOW: allow}


def error_response(
    status: int, detail: ErrorDetail, headers: Mapping[str, str] | None = None
) -> web.Response:
    """The error as JSON."""
    return web.json_response({"error": error_object(detail)}, status=status, headers=headers)


def error_object(detail: ErrorDetail) -> dict[str, str | None]:
    """The error as clients know it. `event_id` belongs to events, and is left out."""
    return {name: getattr(detail, name) for name in ("message", "type", "param", "code")}
