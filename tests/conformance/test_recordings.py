"""What clients sent to the live service, sent to this server: the answers have the same order and
the same keys. The recordings lie beside a checkout; without them these tests are skipped."""

import json
from typing import Any

import pytest
import yaml

from support.recordings import (
    ASYNCHRONOUS,
    FOLDER,
    Event,
    Recording,
    by_item,
    in_order,
    recording,
    shape,
)
from support.server import Client, serving
from support.sound import utterance
from vivavoce.engines.stt.scripted import ScriptedRecognizer

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the recordings of the live service are not beside this checkout"
)

WRITTEN = [
    "test_openai_ws--test_text_in_audio_out_turn",
    "test_openai_ws--test_tool_call_round",
    "test_openai_ws--test_message_history_seeding",
    "test_azure_ws--test_text_in_audio_out_turn",
    "test_azure_ws--test_tool_call_round",
    "test_azure_ws--test_message_history_seeding",
    "test_parity_ws--test_history_seeding_parity-openai-current",
    "test_parity_ws--test_history_seeding_parity-openai-previous",
    "test_parity_ws--test_text_tool_round_parity-openai-previous",
]
REASONING = "test_parity_ws--test_text_tool_round_parity-openai-current"
SPOKEN = [
    "test_openai_ws--test_audio_in_server_vad_turn",
    "test_openai_ws--test_input_audio_retention_segments_three_server_vad_turns",
    "test_azure_ws--test_audio_in_server_vad_transcribes",
    "test_azure_ws--test_audio_in_server_vad_transcription_requires_deployment",
    "test_azure_ws--test_spoken_turn_transcribed_drives_a_tool_and_answers_in_audio",
]


def rule(answer: Event, event: str) -> dict[str, Any]:
    """A rule of a reply script that answers as a recorded response did."""
    made: dict[str, Any] = {"event": event}
    for item in answer["output"]:
        if item["type"] == "function_call":
            made["call"] = {"tool": item["name"], "arguments": json.loads(item["arguments"])}
        else:
            (part,) = item["content"]
            made["say"] = part.get("text") or part["transcript"]
    return made


def reply_script(recorded: Recording) -> str:
    """The script after which our model says what the recorded one said."""
    first, *later = recorded.answers()
    event = "inaudible" if failed_to_hear(recorded) else "words"
    rules = [rule(first, event), *(rule(answer, "tool_result") for answer in later[:1])]
    return yaml.safe_dump({"rules": rules})


def failed_to_hear(recorded: Recording) -> bool:
    """Whether the transcription failed."""
    return any(e["type"] == f"{ASYNCHRONOUS}failed" for e in recorded.received())


class Replay:
    """A recording played to a server: what was sent is sent when what was received has come."""

    def __init__(self, recorded: Recording, client: Client) -> None:
        self._recorded = recorded
        self._client = client
        self._turns = sum(e["type"].endswith("speech_started") for e in recorded.received())
        self._silent = True

    async def play(self) -> list[Event]:
        """Gives all that the server has sent."""
        before = 0
        for direction, event in self._recorded.messages:
            if direction == "received":
                before += in_order(event)
                self._silent |= event["type"] == "response.done"
            elif event["type"] != "input_audio_buffer.append":
                await self._received(before)
                await self._client.socket.send_str(json.dumps(self._ours(event)))
            elif self._silent and self._turns:
                # The recorded audio is shortened; a turn of ours stands for each of its turns.
                await self._received(before)
                await self._client.append(utterance())
                self._turns -= 1
                self._silent = False
        await self._received(before)
        return self._client.events

    async def _received(self, count: int) -> None:
        while sum(in_order(event) for event in self._client.events) < count:
            await self._client.next()

    def _ours(self, event: Event) -> Event:
        """The event with our id of the call in place of the recorded one."""
        text = json.dumps(event)
        kind = "response.function_call_arguments.done"
        theirs = [each for each in self._recorded.received() if each["type"] == kind]
        for their, our in zip(theirs, self._client.of(kind), strict=False):
            text = text.replace(their["call_id"], our["call_id"])
        ours: Event = json.loads(text)
        return ours


async def replayed(recorded: Recording) -> list[Event]:
    """What our server sends in place of the live one."""
    hearing = ScriptedRecognizer((None,) if failed_to_hear(recorded) else "hello", deltas=True)
    async with (
        serving(replies=reply_script(recorded), stt=hearing) as server,
        server.connect("model=gpt-realtime") as client,
    ):
        return await Replay(recorded, client).play()


def ordered(events: list[Event]) -> list[str]:
    """The types whose order counts."""
    return [event["type"] for event in events if in_order(event)]


def assert_same_shapes(ours: list[Event], theirs: list[Event]) -> None:
    """Every event of theirs, in order, has the keys of ours."""
    for our, their in zip(filter(in_order, ours), filter(in_order, theirs), strict=True):
        assert shape(our) == shape(their), our["type"]


def assert_same_deltas(ours: list[Event], theirs: list[Event]) -> None:
    """There are deltas of the same types, with the same keys."""
    assert deltas(ours) == deltas(theirs)


def deltas(events: list[Event]) -> dict[str, Any]:
    """The shape of each type of delta."""
    return {
        event["type"]: shape(event)
        for event in events
        if event["type"].endswith(".delta") and not event["type"].startswith(ASYNCHRONOUS)
    }


@pytest.mark.parametrize("name", WRITTEN)
async def test_a_written_conversation_is_answered_in_the_same_order_and_shape(name: str) -> None:
    recorded = recording(name)
    ours, theirs = await replayed(recorded), recorded.received()
    assert ordered(ours) == ordered(theirs)
    assert_same_shapes(ours, theirs)
    assert_same_deltas(ours, theirs)


async def test_of_a_reasoning_model_every_item_has_the_same_order() -> None:
    """Its commentary and its call overlap; ours follow each other. Each by itself is the same."""
    recorded = recording(REASONING)
    ours, theirs = await replayed(recorded), recorded.received()
    for our, their in zip(by_item(ours), by_item(theirs), strict=True):
        assert ordered(our) == ordered(their)
        assert_same_shapes(our, their)


@pytest.mark.parametrize("name", SPOKEN)
async def test_spoken_turns_are_answered_in_the_same_order_and_shape(name: str) -> None:
    recorded = recording(name)
    ours, theirs = await replayed(recorded), recorded.received()
    assert ordered(ours) == ordered(theirs)
    assert_same_shapes(ours, theirs)
    assert_same_deltas(ours, theirs)


@pytest.mark.parametrize("name", SPOKEN)
async def test_transcriptions_have_the_same_shape(name: str) -> None:
    recorded = recording(name)
    ours, theirs = (
        {e["type"]: shape(e) for e in events if e["type"].startswith(ASYNCHRONOUS)}
        for events in (await replayed(recorded), recorded.received())
    )
    for shapes in (ours, theirs):
        for each in shapes.values():
            each.pop("usage", None)  # by duration with ours, by tokens with theirs
            each.get("error", {}).pop("type", None)  # whose fault it was
    assert ours == theirs
