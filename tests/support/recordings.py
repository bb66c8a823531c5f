"""Recordings of the live service, where a checkout has them beside it in `shared/golden`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[3] / "shared" / "golden"

Event = dict[str, Any]

ASYNCHRONOUS = "conversation.item.input_audio_transcription."
"""Events that may fall anywhere (protocol 5.2)."""

ALWAYS_TOLD = frozenset({"type", "object", "role", "status"})
"""Keys whose values are part of a shape."""

NOT_OURS = frozenset({"obfuscation", "phase", "reasoning_tokens"})
"""Filler against traffic analysis, and what only reasoning models have."""

DOUBLED = ("response.content_part.added", "response.content_part.done")
"""Azure says the `part` of these again as `content`, which the SDK does not declare."""


@dataclass(frozen=True)
class Recording:
    """One connection: what was sent and received, in order."""

    name: str
    messages: tuple[tuple[str, Event], ...]
    """`sent` or `received`, and the event."""

    def received(self) -> list[Event]:
        """What the live service sent."""
        return [event for direction, event in self.messages if direction == "received"]

    def answers(self) -> list[Event]:
        """The responses as they ended."""
        return [e["response"] for e in self.received() if e["type"] == "response.done"]


def recording(name: str) -> Recording:
    """Read a recording."""
    content = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    messages = [(each["direction"], each["data"]) for each in content["interactions"]]
    return Recording(name, tuple(messages))


def in_order(event: Event) -> bool:
    """Whether the order of this event counts: no delta, no rate limits, no transcription."""
    kind = event["type"]
    return not (
        kind.endswith(".delta") or kind == "rate_limits.updated" or kind.startswith(ASYNCHRONOUS)
    )


def shape(value: Any, key: str = "") -> Any:
    """The keys of all objects, and the values that say what an object is."""
    match value:
        case {"type": str(kind), "content": _, "part": _} if kind in DOUBLED:
            return shape({k: v for k, v in value.items() if k != "content"})
        case dict():
            return {k: shape(v, k) for k, v in sorted(value.items()) if k not in NOT_OURS}
        case list():
            return [shape(element) for element in value]
        case str() if key in ALWAYS_TOLD:
            return value
        case _:
            return "..."


def by_item(events: list[Event]) -> Iterator[list[Event]]:
    """The events of each output item, and the others, in the order of their first."""
    groups: dict[str, list[Event]] = {}
    for event in events:
        item = event.get("item_id") or event.get("item", {}).get("id", "")
        groups.setdefault(item, []).append(event)
    yield from groups.values()
