"""Failures of a server, worded for the one who runs Vivavoce: what, where, what to do."""

import html
import re
from typing import Any

import msgspec

from vivavoce.engines.base import EngineError

_BUSY = "It is busy, or still loading; try again later."

_MAX_SAID = 200
"""Characters of a document by a server that are repeated."""

# What a web page has besides its text. A page may be cut off in the middle of any of it.
_MARKUP = re.compile(
    r"<(?P<unseen>script|style)\b.*?(?:</(?P=unseen)\s*>|\Z)|<!--.*?(?:-->|\Z)|<[^>]*(?:>|\Z)",
    re.DOTALL | re.IGNORECASE,
)


class UnavailableError(EngineError):
    """Trying again may help: no connection, or a server that is busy or still loading.

    `retry_after` is what the server asked for, in seconds, or None.
    """

    def __init__(self, message: str, *, code: str, retry_after: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


def refusal(
    status: int,
    body: bytes,
    retry_after: str | None,
    *,
    model: str,
    secret: str | None,
    key_advice: str,
) -> EngineError:
    """Word an answer whose HTTP status is not 200; what the server said comes last.

    `key_advice` says where a key that the server accepts is set.

    Of a web page only the text is repeated, of anything no more than 200 characters, and `secret`
    never.
    """
    code, advice = _code_and_advice(status, model, key_advice)
    message = f"answered with HTTP status {status}. {advice}".rstrip() + said_in(body, secret)
    if status in (429, 503):
        return UnavailableError(message, code=code, retry_after=_seconds(retry_after))
    return EngineError(message, code=code)


def not_a_stream(content_type: str, body: bytes, *, secret: str | None) -> EngineError:
    """Word an answer that should be a stream of events and is a document, as in `refusal`."""
    return EngineError(
        f"answered with {content_type}, not with a stream of events. Does the URL end where the "
        f"server's API begins, mostly in /v1?{said_in(body, secret)}",
        code="invalid_response",
    )


def said(error: Any) -> str:
    """The text of an `error` as servers write it: an object with a message, or plain text."""
    if isinstance(error, dict):
        for field in ("error", "message", "detail"):
            if error.get(field):
                return said(error[field])
    text = error if isinstance(error, str) else msgspec.json.encode(error).decode()
    return " ".join(text.split())


def said_in(body: bytes, secret: str | None) -> str:
    """What a document says, as a sentence: 200 characters at most, and never `secret`."""
    try:
        text = said(msgspec.json.decode(body))
    except msgspec.DecodeError:
        text = said(_seen(body.decode("utf-8", "replace")))
    if secret is not None:
        text = text.replace(secret, "***")  # before the cut, which may leave a part of it
    if len(text) > _MAX_SAID:
        text = f"{text[: _MAX_SAID - 1]}…"
    return f" The server said: {text}" if text else ""


def _seen(text: str) -> str:
    """What a reader sees of a web page; other text as it is."""
    return html.unescape(_MARKUP.sub(" ", text)) if text.lstrip().startswith("<") else text


def _code_and_advice(status: int, model: str, key_advice: str) -> tuple[str, str]:
    match status:
        case 401 | 403:
            return "authentication_error", key_advice
        case 404:
            return "model_not_found", (
                f"Is the model name {model!r} right, and does the URL end where the server's API "
                "begins, mostly in /v1?"
            )
        case 429:
            return "rate_limit_exceeded", "Its limit is reached; try again later."
        case 503:
            return "server_error", _BUSY
        case _ if status < 400:
            return "invalid_response", "It may have moved elsewhere; give its own URL."
        case _ if status < 500:
            return "invalid_request", ""
        case _:
            return "server_error", "Its own log may say why."


def _seconds(retry_after: str | None) -> float | None:
    # The header may hold a date instead; such a server gets the ordinary pauses.
    try:
        return float(retry_after) if retry_after else None
    except ValueError:
        return None
