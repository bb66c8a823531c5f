"""The GA dialect: JSON frames to client events, server events to JSON frames (protocol 3, 4)."""

from typing import Any

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from vivavoce.protocol.client_events import (
    CLIENT_EVENTS,
    ClientEvent,
    InputAudioBufferAppend,
    ResponseCreate,
    ResponseParams,
    SessionUpdate,
)
from vivavoce.protocol.errors import (
    ErrorDetail,
    Refusal,
    invalid_value,
    refuse,
    unknown_parameter,
)
from vivavoce.protocol.server_events import (
    RateLimitsAtStart,
    ResponseCreated,
    ResponseDone,
    ServerEvent,
    SessionCreated,
    SessionUpdated,
)
from vivavoce.protocol.session_config import RealtimeSession
from vivavoce.protocol.sizes import is_too_deep, too_deep
from vivavoce.protocol.validation import explain

_decoder = msgspec.json.Decoder(ClientEvent)
_encoder = msgspec.json.Encoder()

BETA_ONLY = (RateLimitsAtStart,)
"""The events of the machine that GA does not have."""

UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What a frame that is no JSON, or is nested beyond reason, makes a decoder raise."""


def decode(frame: str | bytes) -> ClientEvent:
    """The event in a text frame.

    Raises `Refusal` with the error that protocol 6.1 names for what is wrong, holding the
    client's own event id where the frame has one.
    """
    try:
        event: ClientEvent = _decoder.decode(frame)
    except msgspec.ValidationError as error:
        raise explained(parsed(frame), error) from error
    except UNREADABLE as error:
        raise invalid_json(error) from error
    try:
        check_meaning(event)
    except Refusal as refusal:
        raise Refusal(replace(refusal.detail, event_id=event.event_id)) from refusal
    return event


def check_meaning(event: ClientEvent) -> None:
    """Raises `Refusal` for what fits the types, and yet is no event.

    That is JSON of any depth; and the machine knows a temperature, but GA has none any more
    (protocol 2.7).
    """
    if isinstance(event, InputAudioBufferAppend):  # by far the most frequent, and as flat as can be
        return
    if is_too_deep(event):
        raise too_deep()
    match event:
        case SessionUpdate(session=patch):
            check_patch(patch)
        case ResponseCreate(response=ResponseParams(temperature=float())):
            raise unknown_parameter("response.temperature")


def check_patch(patch: dict[str, Any]) -> None:
    """Raises `Refusal` for the field of a session that `merge` knows and GA does not."""
    if "temperature" in patch:
        raise unknown_parameter("session.temperature")


def parsed(frame: str | bytes) -> object:
    """The JSON in a frame, of which only the beginning may have been read so far."""
    try:
        return msgspec.json.decode(frame)
    except UNREADABLE as error:
        raise invalid_json(error) from error


def encode(event: ServerEvent) -> tuple[bytes, ...]:
    """The frame of an event, in which bytes are base64; nothing for one that only beta has."""
    if isinstance(event, BETA_ONLY):
        return ()
    return (_encoder.encode(without_temperature(event)),)


def without_temperature(event: ServerEvent) -> ServerEvent:
    """The event without the one field that only the beta dialect shows."""
    match event:
        case SessionCreated(session=RealtimeSession(temperature=float()) as session):
            return replace(event, session=replace(session, temperature=UNSET))
        case SessionUpdated(session=RealtimeSession(temperature=float()) as session):
            return replace(event, session=replace(session, temperature=UNSET))
        case ResponseCreated(response=response) | ResponseDone(response=response):
            return replace(event, response=replace(response, temperature=UNSET))
        case _:
            return event


def binary_frame() -> ErrorDetail:
    """What a binary frame is told: the protocol is JSON text (protocol 1.1)."""
    return ErrorDetail(
        code="invalid_event", message="Binary frames are not supported. Send JSON text frames."
    )


def invalid_json(error: Exception) -> Refusal:
    """A frame that is no JSON."""
    return refuse("invalid_json", f"The frame is not valid JSON: {error}.")


def not_an_event() -> Refusal:
    """JSON that cannot be an event."""
    return refuse("invalid_event", "An event is a JSON object with a string 'type'.")


def explained(raw: object, error: msgspec.ValidationError) -> Refusal:
    """Why valid JSON is not an event."""
    if not isinstance(raw, dict) or not isinstance(raw.get("type"), str):
        return not_an_event()
    kind = CLIENT_EVENTS.get(raw["type"])
    if is_too_deep(raw):
        refusal = too_deep()
    elif kind is None:
        refusal = invalid_value("type", raw["type"], CLIENT_EVENTS)
    else:
        refusal = explain(raw, kind, "", error)
    return Refusal(replace(refusal.detail, event_id=event_id(raw)))


def event_id(raw: dict[str, Any]) -> str | None:
    """The id that the client gave its event."""
    given = raw.get("event_id")
    return given if isinstance(given, str) else None
