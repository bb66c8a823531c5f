"""Who may use the server: API keys and client secrets, and where a request may carry them
(protocol 1.1).

Keys are held as digests and compared in constant time; no key is part of a message, a log or a
`repr`.
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from aiohttp import web

from vivavoce.protocol.errors import ErrorDetail, Refusal
from vivavoce.runtime.client_secrets import PREFIX, Bound, ClientSecrets, InvalidClientSecretError

KEY_PROTOCOL = "openai-insecure-api-key."
"""The subprotocol in which a browser carries its key, as it cannot set headers."""

KEYS_IN_QUERY = frozenset({"api-key", "api_key", "apikey", "access_token"})
"""Names that query parameters with a key have, Azure's among them."""


class Unauthenticated(Refusal):
    """A request shows no key, or none that is valid."""


@dataclass(frozen=True, slots=True)
class Admission:
    """A caller that may come in. `bound` are the settings that its client secret holds."""

    bound: Bound | None = None


class Authentication:
    """Knows the keys. Without any API key, everybody is admitted."""

    def __init__(self, api_keys: Iterable[str], secrets: ClientSecrets) -> None:
        self._digests = tuple(digest(key) for key in api_keys)
        self._secrets = secrets

    @property
    def needs_key(self) -> bool:
        """Whether there is any API key."""
        return bool(self._digests)

    def admit(self, request: web.Request) -> Admission:
        """Whether a request may open a session, and of which settings. Raises `Unauthenticated`.

        A client secret is held to its word even where no key is needed, because it carries the
        settings of the session.
        """
        key = presented_key(request)
        if key is not None and key.startswith(PREFIX):
            try:
                return Admission(self._secrets.open(key))
            except InvalidClientSecretError as error:
                raise invalid_key(str(error)) from error
        self._check(key)
        return Admission()

    def require_api_key(self, request: web.Request) -> None:
        """Raises `Unauthenticated` for what is not an API key: secrets open sessions, no more."""
        key = presented_key(request)
        if self._digests and key is not None and key.startswith(PREFIX):
            raise invalid_key("This takes an API key; a client secret opens sessions only.")
        self._check(key)

    def _check(self, key: str | None) -> None:
        """Raises `Unauthenticated` unless the key is one of ours, or none is needed."""
        if not self._digests:
            return
        if key is None:
            raise Unauthenticated(ErrorDetail(code=None, message=NO_KEY))
        given = digest(key)
        # All are compared, so that the time does not tell which key it is.
        if not sum(hmac.compare_digest(given, known) for known in self._digests):
            raise invalid_key("Incorrect API key provided.")


NO_KEY = (
    "You didn't provide an API key. Provide it in an Authorization header using Bearer auth "
    "(Authorization: Bearer YOUR_KEY), in an api-key header, or, from a browser, in the WebSocket "
    f"subprotocol {KEY_PROTOCOL}YOUR_KEY."
)

KEY_IN_QUERY = (
    "An API key in a URL is not accepted, because URLs are written to logs and histories. "
    "Send it in an Authorization header (Bearer) or an api-key header instead, or, from a browser, "
    f"a client secret in the WebSocket subprotocol {KEY_PROTOCOL}YOUR_SECRET."
)


def presented_key(request: web.Request) -> str | None:
    """The key that a request carries. Raises `Unauthenticated` for one in its URL."""
    if any(name.lower() in KEYS_IN_QUERY for name in request.query):
        raise invalid_key(KEY_IN_QUERY)
    return bearer_token(request) or subprotocol_key(request) or request.headers.get("api-key")


def bearer_token(request: web.Request) -> str | None:
    """The token of `Authorization: Bearer`."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def subprotocol_key(request: web.Request) -> str | None:
    """The key among the WebSocket subprotocols that are offered."""
    for offer in request.headers.getall("Sec-WebSocket-Protocol", ()):
        for protocol in offer.split(","):
            if protocol.strip().startswith(KEY_PROTOCOL):
                return protocol.strip().removeprefix(KEY_PROTOCOL)
    return None


def invalid_key(message: str) -> Unauthenticated:
    """A key that is not accepted, and why."""
    return Unauthenticated(ErrorDetail(code="invalid_api_key", message=message))


def digest(key: str) -> bytes:
    """What is held of a key. A header may have bytes that are no UTF-8."""
    return hashlib.sha256(key.encode(errors="surrogateescape")).digest()
