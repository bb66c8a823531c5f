"""`POST /v1/realtime/client_secrets`: a key for a browser, with the settings of its session
(protocol 1.2)."""

import secrets
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from vivavoce.dialects import ga
from vivavoce.protocol.errors import invalid_value, missing_parameter, refuse
from vivavoce.protocol.ids import Ids
from vivavoce.protocol.session_config import SessionConfig, merge
from vivavoce.protocol.validation import explain
from vivavoce.runtime.client_secrets import ClientSecrets, SessionTooLargeError, bound
from vivavoce.runtime.sessions import Sessions


class ExpiresAfter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a secret is valid, in seconds from now."""

    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, Meta(ge=10, le=7200)] = 600


class ClientSecretRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of the request."""

    expires_after: ExpiresAfter | None = None
    session: dict[str, Any] | None = None


class ClientSecretsEndpoint:
    """Handles the path. Who may ask is decided before."""

    def __init__(self, sessions: Sessions, secrets: ClientSecrets) -> None:
        self._sessions = sessions
        self._secrets = secrets

    async def handle(self, request: web.Request) -> web.Response:
        """Mint a secret. Raises `Refusal` for a body that asks for what there is not."""
        asked = parse(await request.read())
        patch = {"type": "realtime"} if asked.session is None else asked.session
        session = self._settings(patch)
        seconds = (asked.expires_after or ExpiresAfter()).seconds
        try:
            secret = self._secrets.mint(bound(session, patch), seconds)
        except SessionTooLargeError as error:
            raise refuse("session_too_large", str(error), "session") from error
        answer = {
            "value": secret.value,
            "expires_at": secret.expires_at,
            "session": shown(session),
        }
        return web.json_response(body=msgspec.json.encode(answer))

    def _settings(self, patch: dict[str, Any]) -> SessionConfig:
        """The session that a `session.update` with this object would make of a new one.

        Raises `Refusal`.
        """
        kind = patch.get("type")
        if kind is None:
            raise missing_parameter("session.type")
        if kind not in ("realtime", "transcription"):
            raise invalid_value("session.type", str(kind), ("realtime", "transcription"))
        ga.check_patch(patch)
        model = patch.get("model")
        named = model if isinstance(model, str) else ""
        start = self._sessions.defaults(named, transcription=kind == "transcription")
        session = merge(start, patch, self._sessions.abilities(start))
        self._sessions.check(session)
        return session


def parse(body: bytes) -> ClientSecretRequest:
    """The request; an empty body asks for the defaults. Raises `Refusal`."""
    if not body:
        return ClientSecretRequest()
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise refuse("invalid_json", f"The body is not valid JSON: {error}.") from error
    if not isinstance(raw, dict):
        raise refuse("invalid_type", "The body of this request is a JSON object.")
    try:
        return msgspec.convert(raw, ClientSecretRequest)
    except msgspec.ValidationError as error:
        raise explain(raw, ClientSecretRequest, "", error) from error


def shown(session: SessionConfig) -> SessionConfig:
    """As the answer shows it: `expires_at` is 0, since no session runs yet."""
    return msgspec.structs.replace(session.echoed(), id=Ids(secrets.randbits).new("sess"))
