"""How a session begins: from the query of its URL, or from the client secret that was shown
(protocol 1.1)."""

from aiohttp import web

from vivavoce.protocol.errors import invalid_value, refuse
from vivavoce.protocol.session_config import SessionConfig, merge
from vivavoce.runtime.client_secrets import AnyModel
from vivavoce.runtime.sessions import Sessions
from vivavoce.transports.authentication import Admission

EVENTS_PARAMETER = "vivavoce_events"
"""Names events of our own that a client is to be sent."""

MEASURED = "turn.measured"


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
        if isinstance(bound, AnyModel):
            return of_model(present(model or deployment), bound, sessions)
        return bound
    if transcription:
        # Azure's URLs name the deployment of a transcription session too.
        if model:
            text = "You must not provide a model parameter for transcription sessions."
            raise refuse("invalid_model", text)
        return sessions.defaults("", transcription=True)
    return sessions.defaults(present(model or deployment), transcription=False)


def asks_for_measures(request: web.Request) -> bool:
    """Whether the URL asks for the event of our own, `?vivavoce_events=turn.measured`.

    Raises `Refusal` for another one: who asks for an event waits for it.
    """
    asked = request.query.getall(EVENTS_PARAMETER, ())
    for name in asked:
        if name != MEASURED:
            raise invalid_value(EVENTS_PARAMETER, name, (MEASURED,))
    return bool(asked)


def of_model(model: str, bound: AnyModel, sessions: Sessions) -> SessionConfig:
    """A session of this model with what a client secret sets.

    Raises `Refusal` for settings that the model does not take: the secret was made before anybody
    knew which one it is.
    """
    start = sessions.defaults(model, transcription=False)
    session = merge(start, bound.settings, sessions.abilities(start))
    sessions.check(session)
    return session


def present(model: str) -> str:
    """The name of a model. Raises `Refusal` if there is none."""
    if not model:
        raise refuse(
            "missing_model",
            "Name a model: connect to /v1/realtime?model=..., or use ?intent=transcription.",
            "model",
        )
    return model
