"""The judge of the one event that is not OpenAI's, for clients that have asked for it."""

from typing import Any

MEASURED = "vivavoce.turn.measured"

STAGES = ("transcript", "first_token", "voice_ready", "endpoint", "first_audio", "last_audio")
TIMES = frozenset({*(f"{stage}_ms" for stage in STAGES), "done_ms"})
KEYS = TIMES | {"type", "event_id", "response_id", "item_id", "status", "drafted"}


def assert_valid_measures(event: dict[str, Any]) -> None:
    """Fails unless the event is as docs/observability.md says."""
    assert event.keys() == KEYS, event
    assert isinstance(event["drafted"], bool)
    assert event["status"] in ("completed", "cancelled", "incomplete", "failed")
    times = [event[key] for key in TIMES if event[key] is not None]
    assert all(isinstance(time, float) for time in times), event
    assert event["done_ms"] == max(times), event
