"""The GA dialect: JSON frames to client events, server events to JSON frames (protocol 3, 4)."""

from typing import Any

import msgspec

from vivavoce.protocol.client_events import CLIENT_EVENTS, ClientEvent
from vivavoce.protocol.errors import ErrorDetail, Refusal, invalid_value, refuse
from vivavoce.protocol.server_events import ServerEvent
from vivavoce.protocol.validation import explain

_decoder = msgspec.json.Decoder(ClientEvent)
_encoder = msgspec.json.Encoder()

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
    return event


def parsed(frame: str | bytes) -> object:
    """The JSON in a frame, of which only the beginning may have been read so far."""
    try:
        return msgspec.json.decode(frame)
    except UNREADABLE as error:
        raise invalid_json(error) from error


def encode(event: ServerEvent) -> bytes:
    """The JSON of an event; bytes become base64."""
    return _encoder.encode(event)


def binary_frame() -> ErrorDetail:
    """What a binary frame is told: the protocol is JSON text (protocol 1.1)."""
    return ErrorDetail(
        code="invalid_event", message="Binary frames are not supported. Send JSON text frames."
    )


def invalid_json(error: Exception) -> Refusal:
    """A frame that is no JSON."""
    return refuse("invalid_json", f"The frame is not valid JSON: {error}.")


def explained(raw: object, error: msgspec.ValidationError) -> Refusal:
    """Why valid JSON is not an event."""
    if not isinstance(raw, dict) or not isinstance(raw.get("type"), str):
        return refuse("invalid_event", "An event is a JSON object with a string 'type'.")
    kind = CLIENT_EVENTS.get(raw["type"])
    if kind is None:
        refusal = invalid_value("type", raw["type"], CLIENT_EVENTS)
    else:
        refusal = explain(raw, kind, "", error)
    return Refusal(msgspec.structs.replace(refusal.detail, event_id=event_id(raw)))


def event_id(raw: dict[str, Any]) -> str | None:
    """The id that the client gave its event."""
    given = raw.get("event_id")
    return given if isinstance(given, str) else None
