"""`POST /v1/realtime/sessions` and `/v1/realtime/transcription_sessions`: how clients of the beta
dialect ask for a client secret, and for what kind of session (protocol 1.2).

The secret opens a connection of either dialect.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from vivavoce.dialects.beta import in_old_terms
from vivavoce.dialects.beta_fields import Json, session_patch, transcription_patch
from vivavoce.dialects.beta_sessions import shown_session
from vivavoce.protocol.errors import ErrorDetail, Refusal, refuse
from vivavoce.protocol.session_config import SessionConfig, merge
from vivavoce.protocol.validation import explain
from vivavoce.runtime.client_secrets import (
    Bound,
    ClientSecret,
    ClientSecrets,
    SessionTooLargeError,
    bound,
)
from vivavoce.runtime.sessions import Sessions
from vivavoce.transports.client_secrets import ExpiresAfter, shown

TTL_S = 60
"""Seconds that a secret is valid unless the request says otherwise."""


class SecretOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`client_secret` of the request; `expires_at` is its name for transcription sessions."""

    expires_after: ExpiresAfter | None = None
    expires_at: ExpiresAfter | None = None


class BetaSecretsEndpoint:
    """Handles both paths. Who may ask is decided before."""

    def __init__(self, sessions: Sessions, secrets: ClientSecrets) -> None:
        self._sessions = sessions
        self._secrets = secrets

    async def realtime(self, request: web.Request) -> web.Response:
        """A session that answers."""
        flat = parse(await request.read())
        model = flat.get("model")
        start = self._sessions.defaults(
            model if isinstance(model, str) else "", transcription=False
        )
        return self._answer(flat, start, session_patch)

    async def transcription(self, request: web.Request) -> web.Response:
        """A session that only writes down what it hears."""
        flat = parse(await request.read())
        start = self._sessions.defaults("", transcription=True)
        return self._answer(flat, start, transcription_patch)

    def _answer(
        self, flat: Json, start: SessionConfig, patch: Callable[[Json], Json]
    ) -> web.Response:
        """The session with its secret. Raises `Refusal`, with the paths of the body."""
        try:
            settings = patch(flat)
            session = merge(start, settings, self._sessions.abilities(start))
            self._sessions.check(session)
            secret = self._mint(bound(session, settings), lifetime(flat.get("client_secret")))
        except Refusal as refusal:
            raise Refusal(of_the_body(in_old_terms(refusal.detail))) from refusal
        minted = {"value": secret.value, "expires_at": secret.expires_at}
        answer = {**shown_session(shown(session)), "client_secret": minted}
        return web.json_response(body=msgspec.json.encode(answer))

    def _mint(self, session: Bound, seconds: int) -> ClientSecret:
        try:
            return self._secrets.mint(session, seconds)
        except SessionTooLargeError as error:
            raise refuse("session_too_large", str(error)) from error


def parse(body: bytes) -> Json:
    """The flat session; an empty body asks for the defaults. Raises `Refusal`."""
    try:
        raw = msgspec.json.decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise refuse("invalid_json", f"The body is not valid JSON: {error}.") from error
    if not isinstance(raw, dict):
        raise refuse("invalid_type", "The body is not a JSON object.")
    return raw


def lifetime(options: Any) -> int:
    """How many seconds the secret is to be valid. Raises `Refusal`."""
    if options is None:
        return TTL_S
    try:
        asked = msgspec.convert(options, SecretOptions)
    except msgspec.ValidationError as error:
        raise explain(options, SecretOptions, "session.client_secret", error) from error
    expires = asked.expires_after or asked.expires_at
    return TTL_S if expires is None else expires.seconds


def of_the_body(detail: ErrorDetail) -> ErrorDetail:
    """The error of a session that is the whole body."""
    param = None if detail.param is None else detail.param.removeprefix("session.")
    message = detail.message.replace("'session.", "'")
    return msgspec.structs.replace(detail, message=message, param=param)
