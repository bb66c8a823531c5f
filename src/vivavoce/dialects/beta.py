"""The beta dialect (`OpenAI-Beta: realtime=v1`): the old names and the flat sessions, translated
at the edge; the machine does not know of it (protocol 2.7, 3, 4).

A frame is turned into the event that GA would have, and checked as such; a server event is turned
into the old one. Errors name what the client sent: their paths are mapped back.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from vivavoce.dialects import ga
from vivavoce.dialects.beta_fields import (
    RESPONSE_FIELDS,
    SESSION_FIELDS,
    Fields,
    Json,
    response_params,
    session_patch,
    transcription_patch,
)
from vivavoce.dialects.beta_items import given_item, shown_item
from vivavoce.dialects.beta_sessions import shown_response, shown_session
from vivavoce.protocol.client_events import CLIENT_EVENTS, ClientEvent
from vivavoce.protocol.errors import ErrorDetail, Refusal, invalid_value
from vivavoce.protocol.server_events import (
    OWN,
    BaseServerEvent,
    ConversationItemAdded,
    ConversationItemRetrieved,
    Error,
    FunctionCallArgumentsDone,
    OutputItemAdded,
    OutputItemDone,
    ResponseCreated,
    ResponseDone,
    ServerEvent,
    SessionCreated,
    SessionUpdated,
)
from vivavoce.protocol.session_config import TranscriptionSession
from vivavoce.protocol.sizes import is_too_deep, too_deep

_encoder = msgspec.json.Encoder()

TRANSCRIPTION_UPDATE = "transcription_session.update"
BETA_EVENTS = (*CLIENT_EVENTS, TRANSCRIPTION_UPDATE)
"""What a client may send."""

NAMES: Mapping[str, str] = {
    "conversation.item.added": "conversation.item.created",
    "rate_limits.at_start": "rate_limits.updated",
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
}
"""What beta calls the server events that it names otherwise."""

SAME_NAMES = frozenset(
    {
        "error",
        "session.created",
        "session.updated",
        "conversation.item.retrieved",
        "conversation.item.deleted",
        "conversation.item.truncated",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
        "conversation.item.input_audio_transcription.failed",
        "input_audio_buffer.committed",
        "input_audio_buffer.cleared",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "output_audio_buffer.started",
        "output_audio_buffer.stopped",
        "output_audio_buffer.cleared",
        "response.created",
        "response.done",
        "response.output_item.added",
        "response.output_item.done",
        "response.content_part.added",
        "response.content_part.done",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        *(str(event.__struct_config__.tag) for event in OWN),
    }
)
"""The server events with one name in both. Those in neither table came with GA and are not sent;
GA's `rate_limits.updated` is none of them, since beta tells the limits when a response begins."""


# --- from a client ------------------------------------------------------------------------------


def decode(frame: str | bytes) -> ClientEvent:
    """The event in a text frame.

    Raises `Refusal` as `ga.decode` does, with the paths of this dialect.
    """
    raw = ga.parsed(frame)
    if not isinstance(raw, dict) or not isinstance(raw.get("type"), str):
        raise ga.not_an_event()
    try:
        if is_too_deep(raw):
            raise too_deep()
        return checked(given_event(raw))
    except Refusal as refusal:
        detail = in_old_terms(refusal.detail)
        raise Refusal(replace(detail, event_id=ga.event_id(raw))) from refusal


def given_event(raw: Json) -> Json:
    """The event as GA would have it. What has another shape is left to the check that follows."""
    if raw["type"] not in BETA_EVENTS:
        raise invalid_value("type", raw["type"], BETA_EVENTS)
    match raw:
        case {"type": "session.update", "session": dict(flat)}:
            return {**raw, "session": session_patch(flat)}
        case {"type": "transcription_session.update", "session": dict(flat)}:
            return {**raw, "type": "session.update", "session": transcription_patch(flat)}
        case {"type": "transcription_session.update"}:
            return {**raw, "type": "session.update"}
        case {"type": "conversation.item.create", "item": item}:
            return {**raw, "item": given_item(item, "item")}
        case {"type": "response.create", "response": dict(flat)}:
            return {**raw, "response": given_response(flat)}
        case _:
            return raw


