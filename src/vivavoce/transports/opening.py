"""How a session begins: from the query of its URL, or from the client secret that was shown
(protocol 1.1)."""

import msgspec
from aiohttp import web

from vivavoce.protocol.errors import refuse
from vivavoce.protocol.session_config import RealtimeSession, SessionConfig
from vivavoce.runtime.sessions import Sessions
from vivavoce.transports.authentication import Admission


def starting_settings(
    request: web.Request, admission: Admission, sessions: Sessions
) -> SessionConfig:
    """The settings that a connection begins with. Raises `Refusal`.

    What a client secret is bound to counts; a model in the URL fills in for one that it does not
    name. Other query parameters are ignored.
    """
    model = request.query.get("model") or ""
    deployment = request.query.get("deployment") or ""
    transcription = request.query.get("intent") == "transcription"
    bound = admission.bound
    if bound is not None:
        return named(bound, model or deployment)
    if transcription:
        # Azure's URLs name the deployment of a transcription session too.
        if model:
            text = "You must not provide a model parameter for transcription sessions."
            raise refuse("invalid_model", text)
        return sessions.defaults("", transcription=True)
    return named(sessions.defaults("", transcription=False), model or deployment)


def named(session: SessionConfig, model: str) -> SessionConfig:
    """The session with a model. Raises `Refusal` if nothing names one."""
    if not isinstance(session, RealtimeSession) or session.model:
        return session
    if not model:
        raise refuse(
            "missing_model",
            "Name a model: connect to /v1/realtime?model=..., or use ?intent=transcription.",
            "model",
        )
    return msgspec.structs.replace(session, model=model)
