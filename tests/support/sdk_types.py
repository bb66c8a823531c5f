"""The judge of every event that the server emits: the types of OpenAI's own SDK.

The SDK's models allow keys that they do not declare, and its client builds events without
validation. Here both are strict: a missing key, a wrong type and an unknown key are all failures.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from openai.types.realtime import RealtimeServerEvent
from pydantic import BaseModel, TypeAdapter, ValidationError

_union: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)

SENT_BUT_UNDECLARED = frozenset({"session.object", "session.id", "session.expires_at"})
"""What the live service sends and the SDK's session types leave out, in all recordings."""

judged: Counter[str] = Counter()
"""How many events of each type were judged in this run."""


def assert_valid_event(event: dict[str, Any]) -> None:
    """Fails unless the event is one of the SDK's union, with no unknown and no missing key."""
    kind = event.get("type")
    try:
        parsed = _union.validate_python(event)
    except ValidationError as error:
        raise AssertionError(f"the SDK does not know this {kind}: {error}\n{event}") from error
    unknown = sorted(set(undeclared(parsed)) - SENT_BUT_UNDECLARED)
    assert not unknown, f"{kind} has keys that the SDK does not declare: {unknown}\n{event}"
    assert event["event_id"], f"{kind} has no event id"
    judged[str(kind)] += 1


def undeclared(value: object, path: str = "") -> Iterator[str]:
    """The paths of all keys that no model declares."""
    match value:
        case BaseModel():
            for key in value.model_extra or {}:
                yield join(path, key)
            for key in value.model_fields_set & type(value).model_fields.keys():
                yield from undeclared(getattr(value, key), join(path, key))
        case list():
            for element in value:
                yield from undeclared(element, f"{path}[]")


def join(path: str, key: str) -> str:
    """The path of `key` under `path`."""
    return f"{path}.{key}" if path else key