def given_response(flat: Json) -> Json:
    """The parameters of a response, the items of its input among them."""
    params = response_params(flat)
    if isinstance(params.get("input"), list):
        params["input"] = [
            given_item(item, f"response.input[{index}]")
            for index, item in enumerate(params["input"])
        ]
    return params


def checked(event: Json) -> ClientEvent:
    """The event as a value, if it is one."""
    try:
        value: ClientEvent = msgspec.convert(event, ClientEvent)
    except msgspec.ValidationError as error:
        raise ga.explained(event, error) from error
    return value


# --- errors -------------------------------------------------------------------------------------


def old_paths(fields: Fields, root: str) -> dict[str, str]:
    """The path of each field as the machine knows it, and what it is called here."""
    return {
        ".".join((root, *place)): f"{root}.{name}"
        for name, place in fields.items()
        if place != (name,)
    }


OLD_PATHS = old_paths(SESSION_FIELDS, "session") | old_paths(RESPONSE_FIELDS, "response")
_new_path = re.compile("|".join(rf"\b{re.escape(path)}\b" for path in OLD_PATHS))


def in_old_terms(detail: ErrorDetail) -> ErrorDetail:
    """An error whose path and text name this dialect's fields."""
    if detail.code == "unknown_parameter" and detail.param in OLD_PATHS:
        return detail  # The machine knows that field: it is this dialect that refuses it.
    param = None if detail.param is None else old_path(detail.param)
    return replace(detail, message=old_path(detail.message), param=param)


def old_path(text: str) -> str:
    """The text with this dialect's paths."""
    return _new_path.sub(lambda found: OLD_PATHS[found[0]], text)


# --- to a client --------------------------------------------------------------------------------


def encode(event: ServerEvent) -> tuple[bytes, ...]:
    """The frame of an event; nothing for one that came with GA."""
    shown = shown_event(event)
    return () if shown is None else (_encoder.encode(shown),)


def shown_event(event: ServerEvent) -> Json | None:
    """The event as beta has it; None if it has none."""
    show = SHOWN.get(type(event))
    if show is not None:
        return show(event)
    shown: Json = msgspec.to_builtins(event)
    kind = shown["type"]
    if kind not in NAMES and kind not in SAME_NAMES:
        return None
    return {**shown, "type": NAMES.get(kind, kind)}


def shown_error(event: Error) -> Json:
    """An error in this dialect's terms."""
    return headed(event, error=msgspec.to_builtins(in_old_terms(event.error)))


def shown_with_session(event: SessionCreated | SessionUpdated) -> Json:
    """A session, flat; updates of a transcription session have an event of their own."""
    shown = headed(event, session=shown_session(event.session))
    if isinstance(event, SessionUpdated) and isinstance(event.session, TranscriptionSession):
        shown["type"] = "transcription_session.updated"
    return shown


def shown_with_item(
    event: ConversationItemAdded | ConversationItemRetrieved | OutputItemAdded | OutputItemDone,
) -> Json | None:
    """An event about an item; None if the item came with GA."""
    item = shown_item(event.item)
    if item is None:
        return None
    others = {key: getattr(event, key) for key in event.__struct_fields__}
    return headed(event, **{**others, "item": item})


def shown_with_response(event: ResponseCreated | ResponseDone) -> Json:
    """A response with the old names."""
    items = [item for item in map(shown_item, event.response.output) if item is not None]
    return headed(event, response=shown_response(event.response, items))


def shown_arguments(event: FunctionCallArgumentsDone) -> Json:
    """The arguments of a call; its name is in its item."""
    shown: Json = msgspec.to_builtins(event)
    del shown["name"]
    return shown


def headed(event: BaseServerEvent, **fields: Any) -> Json:
    """An event with these fields, under its old name."""
    kind = str(event.__struct_config__.tag)
    return {"type": NAMES.get(kind, kind), "event_id": event.event_id, **fields}


SHOWN: Mapping[type[BaseServerEvent], Callable[[Any], Json | None]] = {
    Error: shown_error,
    SessionCreated: shown_with_session,
    SessionUpdated: shown_with_session,
    ConversationItemAdded: shown_with_item,
    ConversationItemRetrieved: shown_with_item,
    OutputItemAdded: shown_with_item,
    OutputItemDone: shown_with_item,
    ResponseCreated: shown_with_response,
    ResponseDone: shown_with_response,
    FunctionCallArgumentsDone: shown_arguments,
}
"""How the events are shown that differ by more than their name."""
