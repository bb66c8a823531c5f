"""What a client was told in a conversation, apart from when: two runs of it can be compared."""

from collections import defaultdict
from itertools import count
from typing import Any

import msgspec

from support.world import World
from vivavoce.session.outputs import AnyOutput, Send, SendAudio, SendRetrieved

TRANSCRIPTION = "conversation.item.input_audio_transcription."


class Story:
    """What was sent, told without ids and times: the events of each item, deltas joined.

    The words of a turn come beside its other events, and are a chapter of their own.
    """

    def __init__(self, world: World) -> None:
        self._names: dict[str, str] = {}
        self._numbers: dict[str, count[int]] = defaultdict(count)
        self.chapters: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for step in world.log:
            for output in step.outputs:
                self._tell(output)
        self.conversation = [
            self._renamed(msgspec.to_builtins(listed.item))
            for listed in world.oracle.conversation.items
        ]

    def _tell(self, output: AnyOutput) -> None:
        if not isinstance(output, Send | SendAudio | SendRetrieved):
            return
        event = self._renamed(msgspec.to_builtins(output.event, builtin_types=(bytes,)))
        del event["event_id"]
        event.pop("obfuscation", None)  # random by its purpose
        for item in event.get("response", {}).get("output", ()):
            if item["type"] == "mcp_call":  # it may outlive its response
                item["output"] = item["error"] = None
        chapter = self.chapters[subject(event)]
        if chapter and "delta" in event and chapter[-1]["type"] == event["type"]:
            chapter[-1]["delta"] += event["delta"]
        else:
            chapter.append(event)

    def _renamed(self, value: Any) -> Any:
        """Ids in the order in which they were first told: `item 1`, `resp 1`."""
        if isinstance(value, dict):
            return {key: self._renamed(element) for key, element in value.items()}
        if isinstance(value, list | tuple):
            return [self._renamed(element) for element in value]
        if isinstance(value, str) and value.startswith(("item_", "resp_", "event_")):
            kind = value.partition("_")[0]
            if value not in self._names:
                self._names[value] = f"{kind} {next(self._numbers[kind])}"
            return self._names[value]
        return value


def subject(event: dict[str, Any]) -> str:
    """What an event is about: an item, its transcript, a response, or the session."""
    if event["type"].startswith(TRANSCRIPTION):
        return f"{event['item_id']} in words"
    if "item_id" in event:
        return str(event["item_id"])
    about = event.get("item") or event.get("response") or {"id": "session"}
    return str(about["id"])
